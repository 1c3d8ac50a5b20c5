package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"golang.org/x/sync/errgroup"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/group"
	"roost/shared/message"
)

// maxPictures bounds how many pictures are asked for at once.
const maxPictures = 8

// groupJID reads the address of a group, and waits for the connection.
func (c *Client) groupJID(text string) (types.JID, error) {
	jid, err := parseJID(text)
	if err != nil {
		return types.JID{}, err
	}
	if jid.Server != types.GroupServer {
		return types.JID{}, fault.New(fault.Invalid, "%q is no group", text)
	}
	return jid, c.online()
}

func parseJIDs(texts []string) ([]types.JID, error) {
	out := make([]types.JID, len(texts))
	for n, text := range texts {
		jid, err := parseJID(text)
		if err != nil {
			return nil, err
		}
		out[n] = jid
	}
	return out, nil
}

// CreateGroup makes a group with the account as its superadmin. What comes
// after the group itself, description and admins, is done as far as WhatsApp
// lets it: there is a group then, and the answer says what it has.
func (c *Client) CreateGroup(ctx context.Context, args command.CreateGroupArgs) (group.Group, error) {
	people, err := parseJIDs(args.People)
	if err != nil {
		return group.Group{}, err
	}
	if err := c.online(); err != nil {
		return group.Group{}, err
	}
	info, err := c.wa.CreateGroup(ctx, whatsmeow.ReqCreateGroup{Name: args.Subject, Participants: people})
	if err != nil {
		return group.Group{}, answered(err)
	}
	var in []types.JID // who does not want to be added is not
	for _, p := range info.Participants {
		if p.Error == 0 && !p.IsAdmin {
			in = append(in, p.JID)
		}
	}
	var rest error
	if args.Description != "" {
		rest = c.wa.SetGroupTopic(ctx, info.JID, info.TopicID, "", args.Description)
	}
	if args.Promote && len(in) > 0 {
		_, err := c.wa.UpdateGroupParticipants(ctx, info.JID, in, whatsmeow.ParticipantChangePromote)
		rest = errors.Join(rest, err)
	}
	if rest != nil {
		c.log.WarnContext(ctx, "a new group lacks something", "err", rest)
	}
	if now, err := c.wa.GetGroupInfo(ctx, info.JID); err == nil {
		info = now
	}
	return c.group(ctx, info), nil
}

// ShowGroup tells what a group of the account is.
func (c *Client) ShowGroup(ctx context.Context, args command.GroupArgs) (group.Group, error) {
	jid, err := c.groupJID(args.Group)
	if err != nil {
		return group.Group{}, err
	}
	info, err := c.wa.GetGroupInfo(ctx, jid)
	if err != nil {
		return group.Group{}, answered(err)
	}
	g := c.group(ctx, info)
	if args.Picture {
		g.Picture = c.pictureURL(ctx, jid)
	}
	return g, nil
}

// ListGroups tells of all groups that the account is in.
func (c *Client) ListGroups(ctx context.Context, args command.ListGroupsArgs) (command.Groups, error) {
	if err := c.online(); err != nil {
		return command.Groups{}, err
	}
	infos, err := c.wa.GetJoinedGroups(ctx)
	if err != nil {
		return command.Groups{}, answered(err)
	}
	out := command.Groups{Groups: make([]group.Group, len(infos))}
	var asking errgroup.Group
	asking.SetLimit(maxPictures)
	for n, info := range infos {
		out.Groups[n] = c.group(ctx, info)
		if !args.Members {
			out.Groups[n].Members = nil
		}
		if args.Pictures {
			asking.Go(func() error {
				out.Groups[n].Picture = c.pictureURL(ctx, info.JID)
				return nil
			})
		}
	}
	return out, asking.Wait()
}

