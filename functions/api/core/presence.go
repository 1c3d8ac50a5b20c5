package core

import (
	"context"
	"strings"
	"time"

	"roost/shared/command"
	"roost/shared/instance"
)

// MarkRead tells who wrote messages that they are read. In a group sender is
// their writer; "" for the one that the transcript knows of the first.
func (c *Core) MarkRead(ctx context.Context, i instance.Instance, number, sender string, ids []string) error {
	return c.mark(ctx, i, number, sender, command.MarkReadArgs{IDs: ids})
}

// MarkPlayed is MarkRead for voice notes that were heard.
func (c *Core) MarkPlayed(ctx context.Context, i instance.Instance, number, sender string, ids []string) error {
	return c.mark(ctx, i, number, sender, command.MarkReadArgs{IDs: ids, Played: true})
}

func (c *Core) mark(ctx context.Context, i instance.Instance, number, sender string, args command.MarkReadArgs) error {
	i, err := c.online(ctx, i)
	if err != nil {
		return err
	}
	to, err := c.receiver(ctx, i, number)
	if err != nil {
		return err
	}
	if sender != "" {
		sender = Address(sender)
	}
	if sender == "" && len(args.IDs) > 0 && strings.HasSuffix(to.JID, groupServer) {
		m, known, err := c.original(ctx, i, args.IDs[0], to.JID)
		if err != nil {
			return err
		}
		if known {
			sender = m.Sender.Key() // groups speak of people by LID
		}
	}
	args.Chat, args.Sender = to.JID, sender
	return c.do(ctx, i, command.MarkRead, args, nil)
}

// ShowPresence tells others what the account is doing: one of the presences of
// package command. number is the chat, where it is a presence of a chat.
func (c *Core) ShowPresence(ctx context.Context, i instance.Instance, number, state string) error {
	i, err := c.online(ctx, i)
	if err != nil {
		return err
	}
	args := command.PresenceArgs{State: state}
	if state != command.PresenceAvailable && state != command.PresenceUnavailable {
		to, err := c.receiver(ctx, i, number)
		if err != nil {
			return err
		}
		args.Chat = to.JID
	}
	return c.do(ctx, i, command.ShowPresence, args, nil)
}

// LongestPresence bounds PresentFor: its request waits.
const LongestPresence = 20 * time.Second

// PresentFor shows a presence in a chat for a while, LongestPresence at most,
// and then that nobody is writing any more. It returns after that.
func (c *Core) PresentFor(ctx context.Context, i instance.Instance, number, state string, while time.Duration) error {
	if err := c.ShowPresence(ctx, i, number, state); err != nil {
		return err
	}
	if state != command.PresenceComposing && state != command.PresenceRecording || while <= 0 {
		return nil
	}
	timer := time.NewTimer(min(while, LongestPresence))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return c.ShowPresence(context.WithoutCancel(ctx), i, number, command.PresencePaused)
}

// WatchPresence has WhatsApp tell of a person's presence while the connection
// lasts.
func (c *Core) WatchPresence(ctx context.Context, i instance.Instance, number string) error {
	i, err := c.online(ctx, i)
	if err != nil {
		return err
	}
	to, err := c.receiver(ctx, i, number)
	if err != nil {
		return err
	}
	return c.do(ctx, i, command.WatchPresence, command.WatchArgs{Person: to.JID}, nil)
}
