package whatsapp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/event"
	"roost/shared/message"
)

// receive stores what somebody has said, and what the account itself has said
// on another device. What says nothing to a person is not stored: sender keys,
// history, key shares.
func (c *Client) receive(ctx context.Context, e *events.Message) error {
	if is, err := c.history(ctx, e.Info.ID, e.Message, e.Info.IsFromMe); is {
		return err
	}
	m, ok, err := c.translate(ctx, e.Info, e.Message)
	if err != nil || !ok {
		return err
	}
	if err := c.remember(ctx, e.Info.Chat, e.Info.ID, e.Message); err != nil {
		return err
	}
	if err := c.sink.Message(ctx, m); err != nil {
		return err
	}
	if !m.FromMe {
		c.signals(Received{Chat: e.Info.Chat, Sender: e.Info.Sender, ID: e.Info.ID})
	}
	return nil
}

// MarkRead tells the author of a message, and the account's other devices, that
// it was read.
func (c *Client) MarkRead(ctx context.Context, r Received) error {
	if err := c.wa.MarkRead(ctx, []types.MessageID{r.ID}, time.Now(), r.Chat, r.Sender); err != nil {
		return fmt.Errorf("mark %s as read: %w", r.ID, err)
	}
	return nil
}

// Reject refuses a call.
func (c *Client) Reject(ctx context.Context, call Called) error {
	if err := c.wa.RejectCall(ctx, call.From, call.ID); err != nil {
		return fmt.Errorf("reject call %s: %w", call.ID, err)
	}
	return nil
}

// translate puts a message into Roost's words. It reports false for what nobody
// should see.
func (c *Client) translate(ctx context.Context, info types.MessageInfo, content *waE2E.Message) (message.Message, bool, error) {
	kind, ok := kindOf(content)
	if !ok {
		return message.Message{}, false, nil
	}
	m := message.Message{
		ID: info.ID, FromMe: info.IsFromMe, PushName: info.PushName, Timestamp: info.Timestamp.UTC(),
		Group: info.IsGroup, Kind: kind, Status: message.StatusDelivered,
	}
	m.Chat, m.Sender = c.addresses(ctx, info.MessageSource)
	if m.FromMe {
		m.Status = message.StatusServer
	}
	m.Text = textOf(content)
	m.Target = targetOf(content)
	m.Media = mediaOf(content)
	var err error
	if m.Content, m.Context, err = encodeContent(content); err != nil {
		return message.Message{}, false, fmt.Errorf("encode message %s: %w", info.ID, err)
	}
	if m.Vote, err = c.voteOf(ctx, info, content); err != nil || m.Vote == nil {
		return m, err == nil, err
	}
	m.Content, err = withChoice(m.Content, m.Vote.Chosen)
	return m, err == nil, err
}

// addresses names chat and sender by all that is known of them.
func (c *Client) addresses(ctx context.Context, s types.MessageSource) (chat, sender message.Address) {
	sender = c.address(ctx, s.Sender, s.SenderAlt)
	switch {
	case s.Chat.Server == types.GroupServer || s.Chat.Server == types.BroadcastServer || s.Chat.Server == types.NewsletterServer:
		chat = message.Address{PN: s.Chat.String()}
	case s.IsFromMe:
		chat = c.address(ctx, s.Chat, s.RecipientAlt)
	default:
		chat = c.address(ctx, s.Chat, s.SenderAlt)
	}
	return chat, sender
}

// address names a person; the other of phone number and LID is looked up when
// the stanza did not say it.
func (c *Client) address(ctx context.Context, j, alt types.JID) message.Address {
	var a message.Address
	for _, known := range []types.JID{j.ToNonAD(), alt.ToNonAD()} {
		switch known.Server {
		case types.DefaultUserServer:
			a.PN = known.String()
		case types.HiddenUserServer:
			a.LID = known.String()
		}
	}
	if a.PN == "" && a.LID != "" {
		if pn, err := c.device.LIDs.GetPNForLID(ctx, j.ToNonAD()); err == nil && !pn.IsEmpty() {
			a.PN = pn.ToNonAD().String()
		}
	}
	if a.LID == "" && a.PN != "" {
		if lid, err := c.device.LIDs.GetLIDForPN(ctx, j.ToNonAD()); err == nil && !lid.IsEmpty() {
			a.LID = lid.ToNonAD().String()
		}
	}
	if a.PN == "" && a.LID == "" {
		a.PN = j.ToNonAD().String()
	}
	return a
}

// receipt stores how far the account's messages have come.
func (c *Client) receipt(ctx context.Context, e *events.Receipt) error {
	status, ok := statuses[e.Type]
	if !ok {
		return nil
	}
	u := event.Update{IDs: e.MessageIDs, Status: status, FromMe: true}
	u.Chat, u.By = c.addresses(ctx, e.MessageSource)
	if e.IsFromMe { // another device of the account has read what others wrote
		u.FromMe = false
		u.Sender = c.address(ctx, e.MessageSender, types.EmptyJID)
	} else {
		u.Sender = c.address(ctx, c.device.GetLID(), c.device.GetJID())
	}
	return c.sink.Update(ctx, u)
}

// statuses are the receipts that tell a person something.
var statuses = map[types.ReceiptType]message.Status{
	types.ReceiptTypeDelivered: message.StatusDelivered,
	types.ReceiptTypeInactive:  message.StatusDelivered,
	types.ReceiptTypeRead:      message.StatusRead,
	types.ReceiptTypeReadSelf:  message.StatusRead,
	types.ReceiptTypePlayed:    message.StatusPlayed,
}

// encodeContent writes a message's content and lifts its context out. Text with
// extras is folded into a plain conversation, as Evolution does.
func encodeContent(content *waE2E.Message) (body, about json.RawMessage, err error) {
	if info := contextOf(content); info != nil {
		if about, err = json.Marshal(plain(info.ProtoReflect())); err != nil {
			return nil, nil, err
		}
	}
	if text := content.GetExtendedTextMessage(); text != nil {
		content = &waE2E.Message{Conversation: text.Text, MessageContextInfo: content.MessageContextInfo}
	}
	body, err = contentJSON(content)
	return body, about, err
}
