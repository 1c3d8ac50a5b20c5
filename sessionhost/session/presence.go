package session

import (
	"context"

	"roost/shared/command"
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
