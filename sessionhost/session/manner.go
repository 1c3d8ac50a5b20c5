package session

import (
	"context"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/message"
)

const (
	// callLife is how old a call may be to be rejected: WhatsApp tells of those
	// that were missed as well.
	callLife    = time.Minute
	mannerLimit = 20 * time.Second // for what an instance does by itself
)

// statusChat is where people publish their status.
const statusChat = "status@broadcast"

// ignored reports whether the owner wants to hear nothing of a chat. Channels
// are never told of, as in Evolution.
func (s *Session) ignored(chat message.Address) bool {
	settings, to := s.Record().Settings, chat.String()
	switch {
	case strings.HasSuffix(to, "@newsletter"):
		return true
	case strings.HasSuffix(to, "@g.us"):
		return settings.GroupsIgnore
	case strings.HasSuffix(to, "@broadcast"):
		return !settings.ReadStatus
	default:
		return false
	}
}

// received reads a message at once where the owner wants that.
func (s *Session) received(r whatsapp.Received) {
	wanted := s.record.Settings.ReadMessages
	switch chat := r.Chat.String(); {
	case chat == statusChat:
		wanted = s.record.Settings.ReadStatus
	case s.ignored(message.Address{PN: chat}):
		wanted = false
	}
	if !wanted {
		return
	}
	client := s.client
	s.byItself(func(ctx context.Context) error { return client.MarkRead(ctx, r) })
}

// called rejects a call where the owner wants that, and tells the caller why.
func (s *Session) called(c whatsapp.Called) {
	settings := s.record.Settings
	if !settings.RejectCall || time.Since(c.At) > callLife || c.ID == s.rejected {
		return
	}
	s.rejected = c.ID
	client := s.client
	s.byItself(func(ctx context.Context) error {
		if err := client.Reject(ctx, c); err != nil || settings.MsgCall == "" || c.Group {
			return err
		}
		_, err := s.Send(ctx, command.SendArgs{
			MessageID: message.NewID(), To: c.From.ToNonAD().String(), Text: &command.TextArgs{Text: settings.MsgCall},
		}, nil)
		return err
	})
}

// byItself does what nobody waits for.
func (s *Session) byItself(do func(context.Context) error) {
	connection := s.connection
	s.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(connection, mannerLimit)
		defer cancel()
		if err := do(ctx); err != nil {
			s.log.WarnContext(ctx, "the instance could not do what its settings say", "err", err)
		}
	})
}
