package simulator_test

import (
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/history"
)

// collected is a history as a client got it.
type collected struct {
	parts    map[history.Type]int
	chats    map[string]map[string]*waHistorySync.HistorySyncMsg // messages by id
	repeated int
	names    map[string]string
	blobs    int
	complete bool
}

func newCollected() *collected {
	return &collected{
		parts: map[history.Type]int{}, chats: map[string]map[string]*waHistorySync.HistorySyncMsg{}, names: map[string]string{},
	}
}

func (h *collected) add(n *waE2E.HistorySyncNotification, data *waHistorySync.HistorySync) {
	h.parts[data.GetSyncType()]++
	if n.InitialHistBootstrapInlinePayload == nil {
		h.blobs++
	}
	for _, c := range data.GetConversations() {
		chat := h.chats[c.GetID()]
		if chat == nil {
			chat = map[string]*waHistorySync.HistorySyncMsg{}
			h.chats[c.GetID()] = chat
		}
		for _, m := range c.GetMessages() {
			if chat[m.GetMessage().GetKey().GetID()] != nil {
				h.repeated++
			}
			chat[m.GetMessage().GetKey().GetID()] = m
		}
	}
	for _, p := range data.GetPushnames() {
		h.names[p.GetID()] = p.GetPushname()
	}
	h.complete = data.GetSyncType() == history.Full && data.GetProgress() == 100
}

func (h *collected) messages() int {
	n := 0
	for _, chat := range h.chats {
		n += len(chat)
	}
	return n
}

// collect waits for a history up to its last chunk.
func (w *world) collect(c *companion.Client) *collected {
	w.t.Helper()
	h := newCollected()
	for !h.complete {
		e := await[*events.HistorySync](w, c)
		h.add(e.Notification, e.Data)
	}
	return h
}

func withHistory(chats, messages int) func(*simulator.Config) {
	return func(c *simulator.Config) { c.Knobs.HistoryChats, c.Knobs.HistoryMessages = chats, messages }
}

func TestHistoryOfKnobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withHistory(50, 200))
	bob := w.phone("491510000002", "Bob")
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	for _, each := range []*companion.Client{c, second} {
		h := w.collect(each)
		if h.messages() != 50*200 || len(h.chats) != 50 || h.repeated != 0 {
			t.Errorf("%d messages in %d chats, %d repeated; want 10000 in 50", h.messages(), len(h.chats), h.repeated)
		}
		if len(h.chats[bob.PN().String()]) != 200 {
			t.Errorf("no chat with bob, who is a user of the simulator")
		}
		if h.names[bob.PN().String()] != "Bob" || h.blobs == 0 || h.parts[history.InitialBootstrap] == 0 || h.parts[history.NonBlockingData] == 0 {
			t.Errorf("bob is %q, %d blobs, parts %v", h.names[bob.PN().String()], h.blobs, h.parts)
		}
	}
}

func TestHistoryIsNeverMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	e := await[*events.HistorySync](w, c)
	if e.Data.GetSyncType() != history.InitialBootstrap || e.Notification.InitialHistBootstrapInlinePayload == nil || e.Data.GetProgress() == 0 {
		t.Errorf("first sync %v", e.Notification)
	}
}

// exact is a history of one chat with bob, 30 messages sent and 30 kept.
func exact(bob *simulator.User) history.Plan {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var all []history.Message
	for i := range 60 {
		all = append(all, history.Message{
			ID: "3EB0OLD" + itoa(100+i), FromMe: i%2 == 0, Time: begin.Add(time.Duration(i) * time.Hour), Message: text("old " + itoa(i)),
		})
	}
	return history.Plan{Conversations: []history.Conversation{{
		Chat: bob.PN(), Alt: bob.LID(), Name: "Bob", Unread: 2, Older: all[:30], Messages: all[30:],
	}}}
}

func TestExactHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob := w.phone("491510000001", "Alice"), w.phone("491510000002", "Bob")
	alice.SetHistory(exact(bob))
	// What was said since is part of it, too.
	heard := w.send(bob, alice.PN(), text("how are you"))
	said := w.send(alice, bob.PN(), text("fine"))
	c := w.link(alice)
	h := w.collect(c)
	chat := h.chats[bob.PN().String()]
	if len(h.chats) != 1 || len(chat) != 32 || h.repeated != 0 {
		t.Fatalf("%d chats, %d messages, %d repeated", len(h.chats), len(chat), h.repeated)
	}
	for i := range 30 {
		m := chat["3EB0OLD"+itoa(130+i)].GetMessage()
		if m.GetMessage().GetConversation() != "old "+itoa(30+i) || m.GetKey().GetFromMe() != (i%2 == 0) {
			t.Errorf("message %d: %v", 30+i, m)
		}
	}
	if m := chat[heard].GetMessage(); m.GetMessage().GetConversation() != "how are you" || m.GetKey().GetFromMe() || m.GetPushName() != "Bob" {
		t.Errorf("what bob said: %v", m)
	}
	if m := chat[said].GetMessage(); m.GetMessage().GetConversation() != "fine" || !m.GetKey().GetFromMe() {
		t.Errorf("what alice said: %v", m)
	}
}

func TestHistoryOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob := w.phone("491510000001", "Alice"), w.phone("491510000002", "Bob")
	alice.SetHistory(exact(bob))
	c := w.link(alice)
	w.collect(c)
	oldest := &types.MessageInfo{ID: "3EB0OLD130", Timestamp: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	oldest.Chat = bob.PN()
	for _, want := range []int{20, 10, 0} {
		sent, err := c.SendPeerMessage(w.ctx, c.BuildHistorySyncRequest(oldest, 20))
		must(t, err)
		e := await(w, c, func(e *events.HistorySync) bool { return e.Data.GetSyncType() == history.OnDemand })
		var got []*waHistorySync.HistorySyncMsg
		for _, conversation := range e.Data.GetConversations() {
			got = append(got, conversation.GetMessages()...)
		}
		if len(got) != want || e.Notification.GetPeerDataRequestSessionID() != sent.ID {
			t.Fatalf("%d messages for request %q, want %d for %q", len(got), e.Notification.GetPeerDataRequestSessionID(), want, sent.ID)
		}
		if want > 0 {
			oldest.ID = got[len(got)-1].GetMessage().GetKey().GetID()
		}
	}
	if oldest.ID != "3EB0OLD100" {
		t.Errorf("the oldest message is %s", oldest.ID)
	}
	// A chat that the phone does not have.
	oldest.Chat = types.NewJID("491519999999", types.DefaultUserServer)
	_, err := c.SendPeerMessage(w.ctx, c.BuildHistorySyncRequest(oldest, 20))
	must(t, err)
	e := await(w, c, func(e *events.HistorySync) bool { return e.Data.GetSyncType() == history.OnDemand })
	for _, conversation := range e.Data.GetConversations() {
		if len(conversation.GetMessages()) > 0 {
			t.Errorf("messages of a chat that does not exist: %v", e.Data)
		}
	}
}

// A client that downloads its history itself, slower than it comes, with the
// connection cut in between.
func TestManualHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withHistory(20, 600))
	alice := w.phone("491510000001", "Alice")
	c := w.client(companion.WithEventBuffer())
	c.ManualHistorySyncDownload = true
	w.scan(alice, c)
	h := newCollected()
	for !h.complete {
		if len(h.parts) == 2 { // in the middle of it
			w.inject(simulator.Fault{Fault: simulator.Cut, Number: alice.Number()})
			w.inject(simulator.Fault{Fault: simulator.DropSent, Tag: "message", Number: alice.Number(), Times: 1})
			await[*events.Connected](w, c)
		}
		m, err := companion.Await(w.ctx, c, func(m *events.Message) bool {
			return m.Message.GetProtocolMessage().GetHistorySyncNotification() != nil
		})
		must(t, err)
		n := m.Message.GetProtocolMessage().GetHistorySyncNotification()
		data, err := c.DownloadHistorySync(w.ctx, n, true)
		for cut(err) { // where the files are is asked on the socket, which is cut a second time at some moment
			await[*events.Connected](w, c)
			data, err = c.DownloadHistorySync(w.ctx, n, true)
		}
		must(t, err)
		h.add(n, data)
	}
	if h.messages() != 20*600 {
		t.Errorf("%d messages", h.messages())
	}
}

// cut reports whether something failed because its connection had ended.
func cut(err error) bool {
	var lost *whatsmeow.DisconnectedError
	return errors.Is(err, whatsmeow.ErrNotConnected) || errors.Is(err, socket.ErrSocketClosed) || errors.As(err, &lost)
}

// A client does not get on with its history: a few chunks wait for it, not all.
func TestHistoryOfSlowClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withHistory(100, 100))
	alice := w.phone("491510000001", "Alice")
	hold := make(chan struct{})
	begun := make(chan struct{}, 100)
	c := w.client(companion.WithHandler(func(evt any) bool {
		if m, ok := evt.(*events.Message); ok && m.Message.GetProtocolMessage().GetHistorySyncNotification() != nil {
			begun <- struct{}{}
			<-hold
		}
		return true
	}))
	c.ManualHistorySyncDownload, c.DisableManualHistorySyncReceipt = true, true
	w.scan(alice, c)
	<-begun
	second := w.client() // meanwhile another one gets everything
	w.scan(alice, second)
	w.collect(second)
	if n := alice.Owed(1); n > 8 {
		t.Errorf("%d stanzas wait for a client that takes none", n)
	}
	close(hold)
	must(t, w.Settle(w.ctx))
	if n := alice.Owed(1); n > 0 {
		t.Errorf("%d stanzas wait for a client that takes all", n)
	}
}