// pictureURL is where a picture is, "" when there is none or it is not told.
func (c *Client) pictureURL(ctx context.Context, jid types.JID) string {
	info, err := c.wa.GetProfilePictureInfo(ctx, jid, nil)
	if err != nil || info == nil {
		return ""
	}
	return info.URL
}

// ChangeGroup changes what a group says of itself, one thing after the other.
func (c *Client) ChangeGroup(ctx context.Context, args command.ChangeGroupArgs) error {
	jid, err := c.groupJID(args.Group)
	if err != nil {
		return err
	}
	s := args.Settings
	if s.Subject != nil {
		err = c.wa.SetGroupName(ctx, jid, *s.Subject)
	}
	if err == nil && s.Description != nil {
		err = c.describe(ctx, jid, *s.Description)
	}
	if err == nil && s.Announce != nil {
		err = c.wa.SetGroupAnnounce(ctx, jid, *s.Announce)
	}
	if err == nil && s.Locked != nil {
		err = c.wa.SetGroupLocked(ctx, jid, *s.Locked)
	}
	if err == nil && s.Ephemeral != nil {
		err = c.wa.SetDisappearingTimer(ctx, jid, time.Duration(*s.Ephemeral)*time.Second, time.Time{})
	}
	if err == nil && s.MembersAdd != nil {
		mode := types.GroupMemberAddModeAdmin
		if *s.MembersAdd {
			mode = types.GroupMemberAddModeAllMember
		}
		err = c.wa.SetGroupMemberAddMode(ctx, jid, mode)
	}
	return answered(err)
}

// describe changes a group's description. WhatsApp wants to know which one it
// replaces; the library's own look at that hides what WhatsApp has answered.
func (c *Client) describe(ctx context.Context, jid types.JID, text string) error {
	info, err := c.wa.GetGroupInfo(ctx, jid)
	if err != nil {
		return fmt.Errorf("look up the description: %w", err)
	}
	return c.wa.SetGroupTopic(ctx, jid, info.TopicID, "", text)
}

// MoveMembers adds, removes, promotes or demotes people.
func (c *Client) MoveMembers(ctx context.Context, args command.MoveMembersArgs) (command.Moved, error) {
	people, err := parseJIDs(args.People)
	if err != nil {
		return command.Moved{}, err
	}
	jid, err := c.groupJID(args.Group)
	if err != nil {
		return command.Moved{}, err
	}
	switch args.Action {
	case group.Add, group.Remove, group.Promote, group.Demote:
	default:
		return command.Moved{}, fault.New(fault.Invalid, "%q is nothing to do with members", args.Action)
	}
	moved, err := c.wa.UpdateGroupParticipants(ctx, jid, people, whatsmeow.ParticipantChange(args.Action))
	if err != nil {
		return command.Moved{}, answered(err)
	}
	out := command.Moved{Members: make([]command.MovedMember, len(moved))}
	for n, p := range moved {
		out.Members[n] = command.MovedMember{Address: c.member(ctx, p), Status: http.StatusOK}
		if p.Error != 0 {
			out.Members[n].Status = p.Error
		}
	}
	return out, nil
}

// LeaveGroup leaves a group.
func (c *Client) LeaveGroup(ctx context.Context, args command.GroupArgs) error {
	jid, err := c.groupJID(args.Group)
	if err != nil {
		return err
	}
	return answered(c.wa.LeaveGroup(ctx, jid))
}

// ShowInvite tells a group's invite code, or makes a new one.
func (c *Client) ShowInvite(ctx context.Context, args command.InviteArgs) (command.InviteCode, error) {
	jid, err := c.groupJID(args.Group)
	if err != nil {
		return command.InviteCode{}, err
	}
	link, err := c.wa.GetGroupInviteLink(ctx, jid, args.Revoke)
	return command.InviteCode{Code: trimLink(link)}, answered(err)
}

func trimLink(link string) string { return strings.TrimPrefix(link, whatsmeow.InviteLinkPrefix) }

