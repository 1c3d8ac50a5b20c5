package whatsapp

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/event"
	"roost/shared/message"
)

// A piece of the past is told when it has so many messages, or so many bytes of
// their content: it is to fit onto a queue.
const (
	pieceMessages = 50
	pieceBytes    = 100 << 10
)

// past puts a history into Roost's words, chat by chat and piece by piece. A nil
// past does nothing.
type past struct {
	ctx    context.Context //nolint:containedctx // of one call
	client *Client
	note   *waE2E.HistorySyncNotification
	failed error // of the Sink

	piece event.History
	chat  types.JID // of the piece
	bytes int
}

func (c *Client) newPast(ctx context.Context, n *waE2E.HistorySyncNotification) *past {
	return &past{ctx: ctx, client: c, note: n}
}

// people tells names that people have given themselves.
func (p *past) people(names []*waHistorySync.Pushname) error {
	if p == nil {
		return nil
	}
	var known []event.Contact
	for _, n := range names {
		who, err := types.ParseJID(n.GetID())
		if err != nil || n.GetPushname() == "" || n.GetPushname() == "-" { // as the library has it
			continue
		}
		known = append(known, event.Contact{Address: p.client.address(p.ctx, who, types.EmptyJID), PushName: n.GetPushname()})
	}
	if len(known) == 0 {
		return nil
	}
	p.failed = p.client.sink.Contacts(p.ctx, known, p.note.GetSyncType().String(), true)
	return p.failed
}

// said takes a message of a chat. What cannot be read is left out.
func (p *past) said(chat string, web *waWeb.WebMessageInfo) error {
	if !p.begin(chat) || web == nil {
		return nil
	}
	evt, err := p.client.wa.ParseWebMessage(p.chat, web)
	if err != nil {
		return nil //nolint:nilerr // it says neither who nor where
	}
	m, ok, err := p.client.translate(p.ctx, evt.Info, evt.Message)
	if err != nil || !ok {
		return nil //nolint:nilerr // nobody else can read it either
	}
	if err := p.client.remember(p.ctx, p.chat, m.ID, evt.Message); err != nil {
		p.client.log.WarnContext(p.ctx, "votes will not be readable", "err", err)
	}
	if status, known := webStatuses[web.GetStatus()]; known && web.Status != nil {
		m.Status = status
	}
	p.add(m)
	for _, r := range web.GetReactions() {
		if m, ok := p.reaction(web, r); ok {
			p.add(m)
		}
	}
	if len(p.piece.Messages) >= pieceMessages || p.bytes >= pieceBytes {
		return p.tell()
	}
	return nil
}

// begin reports whether anybody wants to hear of a chat.
func (p *past) begin(chat string) bool {
	if p == nil || chat == "" || !p.client.sink.Remembers() {
		return false
	}
	if p.chat.String() == chat {
		return true
	}
	jid, err := types.ParseJID(chat)
	if err != nil || jid.Server != types.DefaultUserServer && jid.Server != types.HiddenUserServer && jid.Server != types.GroupServer {
		return false
	}
	p.chat = jid
	p.reset()
	return true
}

func (p *past) reset() {
	p.bytes = 0
	p.piece = event.History{Progress: p.note.GetProgress(), Latest: p.note.GetSyncType() == waE2E.HistorySyncType_INITIAL_BOOTSTRAP}
	p.piece.Chat, _ = p.client.addresses(p.ctx, types.MessageSource{Chat: p.chat, Sender: p.chat})
}

func (p *past) add(m message.Message) {
	p.piece.Messages = append(p.piece.Messages, m)
	p.bytes += len(m.Content) + len(m.Context) + len(m.Text)
}

// reaction is one that stands at the message it is about.
func (p *past) reaction(web *waWeb.WebMessageInfo, r *waWeb.Reaction) (message.Message, bool) {
	of := &waWeb.WebMessageInfo{
		Key: r.GetKey(), Participant: r.GetKey().Participant, MessageTimestamp: new(uint64(max(r.GetSenderTimestampMS()/1000, 0))),
		Message: &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: keyOf(web), Text: r.Text, SenderTimestampMS: r.SenderTimestampMS}},
	}
	evt, err := p.client.wa.ParseWebMessage(p.chat, of)
	if err != nil || evt.Info.ID == "" {
		return message.Message{}, false
	}
	m, ok, err := p.client.translate(p.ctx, evt.Info, evt.Message)
	return m, ok && err == nil
}

func keyOf(web *waWeb.WebMessageInfo) *waCommon.MessageKey {
	key := web.GetKey()
	if key.GetParticipant() == "" && web.GetParticipant() != "" {
		key = &waCommon.MessageKey{RemoteJID: key.RemoteJID, FromMe: key.FromMe, ID: key.ID, Participant: web.Participant}
	}
	return key
}

// ends tells the last piece of a chat.
func (p *past) ends(chat *waHistorySync.Conversation) error {
	if !p.begin(chat.GetID()) {
		return nil
	}
	p.piece.Ends, p.piece.Name, p.piece.Unread = true, chat.GetName(), int64(chat.GetUnreadCount())
	if at := chat.GetConversationTimestamp(); at > 0 {
		p.piece.Last = time.Unix(int64(at), 0).UTC()
	}
	err := p.tell()
	p.chat = types.EmptyJID
	return err
}

func (p *past) tell() error {
	p.failed = p.client.sink.Past(p.ctx, p.piece)
	p.reset()
	return p.failed
}

var webStatuses = map[waWeb.WebMessageInfo_Status]message.Status{
	waWeb.WebMessageInfo_ERROR: message.StatusError, waWeb.WebMessageInfo_PENDING: message.StatusPending,
	waWeb.WebMessageInfo_SERVER_ACK: message.StatusServer, waWeb.WebMessageInfo_DELIVERY_ACK: message.StatusDelivered,
	waWeb.WebMessageInfo_READ: message.StatusRead, waWeb.WebMessageInfo_PLAYED: message.StatusPlayed,
}
