package simulator_test

import (
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
)

func words(text string) *waE2E.Message { return &waE2E.Message{Conversation: new(text)} }

// saidIn accepts a message of a chat with this text.
func saidIn(chat types.JID, text string) func(*events.Message) bool {
	return func(e *events.Message) bool { return e.Info.Chat == chat && e.Message.GetConversation() == text }
}

// heard waits for a text of a group in somebody's inbox.
func heard(w *world, u *simulator.User, g *simulator.Group, text string) content.Entry {
	w.t.Helper()
	e, err := u.Await(w.ctx, func(e content.Entry) bool { return e.Chat == g.JID().String() && e.Text == text })
	if err != nil {
		w.t.Fatalf("%s has not heard %q: %v", u.Number(), text, err)
	}
	return e
}

func say(w *world, c *companion.Client, g *simulator.Group, text string) types.MessageID {
	w.t.Helper()
	sent, err := c.SendMessage(w.ctx, g.JID(), words(text))
	must(w.t, err)
	return sent.ID
}

// wantReadable fails when a client has got something it could not read, even if
// it got it again later.
func wantReadable(t *testing.T, clients ...*companion.Client) {
	t.Helper()
	for _, c := range clients {
		for _, e := range c.Events() {
			if m, ok := e.(*events.UndecryptableMessage); ok {
				t.Errorf("%s could not read %s of %s", c.Client.Store.ID, m.Info.ID, m.Info.Sender)
			}
		}
	}
}

func countTexts(entries []content.Entry, text string) int {
	n := 0
	for _, e := range entries {
		if e.Text == text {
			n++
		}
	}
	return n
}

func TestGroupMessagesWithContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	carol.AddDevice()
	g := w.Group("Rowing", aliceUser, bob, carol)

	for _, text := range []string{"one", "two"} { // the first with a new session, the second without
		id := say(w, alice, g, text)
		for _, u := range []*simulator.User{bob, carol} {
			if e := heard(w, u, g, text); e.ID != id || e.From != aliceUser.Number() {
				t.Errorf("entry %+v, want %s of %s", e, id, aliceUser.Number())
			}
			// Sender key and message come in one stanza and are one message.
			if n := countTexts(u.Inbox(), text); n != 1 || len(u.Inbox()) > 2 {
				t.Errorf("%q is in the inbox of %s %d times: %+v", text, u.Number(), n, u.Inbox())
			}
			await(w, alice, func(e *events.Receipt) bool {
				return e.Chat == g.JID() && e.Sender.ToNonAD() == u.LID() && e.MessageIDs[0] == id && e.Type == types.ReceiptTypeDelivered
			})
		}
		await(w, alice, func(e *events.Receipt) bool {
			return e.Sender.User == carol.LID().User && e.Sender.Device == 1 && e.MessageIDs[0] == id
		})
		if _, err := aliceUser.AwaitMirrored(w.ctx, func(e content.Entry) bool { return e.ID == id && e.Chat == g.JID().String() }); err != nil {
			t.Errorf("the own phone has no copy: %v", err)
		}
	}
	for _, u := range []*simulator.User{bob, carol, bob, aliceUser} {
		id, err := u.Send(g.JID(), words("hello of "+u.Number()))
		must(t, err)
		e := await(w, alice, func(e *events.Message) bool { return e.Info.ID == id && e.Message.GetConversation() != "" })
		if e.Info.Sender.ToNonAD() != u.LID() || e.Info.SenderAlt.ToNonAD() != u.PN() || e.Info.Chat != g.JID() || !e.Info.IsGroup {
			t.Errorf("message of %s: %+v", u.Number(), e.Info)
		}
		if e.Info.IsFromMe != (u == aliceUser) {
			t.Errorf("message of %s is from me: %t", u.Number(), e.Info.IsFromMe)
		}
	}
	if _, err := bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.By.User == aliceUser.PN().User }); err != nil {
		t.Errorf("no receipt for a contact's message: %v", err)
	}
}

func TestGroupReadReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Turn(func(k *simulator.Knobs) { k.ReadReceipts = true })
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	g := w.Group("Rowing", aliceUser, bobUser, carol)
	id := say(w, alice, g, "hello")
	await(w, alice, func(e *events.Receipt) bool {
		return e.Sender.User == carol.LID().User && e.Type == types.ReceiptTypeRead
	})
	e := await(w, bob, saidIn(g.JID(), "hello"))
	must(t, bob.MarkRead(w.ctx, []types.MessageID{id}, e.Info.Timestamp, g.JID(), e.Info.Sender))
	read := await(w, alice, func(e *events.Receipt) bool {
		return e.Sender.User == bobUser.LID().User && e.Sender.Device > 0 && e.Type == types.ReceiptTypeRead
	})
	if read.Chat != g.JID() || read.MessageIDs[0] != id {
		t.Errorf("read receipt %+v", read)
	}
}

func TestGroupMessagesBetweenClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	second := w.link(bobUser)
	info, err := alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{Name: "Rowing", Participants: []types.JID{bobUser.PN()}})
	must(t, err)
	g := w.FindGroup(info.JID)
	await(w, bob, joined(g.JID()))
	for _, text := range []string{"one", "two"} {
		id := say(w, alice, g, text)
		await(w, bob, saidIn(g.JID(), text))
		await(w, second, saidIn(g.JID(), text))
		await(w, alice, func(e *events.Receipt) bool {
			return e.MessageIDs[0] == id && e.Sender.User == bobUser.LID().User && e.Sender.Device > 0
		})
		id = say(w, bob, g, "re: "+text)
		await(w, alice, saidIn(g.JID(), "re: "+text))
		if e := await(w, second, saidIn(g.JID(), "re: "+text)); !e.Info.IsFromMe || e.Info.ID != id {
			t.Errorf("the copy on the other companion: %+v", e.Info)
		}
	}

	carol, carolUser := w.pair("491510000003", "Carol")
	must(t, g.Add(aliceUser, carolUser))
	await(w, carol, joined(g.JID()))
	await(w, bob, inGroup(g.JID(), func(e *events.GroupInfo) bool { return len(e.Join) > 0 }))
	say(w, carol, g, "I am new")
	await(w, bob, saidIn(g.JID(), "I am new"))
	await(w, alice, saidIn(g.JID(), "I am new"))
	say(w, bob, g, "welcome")
	await(w, carol, saidIn(g.JID(), "welcome"))
	wantReadable(t, alice, bob, second, carol)
}

func TestGroupMessageAfterJoining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	dave := w.phone("491510000004", "Dave")
	g := w.Group("Rowing", aliceUser, dave)
	say(w, alice, g, "before")
	_, err := dave.Send(g.JID(), words("before, of Dave"))
	must(t, err)
	must(t, g.Add(aliceUser, bobUser))
	await(w, bob, joined(g.JID()))
	await(w, alice, inGroup(g.JID(), func(e *events.GroupInfo) bool { return len(e.Join) > 0 }))
	_, err = dave.Send(g.JID(), words("after, of Dave"))
	must(t, err)
	await(w, bob, saidIn(g.JID(), "after, of Dave"))
	say(w, alice, g, "after")
	await(w, bob, saidIn(g.JID(), "after"))
	heard(w, bobUser, g, "after")
	wantReadable(t, alice, bob)
	for _, e := range bobUser.Inbox() {
		if e.Text == "before" || e.Text == "before, of Dave" {
			t.Errorf("the new member has heard %q", e.Text)
		}
	}
	for _, e := range bob.Events() {
		if m, ok := e.(*events.Message); ok && m.Message.GetConversation() == "before" {
			t.Error("the new member's companion has read what was said before")
		}
	}
}

func TestGroupMessageAfterLeaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	dave := w.phone("491510000004", "Dave")
	g := w.Group("Rowing", aliceUser, bobUser, dave)
	_, err := dave.Send(g.JID(), words("hello"))
	must(t, err)
	await(w, bob, saidIn(g.JID(), "hello"))
	await(w, alice, saidIn(g.JID(), "hello"))
	say(w, alice, g, "hello too") // alice's client knows bob as a member now
	await(w, bob, saidIn(g.JID(), "hello too"))

	must(t, g.Remove(aliceUser, bobUser))
	gone := func(e *events.GroupInfo) bool { return len(e.Leave) == 1 && e.Leave[0] == bobUser.LID() }
	await(w, bob, inGroup(g.JID(), gone))
	await(w, alice, inGroup(g.JID(), gone))
	id, err := dave.Send(g.JID(), words("without Bob"))
	must(t, err)
	e := await(w, alice, func(e *events.Message) bool { return e.Info.ID == id && e.Message.GetConversation() == "without Bob" })
	if e.Info.Sender.ToNonAD() != dave.LID() {
		t.Errorf("sender %s", e.Info.Sender)
	}
	// The key was renewed, so it came along with the message.
	await(w, alice, func(e *events.Message) bool {
		return e.Info.ID == id && e.Message.GetSenderKeyDistributionMessage() != nil
	})
	say(w, alice, g, "without Bob too")
	heard(w, dave, g, "without Bob too")
	must(t, w.Settle(w.ctx))
	for _, e := range bob.Events() {
		if m, ok := e.(*events.Message); ok && m.Info.ID == id {
			t.Errorf("the removed member's companion got %+v", m.Info)
		}
	}
	wantReadable(t, alice, bob)
	if n := countTexts(bobUser.Inbox(), "without Bob") + countTexts(bobUser.Inbox(), "without Bob too"); n != 0 {
		t.Errorf("the removed member has heard %d messages", n)
	}
	if _, err := bob.SendMessage(w.ctx, g.JID(), words("let me in")); !errors.Is(err, whatsmeow.ErrServerReturnedError) {
		t.Errorf("message of a removed member: %v", err)
	}
	if _, err := bobUser.Send(g.JID(), words("let me in")); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("message of a removed person: %v", err)
	}
}

func TestAnnouncementGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	g := w.Group("Rowing", bob, aliceUser)
	must(t, g.SetAnnounce(bob, true))
	if _, err := alice.SendMessage(w.ctx, g.JID(), words("may I?")); !errors.Is(err, whatsmeow.ErrServerReturnedError) {
		t.Errorf("message of a plain member: %v", err)
	}
	if _, err := aliceUser.Send(g.JID(), words("may I?")); groupCode(err) != 420 {
		t.Errorf("message of a plain person: %v", err)
	}
	if n := len(bob.Inbox()); n != 0 {
		t.Errorf("%d messages came through", n)
	}
	must(t, g.Promote(bob, aliceUser))
	say(w, alice, g, "now I may")
	heard(w, bob, g, "now I may")
}

func TestGroupRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	dave := w.phone("491510000004", "Dave")
	g := w.Group("Rowing", aliceUser, bobUser, dave)
	say(w, bob, g, "warming up")
	await(w, alice, saidIn(g.JID(), "warming up"))

	must(t, w.Inject(simulator.Fault{Fault: simulator.Corrupt, Number: aliceUser.Number(), Times: 1}))
	id, err := dave.Send(g.JID(), words("of a contact"))
	must(t, err)
	if e := await(w, alice, saidIn(g.JID(), "of a contact")); e.Info.ID != id {
		t.Errorf("resent as %s, want %s", e.Info.ID, id)
	}
	if _, err := dave.Send(g.JID(), words("and on")); err != nil {
		t.Fatal(err)
	}
	await(w, alice, saidIn(g.JID(), "and on"))

	must(t, w.Inject(simulator.Fault{Fault: simulator.Corrupt, Number: aliceUser.Number(), Times: 1}))
	id = say(w, bob, g, "of a client")
	if e := await(w, alice, saidIn(g.JID(), "of a client")); e.Info.ID != id {
		t.Errorf("resent as %s, want %s", e.Info.ID, id)
	}
	say(w, bob, g, "and on and on")
	await(w, alice, saidIn(g.JID(), "and on and on"))
	if n := countTexts(dave.Inbox(), "of a client"); n != 1 {
		t.Errorf("the others have heard it %d times", n)
	}
}
