package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/reflect/protoreflect"

	"roost/shared/message"
)

// Polls remembers what polls offer. A vote names options by hash, and only the
// message that asked has their names.
type Polls interface {
	PutPoll(ctx context.Context, chat types.JID, id types.MessageID, options []string) error
	// Poll returns the options of a poll, nil for one that is not known.
	Poll(ctx context.Context, chat types.JID, id types.MessageID) ([]string, error)
}

// pollOf is the poll that a message asks, nil for other messages. There are
// several forms of it.
func pollOf(m *waE2E.Message) *waE2E.PollCreationMessage {
	var poll *waE2E.PollCreationMessage
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() {
			poll, _ = v.Message().Interface().(*waE2E.PollCreationMessage)
		}
		return poll == nil
	})
	return poll
}

// remember keeps the options of a poll for the votes to come.
func (c *Client) remember(ctx context.Context, chat types.JID, id types.MessageID, m *waE2E.Message) error {
	poll := pollOf(m)
	if poll == nil {
		return nil
	}
	options := make([]string, len(poll.GetOptions()))
	for n, o := range poll.GetOptions() {
		options[n] = o.GetOptionName()
	}
	if err := c.polls.PutPoll(ctx, chat, id, options); err != nil {
		return fmt.Errorf("keep poll %s: %w", id, err)
	}
	return nil
}

// voteOf opens a vote. It returns nil for one whose poll is not known, or that
// was not encrypted for it.
func (c *Client) voteOf(ctx context.Context, info types.MessageInfo, m *waE2E.Message) (*message.Vote, error) {
	if m.GetPollUpdateMessage().GetVote() == nil {
		return nil, nil
	}
	id := m.PollUpdateMessage.GetPollCreationMessageKey().GetID()
	options, err := c.polls.Poll(ctx, info.Chat, id)
	if err != nil {
		return nil, fmt.Errorf("look up poll %s: %w", id, err)
	}
	if options == nil {
		return nil, nil
	}
	opened, err := c.wa.DecryptPollVote(ctx, &events.Message{Info: info, Message: m})
	if err != nil && !info.SenderAlt.IsEmpty() { // the voter may have signed under the other name
		info.Sender = info.SenderAlt
		opened, err = c.wa.DecryptPollVote(ctx, &events.Message{Info: info, Message: m})
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		if !errors.Is(err, whatsmeow.ErrOriginalMessageSecretNotFound) {
			c.log.WarnContext(ctx, "vote cannot be read", "message", info.ID, "poll", id)
		}
		return nil, nil
	}
	chosen := map[string]bool{}
	for _, hash := range opened.GetSelectedOptions() {
		chosen[string(hash)] = true
	}
	vote := &message.Vote{Options: options, Chosen: []string{}}
	for n, hash := range whatsmeow.HashPollOptions(options) {
		if chosen[string(hash)] {
			vote.Chosen = append(vote.Chosen, options[n])
		}
	}
	return vote, nil
}

// withChoice writes what was chosen into a vote's content, which WhatsApp has
// encrypted only.
func withChoice(content json.RawMessage, chosen []string) (json.RawMessage, error) {
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, err
	}
	update, _ := fields["pollUpdateMessage"].(map[string]any)
	if vote, ok := update["vote"].(map[string]any); ok {
		vote["selectedOptions"] = chosen
	}
	return json.Marshal(fields)
}