// ReadInvite tells what group an invite code leads to.
func (c *Client) ReadInvite(ctx context.Context, args command.InviteCode) (group.Group, error) {
	if err := c.online(); err != nil {
		return group.Group{}, err
	}
	info, err := c.wa.GetGroupInfoFromLink(ctx, args.Code)
	if err != nil {
		return group.Group{}, invited(err)
	}
	return c.group(ctx, info), nil
}

// JoinGroup joins the group that an invite code leads to, or asks its admins
// to be let in.
func (c *Client) JoinGroup(ctx context.Context, args command.InviteCode) (command.JoinedGroup, error) {
	if err := c.online(); err != nil {
		return command.JoinedGroup{}, err
	}
	jid, err := c.wa.JoinGroupWithLink(ctx, args.Code)
	if err != nil {
		return command.JoinedGroup{}, invited(err)
	}
	return command.JoinedGroup{Group: jid.String()}, nil
}

// invited is answered for invite codes.
func invited(err error) error {
	if errors.Is(err, whatsmeow.ErrInviteLinkInvalid) || errors.Is(err, whatsmeow.ErrInviteLinkRevoked) {
		return fault.Wrap(fault.NotFound, err, "the invite code leads nowhere")
	}
	return answered(err)
}

// group puts a group into Roost's words.
func (c *Client) group(ctx context.Context, info *types.GroupInfo) group.Group {
	g := group.Group{
		ID: info.JID.String(), Subject: info.Name, SubjectBy: c.known(ctx, info.NameSetBy, info.NameSetByPN), SubjectAt: info.NameSetAt.UTC(),
		Description: info.Topic, DescriptionID: info.TopicID, Owner: c.known(ctx, info.OwnerJID, info.OwnerPN), Created: info.GroupCreated.UTC(),
		Announce: info.IsAnnounce, Locked: info.IsLocked, Ephemeral: int(info.DisappearingTimer),
		MembersAdd: info.MemberAddMode == types.GroupMemberAddModeAllMember, Approval: info.IsJoinApprovalRequired,
		Community: info.IsParent, CommunityNotes: info.IsDefaultSubGroup, Hidden: info.AddressingMode == types.AddressingModeLID, Size: info.ParticipantCount,
	}
	if !info.LinkedParentJID.IsEmpty() {
		g.Parent = info.LinkedParentJID.String()
	}
	for _, p := range info.Participants {
		if p.Error != 0 {
			continue
		}
		m := group.Member{Address: c.member(ctx, p)}
		switch {
		case p.IsSuperAdmin:
			m.Rank = group.SuperAdmin
		case p.IsAdmin:
			m.Rank = group.Admin
		}
		g.Members = append(g.Members, m)
	}
	if len(g.Members) > 0 {
		g.Size = len(g.Members)
	}
	return g
}

func (c *Client) member(ctx context.Context, p types.GroupParticipant) message.Address {
	if p.JID.Server == types.HiddenUserServer {
		return c.address(ctx, p.JID, p.PhoneNumber)
	}
	return c.address(ctx, p.JID, p.LID)
}

// known is an address, the zero value for nobody.
func (c *Client) known(ctx context.Context, jid, alt types.JID) message.Address {
	if jid.IsEmpty() {
		return message.Address{}
	}
	return c.address(ctx, jid, alt)
}

// SetPicture sets the account's own picture or that of a group.
func (c *Client) SetPicture(ctx context.Context, args command.SetPictureArgs) error {
	jid := types.EmptyJID // the account itself
	if args.Group != "" {
		var err error
		if jid, err = c.groupJID(args.Group); err != nil {
			return err
		}
	}
	if err := c.online(); err != nil {
		return err
	}
	var picture []byte
	if len(args.JPEG) > 0 {
		picture = args.JPEG
	}
	if _, err := c.wa.SetGroupPhoto(ctx, jid, picture); err != nil {
		return answered(fmt.Errorf("set picture: %w", err))
	}
	return nil
}
