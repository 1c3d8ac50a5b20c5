package whatsapp

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/command"
	"roost/shared/fault"
)

// ShowPicture tells where the picture of a person or a group is.
func (c *Client) ShowPicture(ctx context.Context, args command.PersonArgs) (command.Picture, error) {
	jid, err := parseJID(args.JID)
	if err != nil {
		return command.Picture{}, err
	}
	if err := c.online(); err != nil {
		return command.Picture{}, err
	}
	return c.picture(ctx, jid)
}

func (c *Client) picture(ctx context.Context, jid types.JID) (command.Picture, error) {
	info, err := c.wa.GetProfilePictureInfo(ctx, jid, nil)
	switch {
	case errors.Is(err, whatsmeow.ErrProfilePictureNotSet), errors.Is(err, whatsmeow.ErrProfilePictureUnauthorized), err == nil && info == nil:
		return command.Picture{}, nil
	case err != nil:
		return command.Picture{}, answered(err)
	}
	return command.Picture{ID: info.ID, URL: info.URL}, nil
}

// ShowProfile tells what WhatsApp says of a person.
func (c *Client) ShowProfile(ctx context.Context, args command.PersonArgs) (command.Profile, error) {
	jid, err := parseJID(args.JID)
	if err != nil {
		return command.Profile{}, err
	}
	if err := c.online(); err != nil {
		return command.Profile{}, err
	}
	infos, err := c.wa.GetUserInfo(ctx, []types.JID{jid})
	if err != nil {
		return command.Profile{}, answered(err)
	}
	info := infos[jid]
	out := command.Profile{About: info.Status, Name: c.nameOf(ctx, jid)}
	if out.Picture, err = c.picture(ctx, jid); err != nil {
		return command.Profile{}, err
	}
	if out.Business, err = c.business(ctx, jid); err != nil {
		return command.Profile{}, err
	}
	if out.Business != nil && info.VerifiedName != nil {
		out.Business.Name = info.VerifiedName.Details.GetVerifiedName()
	}
	return out, nil
}

// nameOf is how somebody calls themself, as far as the account has heard it.
func (c *Client) nameOf(ctx context.Context, jid types.JID) string {
	if jid.User == c.device.GetJID().User || jid.User == c.device.GetLID().User {
		return c.PushName()
	}
	contact, err := c.device.Contacts.GetContact(ctx, jid)
	if err != nil {
		return ""
	}
	for _, name := range []string{contact.PushName, contact.BusinessName, contact.FullName} {
		if name != "" {
			return name
		}
	}
	return ""
}

// business asks for the profile of a business, nil for a private person. (The
// library's own question leaves out description and websites.)
func (c *Client) business(ctx context.Context, jid types.JID) (*command.Business, error) {
	response, err := c.wa.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // the library exports no other way to say just this
		Namespace: "w:biz", Type: "get", To: types.ServerJID,
		Content: []waBinary.Node{{
			Tag: "business_profile", Attrs: waBinary.Attrs{"v": "244"},
			Content: []waBinary.Node{{Tag: "profile", Attrs: waBinary.Attrs{"jid": jid}}},
		}},
	})
	if errors.Is(err, whatsmeow.ErrIQNotFound) {
		return nil, nil //nolint:nilnil // a private person
	}
	if err != nil {
		return nil, answered(fmt.Errorf("ask for a business: %w", err))
	}
	all, _ := response.GetOptionalChildByTag("business_profile")
	profile, ok := all.GetOptionalChildByTag("profile")
	if !ok {
		return nil, nil //nolint:nilnil // a private person
	}
	text := func(node waBinary.Node) string {
		said, _ := node.Content.([]byte)
		return string(said)
	}
	out := &command.Business{
		Description: text(profile.GetChildByTag("description")), Address: text(profile.GetChildByTag("address")), Email: text(profile.GetChildByTag("email")),
		Category: text(profile.GetChildByTag("categories", "category")),
	}
	for _, site := range profile.GetChildrenByTag("website") {
		out.Websites = append(out.Websites, text(site))
	}
	if hours, open := profile.GetOptionalChildByTag("business_hours"); open {
		out.TimeZone = hours.AttrGetter().OptionalString("timezone")
		for _, day := range hours.GetChildrenByTag("business_hours_config") {
			said := day.AttrGetter()
			out.Hours = append(out.Hours, command.BusinessHours{
				Day: said.OptionalString("day_of_week"), Mode: said.OptionalString("mode"),
				Open: said.OptionalString("open_time"), Close: said.OptionalString("close_time"),
			})
		}
	}
	return out, nil
}

