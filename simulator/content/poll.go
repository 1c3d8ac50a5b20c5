package content

import "go.mau.fi/whatsmeow/proto/waE2E"

// Question is a poll.
type Question struct {
	Text    string
	Options []string
	// Selectable is how many options one may choose. 0 means any number.
	Selectable int
	// Secret is what votes are encrypted with, 32 bytes. Nil means a fresh one,
	// to be found with PollSecret.
	Secret []byte
}

// Poll asks a question.
func Poll(question Question) *waE2E.Message {
	poll := &waE2E.PollCreationMessage{
		Name:                   new(question.Text),
		SelectableOptionsCount: new(uint32(question.Selectable)),
	}
	for _, option := range question.Options {
		poll.Options = append(poll.Options, &waE2E.PollCreationMessage_Option{OptionName: new(option)})
	}
	msg := &waE2E.Message{}
	// Phones send polls with one choice in another field than the rest.
	if question.Selectable == 1 {
		msg.PollCreationMessageV3 = poll
	} else {
		msg.PollCreationMessage = poll
	}
	return WithSecret(msg, question.Secret)
}

// PollSecret returns what votes on the poll in msg are encrypted with, or nil
// if msg is none.
func PollSecret(msg *waE2E.Message) []byte {
	inner, wrapping := unwrap(msg)
	if inner == nil || pollOf(inner) == nil {
		return nil
	}
	return wrapping.info.GetMessageSecret()
}
