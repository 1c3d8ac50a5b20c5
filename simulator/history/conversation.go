package history

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
)

// Conversation is an exact chat.
type Conversation struct {
	Chat types.JID
	// Alt is the other address of a direct chat, the LID of a PN or the PN of a
	// LID. May be empty.
	Alt      types.JID
	Name     string
	Unread   int
	Archived bool
	// Pinned is when the chat was pinned, MuteEnd until when it is muted. Zero: not.
	Pinned, MuteEnd time.Time
	// Participants of a group.
	Participants []types.JID
	// Messages are sent, oldest first. Older ones are kept for requests on demand,
	// oldest first, too.
	Messages, Older []Message
}

// Message is an exact message.
type Message struct {
	ID     string
	FromMe bool
	// Participant is the author in a group. Empty in a direct chat.
	Participant types.JID
	// Time has the resolution of a second.
	Time    time.Time
	Message *waE2E.Message
	// Status is the delivery status; zero is left out.
	Status   waWeb.WebMessageInfo_Status
	PushName string
	// Secret is the message secret. May be nil.
	Secret []byte
}

// Proto is the message as it stands in a history.
func (m Message) Proto(chat types.JID) *waWeb.WebMessageInfo {
	out := &waWeb.WebMessageInfo{
		Key: &waCommon.MessageKey{
			RemoteJID: new(chat.String()),
			FromMe:    new(m.FromMe),
			ID:        new(m.ID),
		},
		Message:          m.Message,
		MessageTimestamp: new(uint64(m.Time.Unix())),
		MessageSecret:    m.Secret,
	}
	if !m.Participant.IsEmpty() {
		// Clients read either; phones send both.
		out.Participant = new(m.Participant.String())
		out.Key.Participant = out.Participant
	}
	if m.Status != 0 {
		out.Status = m.Status.Enum()
	}
	if m.PushName != "" {
		out.PushName = new(m.PushName)
	}
	return out
}

// thread is a chat of either origin: total messages, counted back from the
// newest, 0, of which the first sent ones are part of the history.
type thread struct {
	jid, alt    types.JID
	name        string
	sent, total int
	// meta is the conversation without messages.
	meta    func() *waHistorySync.Conversation
	message func(i int) Message
	// stamp and id are cheaper than message, for finding one.
	stamp func(i int) time.Time
	id    func(i int) string
}

func (c Conversation) thread() thread {
	at := func(i int) Message {
		if i < len(c.Messages) {
			return c.Messages[len(c.Messages)-1-i]
		}
		return c.Older[len(c.Older)-1-(i-len(c.Messages))]
	}
	return thread{
		jid: c.Chat, alt: c.Alt, name: c.Name,
		sent: len(c.Messages), total: len(c.Messages) + len(c.Older),
		meta:    c.meta,
		message: at,
		stamp:   func(i int) time.Time { return at(i).Time },
		id:      func(i int) string { return at(i).ID },
	}
}

func (c Conversation) meta() *waHistorySync.Conversation {
	out := &waHistorySync.Conversation{
		ID:          new(c.Chat.String()),
		UnreadCount: new(uint32(c.Unread)),
		Archived:    new(c.Archived),
	}
	if c.Name != "" {
		out.Name = new(c.Name)
	}
	switch c.Alt.Server {
	case types.HiddenUserServer:
		out.LidJID = new(c.Alt.String())
	case types.DefaultUserServer:
		out.PnJID = new(c.Alt.String())
	}
	if !c.Pinned.IsZero() {
		out.Pinned = new(uint32(c.Pinned.Unix()))
	}
	if !c.MuteEnd.IsZero() {
		// Seconds, unlike the milliseconds of the app state's muteAction.
		out.MuteEndTime = new(uint64(c.MuteEnd.Unix()))
	}
	for _, jid := range c.Participants {
		out.Participant = append(out.Participant, &waHistorySync.GroupParticipant{UserJID: new(jid.String())})
	}
	if n := len(c.Messages); n > 0 {
		last := uint64(c.Messages[n-1].Time.Unix())
		out.LastMsgTimestamp = new(last)
		out.ConversationTimestamp = new(last)
	}
	return out
}

// mapping is the address pair of a direct chat, nil if only one is known.
func (t thread) mapping() *waHistorySync.PhoneNumberToLIDMapping {
	pn, lid := t.jid, t.alt
	if pn.Server == types.HiddenUserServer {
		pn, lid = lid, pn
	}
	if pn.Server != types.DefaultUserServer || lid.Server != types.HiddenUserServer {
		return nil
	}
	return &waHistorySync.PhoneNumberToLIDMapping{PnJID: new(pn.String()), LidJID: new(lid.String())}
}
