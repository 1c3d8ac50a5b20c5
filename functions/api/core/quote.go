package core

import (
	"context"
	"strings"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// quoted fills in what a user may leave out: what is answered, and whose it is.
// The transcript knows both; a message that it does not have is quoted as far as
// the user has said it.
func (c *Core) quoted(ctx context.Context, i instance.Instance, to Contact, q command.Quoted) (*command.Quoted, error) {
	if q.Chat == "" {
		q.Chat = to.JID
	}
	if len(q.Content) == 0 || q.Sender == "" {
		said, known, err := c.original(ctx, i, q.ID, q.Chat)
		if err != nil {
			return nil, err
		}
		if known {
			q.FromMe = said.FromMe
			if len(q.Content) == 0 {
				q.Content = said.Content
			}
			if q.Sender == "" && !said.FromMe {
				q.Sender = said.Sender.String()
			}
		}
	}
	switch {
	case q.Sender != "":
	case q.FromMe:
		q.Sender = Account(i.JID)
	case !strings.HasSuffix(q.Chat, groupServer):
		q.Sender = q.Chat
	}
	return &q, nil
}

// reference fills in whose message is meant. In a group WhatsApp needs to be
// told: Invalid when nobody knows.
func (c *Core) reference(ctx context.Context, i instance.Instance, to Contact, r command.Reference) (command.Reference, error) {
	switch {
	case r.FromMe:
		r.Sender = ""
	case r.Sender != "":
		r.Sender = Address(r.Sender)
	case !strings.HasSuffix(to.JID, groupServer) && !strings.HasSuffix(to.JID, "@broadcast"):
		r.Sender = to.JID
	default:
		said, known, err := c.original(ctx, i, r.ID, to.JID)
		if err != nil {
			return r, err
		}
		if !known {
			return r, fault.New(fault.Invalid, "The message is not known here: its key needs the participant who wrote it")
		}
		r.Sender, r.FromMe = said.Sender.Key(), said.FromMe // groups speak of people by LID
	}
	return r, nil
}