// SetProfile changes what the account calls itself and says about itself.
func (c *Client) SetProfile(ctx context.Context, args command.SetProfileArgs) error {
	if err := c.online(); err != nil {
		return err
	}
	if args.Name != nil {
		if err := c.wa.SendAppState(ctx, appstate.BuildSettingPushName(*args.Name)); err != nil {
			return answered(fmt.Errorf("set name: %w", err))
		}
		c.named(*args.Name)
	}
	if args.About != nil {
		return answered(c.wa.SetStatusMessage(ctx, types.SetStatusInput{Text: args.About}))
	}
	return nil
}

// privacyOf names the settings that are told and set as WhatsApp does.
func privacyOf(s types.PrivacySettings) command.Privacy {
	return command.Privacy{Settings: map[string]string{
		string(types.PrivacySettingTypeReadReceipts): string(s.ReadReceipts), string(types.PrivacySettingTypeProfile): string(s.Profile),
		string(types.PrivacySettingTypeStatus): string(s.Status), string(types.PrivacySettingTypeOnline): string(s.Online),
		string(types.PrivacySettingTypeLastSeen): string(s.LastSeen), string(types.PrivacySettingTypeGroupAdd): string(s.GroupAdd),
	}}
}

// ShowPrivacy tells the privacy settings of the account.
func (c *Client) ShowPrivacy(ctx context.Context) (command.Privacy, error) {
	if err := c.online(); err != nil {
		return command.Privacy{}, err
	}
	settings, err := c.wa.TryFetchPrivacySettings(ctx, true)
	if err != nil {
		return command.Privacy{}, answered(err)
	}
	return privacyOf(*settings), nil
}

// SetPrivacy changes those settings that it names and that are other than they
// should be.
func (c *Client) SetPrivacy(ctx context.Context, wanted command.Privacy) (command.Privacy, error) {
	now, err := c.ShowPrivacy(ctx)
	if err != nil {
		return command.Privacy{}, err
	}
	for name, value := range wanted.Settings {
		before, known := now.Settings[name]
		if !known {
			return command.Privacy{}, fault.New(fault.Invalid, "there is no privacy setting %q", name)
		}
		if before == value {
			continue
		}
		if _, err := c.wa.SetPrivacySetting(ctx, types.PrivacySettingType(name), types.PrivacySetting(value)); err != nil {
			return command.Privacy{}, answered(err)
		}
	}
	return c.ShowPrivacy(ctx)
}

// Block blocks a person, or ends that.
func (c *Client) Block(ctx context.Context, args command.BlockArgs) error {
	jid, err := parseJID(args.Person)
	if err != nil {
		return err
	}
	if jid.Server != types.DefaultUserServer && jid.Server != types.HiddenUserServer {
		return fault.New(fault.Invalid, "%q is no person", args.Person)
	}
	if err := c.online(); err != nil {
		return err
	}
	action := events.BlocklistChangeActionUnblock
	if args.Block {
		action = events.BlocklistChangeActionBlock
	}
	_, err = c.wa.UpdateBlocklist(ctx, jid, action)
	return answered(err)
}

// MarkChat sets the flags of a chat on all devices of the account.
func (c *Client) MarkChat(ctx context.Context, args command.MarkChatArgs) error {
	chat, err := parseJID(args.Chat)
	if err != nil {
		return err
	}
	if err := c.online(); err != nil {
		return err
	}
	var key *waCommon.MessageKey
	if last := args.Last; last.ID != "" {
		key = &waCommon.MessageKey{RemoteJID: new(chat.String()), FromMe: &last.FromMe, ID: &last.ID, Participant: optional(last.Sender)}
	}
	if args.Archived != nil {
		if err := c.wa.SendAppState(ctx, appstate.BuildArchive(chat, *args.Archived, args.Last.At, key)); err != nil {
			return answered(fmt.Errorf("archive a chat: %w", err))
		}
	}
	if args.Unread != nil {
		if err := c.wa.SendAppState(ctx, appstate.BuildMarkChatAsRead(chat, !*args.Unread, args.Last.At, key)); err != nil {
			return answered(fmt.Errorf("mark a chat: %w", err))
		}
	}
	return nil
}

// LabelChat puts a label on a chat or takes it off.
func (c *Client) LabelChat(ctx context.Context, args command.LabelChatArgs) error {
	chat, err := parseJID(args.Chat)
	if err != nil {
		return err
	}
	if args.Label == "" {
		return fault.New(fault.Invalid, "no label is named")
	}
	if err := c.online(); err != nil {
		return err
	}
	if err := c.wa.SendAppState(ctx, appstate.BuildLabelChat(chat, args.Label, args.On)); err != nil {
		return answered(fmt.Errorf("label a chat: %w", err))
	}
	return nil
}
