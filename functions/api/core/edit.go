package core

import (
	"context"
	"time"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
)

const (
	// editWindow is how long WhatsApp lets a message be edited.
	editWindow = 15 * time.Minute
	// findTries and firstFind are how long a message is looked for that may have
	// been sent a moment ago: 0.1, 0.2 ... 0.8 s.
	findTries = 5
	firstFind = 100 * time.Millisecond
)

// Change is another text for a message of the account.
type Change struct {
	Number string // the chat, as the user wrote it
	ID     string // of the message
	Text   string
	Key    string // as in Outgoing
}

// Edit changes a message and returns the one that changes it. Errors: NotFound
// when the message is not known; Invalid when it is another chat's, has no text,
// or is too old; those of Send.
func (c *Core) Edit(ctx context.Context, i instance.Instance, change Change) (message.Message, error) {
	i, err := c.online(ctx, i)
	if err != nil {
		return message.Message{}, err
	}
	to, err := c.receiver(ctx, i, change.Number)
	if err != nil {
		return message.Message{}, err
	}
	said, err := c.recent(ctx, i, change.ID)
	if err != nil {
		return message.Message{}, err
	}
	switch {
	case to.JID != said.Chat.PN && to.JID != said.Chat.LID && (to.LID == "" || to.LID != said.Chat.LID):
		return message.Message{}, fault.New(fault.Invalid, "RemoteJid does not match")
	case !said.FromMe || said.Kind != "conversation" && said.Kind != "imageMessage" && said.Kind != "videoMessage" && said.Kind != "documentMessage":
		return message.Message{}, fault.New(fault.Invalid, "Message not compatible")
	case time.Since(said.Timestamp) > editWindow:
		return message.Message{}, fault.New(fault.Invalid, "Message is older than 15 minutes")
	}
	return c.Send(ctx, i, Outgoing{Number: change.Number, Key: change.Key, Args: command.SendArgs{Edit: &command.EditArgs{
		Reference: command.Reference{ID: change.ID, FromMe: true}, Text: change.Text, Content: said.Content,
	}}})
}

// recent finds a message in the transcript, to which what was sent comes a moment
// later.
func (c *Core) recent(ctx context.Context, i instance.Instance, id string) (message.Message, error) {
	for n, pause := 0, firstFind; ; n, pause = n+1, pause*2 {
		said, known, err := c.original(ctx, i, id, "")
		if err != nil || known {
			return said, err
		}
		if n == findTries-1 {
			return said, fault.New(fault.NotFound, "Message not found")
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return said, context.Cause(ctx)
		}
	}
}
