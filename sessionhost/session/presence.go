package session

import (
	"context"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/fault"
)

// MarkRead tells who wrote messages that they are read.
func (s *Session) MarkRead(ctx context.Context, args command.MarkReadArgs) error {
	client, err := s.sender(ctx)
	if err != nil {
		return err
	}
	return client.TellRead(ctx, args)
}

// ShowPresence tells others what the account is doing.
func (s *Session) ShowPresence(ctx context.Context, args command.PresenceArgs) error {
	client, err := s.sender(ctx)
	if err != nil {
		return err
	}
	return client.ShowPresence(ctx, args)
}

// WatchPresence has WhatsApp tell of a person's presence. It ends with the
// connection.
func (s *Session) WatchPresence(ctx context.Context, args command.WatchArgs) error {
	client, err := s.sender(ctx)
	if err != nil {
		return err
	}
	return client.WatchPresence(ctx, args.Person)
}

// sendTime is what a send may take after its delay, at the end of a request.
const sendTime = 5 * time.Second

// typing shows the account at work on a message until its delay, counted from
// begun, is over. A delay that would leave no time to send is cut.
func (s *Session) typing(ctx context.Context, client *whatsapp.Client, args command.SendArgs, begun time.Time) error {
	left := args.Delay - time.Since(begun)
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline)-sendTime)
	}
	if left <= 0 {
		return nil
	}
	show := func(state string) {
		if strings.HasSuffix(args.To, "@broadcast") {
			return
		}
		if err := client.ShowPresence(ctx, command.PresenceArgs{Chat: args.To, State: state}); err != nil {
			s.log.DebugContext(ctx, "typing cannot be shown", "err", err) // the message matters
		}
	}
	state := command.PresenceComposing
	if args.Media != nil && args.Media.Kind == "voice" {
		state = command.PresenceRecording
	}
	show(state)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, context.Cause(ctx), "the message was not sent in time")
	}
	show(command.PresencePaused)
	return nil
}
