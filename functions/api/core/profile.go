package core

import (
	"context"
	"strings"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
)

// Picture tells where the picture of a person or a group is; the zero value when
// it has none or hides it.
func (c *Core) Picture(ctx context.Context, i instance.Instance, jid string) (command.Picture, error) {
	return ask[command.Picture](ctx, c, i, command.ShowPicture, command.PersonArgs{JID: jid})
}

// PictureFile gets the picture of a person or a group; nil when it has none or
// hides it.
func (c *Core) PictureFile(ctx context.Context, i instance.Instance, jid string) ([]byte, error) {
	file, err := ask[command.PictureFile](ctx, c, i, command.FetchPicture, command.PersonArgs{JID: jid})
	return file.Bytes, err
}

// SetPicture sets the account's picture, or with a JID that of a group, from any
// image that portrait takes; none removes it.
func (c *Core) SetPicture(ctx context.Context, i instance.Instance, group string, image []byte) error {
	args := command.SetPictureArgs{Group: group}
	if len(image) > 0 {
		var err error
		if args.JPEG, err = portrait(image); err != nil {
			return err
		}
	}
	_, err := ask[struct{}](ctx, c, i, command.SetPicture, args)
	return err
}

// Profile tells what WhatsApp says of a person.
func (c *Core) Profile(ctx context.Context, i instance.Instance, jid string) (command.Profile, error) {
	return ask[command.Profile](ctx, c, i, command.ShowProfile, command.PersonArgs{JID: jid})
}

// SetProfile changes what the account says of itself.
func (c *Core) SetProfile(ctx context.Context, i instance.Instance, p command.SetProfileArgs) error {
	_, err := ask[struct{}](ctx, c, i, command.SetProfile, p)
	return err
}

// Privacy tells the account's privacy settings.
func (c *Core) Privacy(ctx context.Context, i instance.Instance) (map[string]string, error) {
	p, err := ask[command.Privacy](ctx, c, i, command.ShowPrivacy, nil)
	return p.Settings, err
}

// SetPrivacy changes the named ones and tells all as they are then.
func (c *Core) SetPrivacy(ctx context.Context, i instance.Instance, settings map[string]string) (map[string]string, error) {
	p, err := ask[command.Privacy](ctx, c, i, command.SetPrivacy, command.Privacy{Settings: settings})
	return p.Settings, err
}

// Block blocks whoever has a number, or ends that.
func (c *Core) Block(ctx context.Context, i instance.Instance, number string, block bool) error {
	i, err := c.online(ctx, i)
	if err != nil {
		return err
	}
	to, err := c.receiver(ctx, i, number)
	if err != nil {
		return err
	}
	if !to.Person() {
		return fault.New(fault.Invalid, "%q is no person", number)
	}
	return c.do(ctx, i, command.Block, command.BlockArgs{Person: to.JID, Block: block}, nil)
}

// MarkChat archives a chat or marks it as unread on all devices of the account.
// The chat's last message is looked up where args.Last does not name it.
func (c *Core) MarkChat(ctx context.Context, i instance.Instance, args command.MarkChatArgs) error {
	i, err := c.online(ctx, i)
	if err != nil {
		return err
	}
	if args.Last.ID == "" || args.Last.At.IsZero() {
		found, err := c.Messages(ctx, i, MessageQuery{ID: args.Last.ID, Chat: args.Chat, Limit: 1})
		if err != nil {
			return err
		}
		if len(found.Entries) > 0 {
			m, err := found.Entries[0].Message()
			if err != nil {
				return err
			}
			args.Last = command.LastMessage{ID: m.ID, FromMe: m.FromMe, At: m.Timestamp}
			if strings.HasSuffix(args.Chat, groupServer) && !m.FromMe {
				args.Last.Sender = m.Sender.Key()
			}
		}
	}
	return c.do(ctx, i, command.MarkChat, args, nil)
}

// LabelChat puts a label on a chat or takes it off, and returns the chat's JID.
func (c *Core) LabelChat(ctx context.Context, i instance.Instance, number, label string, on bool) (string, error) {
	i, err := c.online(ctx, i)
	if err != nil {
		return "", err
	}
	to, err := c.receiver(ctx, i, number)
	if err != nil {
		return "", err
	}
	return to.JID, c.do(ctx, i, command.LabelChat, command.LabelChatArgs{Chat: to.JID, Label: label, On: on}, nil)
}

// Labels lists those that the account has.
func (c *Core) Labels(ctx context.Context, i instance.Instance) ([]event.Label, error) {
	return c.transcripts.Labels(ctx, i.ID)
}

// LabelsOf lists the ids of those that a chat has.
func (c *Core) LabelsOf(ctx context.Context, i instance.Instance, chat message.Address) ([]string, error) {
	return c.transcripts.LabelsOf(ctx, i.ID, chat)
}
