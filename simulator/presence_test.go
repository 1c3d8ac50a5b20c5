package simulator_test

import (
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// named waits until a client has its push name from the phone, without which
// whatsmeow sends no presence.
func (w *world) named(c *companion.Client) {
	w.t.Helper()
	await(w, c, func(e *events.AppStateSyncComplete) bool { return e.Name == appstate.WAPatchCriticalBlock })
}

func (w *world) appear(c *companion.Client) {
	w.t.Helper()
	must(w.t, c.SendPresence(w.ctx, types.PresenceAvailable))
}

func of(jid types.JID, unavailable bool) func(*events.Presence) bool {
	return func(e *events.Presence) bool { return e.From == jid && e.Unavailable == unavailable }
}

func TestPresenceOfContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	lastSeen := time.Now().Add(-time.Hour).Truncate(time.Second)
	bob.SetPresence(false, lastSeen)
	must(t, c.DangerousInternals().SendNode(w.ctx, waBinary.Node{
		Tag: "presence", Attrs: waBinary.Attrs{"type": "available", "name": "Alice A."},
	}))
	must(t, c.SubscribePresence(w.ctx, bob.PN()))
	if e := await(w, c, of(bob.PN(), true)); !e.LastSeen.Equal(lastSeen) {
		t.Errorf("event %+v", e)
	}
	if alice.Name() != "Alice A." || !alice.Available() {
		t.Errorf("alice is %q, available %v", alice.Name(), alice.Available())
	}
	bob.SetPresence(true, time.Time{})
	await(w, c, of(bob.PN(), false))
	bob.SetPresence(false, lastSeen)
	await(w, c, of(bob.PN(), true))

	must(t, bob.SetPrivacy("last", "none"))
	if e := await(w, c, of(bob.PN(), true)); !e.LastSeen.IsZero() {
		t.Errorf("last seen is hidden, but %+v", e)
	}
	bob.SetPresence(true, time.Time{})
	await(w, c, of(bob.PN(), false))
	must(t, bob.SetPrivacy("online", "match_last_seen"))
	if e := await(w, c, of(bob.PN(), true)); !e.LastSeen.IsZero() {
		t.Errorf("presence is hidden, but %+v", e)
	}
	must(t, bob.SetPrivacy("last", "all"))
	await(w, c, of(bob.PN(), false))
	must(t, bob.SetPrivacy("online", "all"))
	bob.Block(alice)
	if e := await(w, c, of(bob.PN(), true)); !e.LastSeen.IsZero() {
		t.Errorf("alice is blocked, but %+v", e)
	}
}

// TestPresenceNeedsPresence: only who is available hears of others, and a
// subscription ends with the connection.
func TestPresenceNeedsPresence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	quiet := func(why string) {
		t.Helper()
		w.send(bob, alice.PN(), text(why)) // what was said before has arrived before it
		await(w, c, said(why))
		for _, e := range c.Events() {
			if p, ok := e.(*events.Presence); ok {
				t.Errorf("%s: %+v", why, p)
			}
		}
	}
	w.named(c)
	must(t, c.SubscribePresence(w.ctx, bob.PN()))
	_, err := w.query(c, "w:p", "get") // now the server knows
	must(t, err)
	bob.SetPresence(true, time.Time{})
	quiet("not available")
	w.appear(c)
	await(w, c, of(bob.PN(), false))
	c.Disconnect()
	c.Forget()
	must(t, c.Login(w.ctx))
	w.appear(c)
	_, err = w.query(c, "w:p", "get")
	must(t, err)
	bob.SetPresence(false, time.Time{})
	quiet("not subscribed on this connection")
}

func TestPresenceBetweenClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, alice := w.pair("491510000001", "Alice")
	b, bob := w.pair("491510000002", "Bob")
	w.named(a)
	w.named(b)
	w.appear(a)
	must(t, a.SubscribePresence(w.ctx, bob.LID()))
	await(w, a, of(bob.LID(), true))
	w.appear(b)
	await(w, a, of(bob.LID(), false))
	must(t, b.SendPresence(w.ctx, types.PresenceUnavailable))
	if e := await(w, a, of(bob.LID(), true)); time.Since(e.LastSeen) > time.Minute {
		t.Errorf("event %+v", e)
	}
	w.appear(b)
	await(w, a, of(bob.LID(), false))

	must(t, b.SendChatPresence(w.ctx, alice.LID(), types.ChatPresenceComposing, types.ChatPresenceMediaAudio))
	if e := await[*events.ChatPresence](w, a); e.Sender != bob.LID() || e.Chat != bob.LID() || e.SenderAlt != bob.PN() || e.Media != types.ChatPresenceMediaAudio {
		t.Errorf("event %+v", e)
	}
	b.Disconnect()
	await(w, a, of(bob.LID(), true))
}

func TestTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	group := w.Group("Friends", bob, alice)
	w.named(c)
	must(t, bob.Type(alice.PN(), simulator.Composing)) // nobody is there to see it
	w.appear(c)
	if _, err := w.query(c, "w:p", "get"); err != nil { // now the server knows
		t.Fatal(err)
	}
	must(t, bob.Type(alice.PN(), simulator.Recording))
	if e := await[*events.ChatPresence](w, c); e.State != types.ChatPresenceComposing || e.Media != types.ChatPresenceMediaAudio || e.Sender != bob.LID() || e.IsGroup {
		t.Errorf("event %+v", e)
	}
	must(t, bob.Type(group.JID(), simulator.Paused))
	if e := await[*events.ChatPresence](w, c); e.State != types.ChatPresencePaused || e.Chat != group.JID() || e.Sender != bob.LID() || !e.IsGroup {
		t.Errorf("event %+v", e)
	}
	if err := bob.Type(alice.PN(), "dancing"); !errors.Is(err, simulator.ErrTyping) {
		t.Errorf("dancing: %v", err)
	}
	if err := bob.Type(types.NewJID("491999999999", types.DefaultUserServer), simulator.Composing); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("to nobody: %v", err)
	}

	must(t, c.SendChatPresence(w.ctx, bob.PN(), types.ChatPresenceComposing, types.ChatPresenceMediaText))
	seen, err := bob.AwaitChatState(w.ctx, func(s simulator.ChatState) bool { return s.State == simulator.Composing })
	must(t, err)
	if seen.From != alice.Number() || seen.Chat != alice.Number() {
		t.Errorf("bob saw %+v", seen)
	}
	must(t, c.SendChatPresence(w.ctx, group.JID(), types.ChatPresenceComposing, types.ChatPresenceMediaAudio))
	seen, err = bob.AwaitChatState(w.ctx, func(s simulator.ChatState) bool { return s.State == simulator.Recording })
	must(t, err)
	if seen.From != alice.Number() || seen.Chat != group.JID().String() {
		t.Errorf("bob saw %+v", seen)
	}
	if n := len(bob.ChatStates()); n != 2 {
		t.Errorf("bob saw %d states", n)
	}
}

// TestPresenceBeforeLogin sends what Baileys does while it shows a pairing
// code.
func TestPresenceBeforeLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	_, err := c.QR(w.ctx)
	must(t, err)
	must(t, c.DangerousInternals().SendNode(w.ctx, waBinary.Node{Tag: "presence"}))
	_, err = w.query(c, "w:p", "get")
	must(t, err)
}

func TestMalformedPresence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expect(simulator.Malformed)
	c, alice := w.pair("491510000001", "Alice")
	for _, n := range []waBinary.Node{
		{Tag: "presence", Attrs: waBinary.Attrs{"type": "subscribe"}},
		{Tag: "chatstate", Attrs: waBinary.Attrs{"to": alice.PN()}},
		{Tag: "chatstate", Attrs: waBinary.Attrs{"to": alice.PN()}, Content: []waBinary.Node{{Tag: "dancing"}}},
		{Tag: "call", Attrs: waBinary.Attrs{"id": "1", "to": alice.PN()}},
	} {
		must(t, c.DangerousInternals().SendNode(w.ctx, n))
	}
	_, err := w.query(c, "w:p", "get")
	must(t, err)
	if n := len(w.Violations()); n != 4 {
		t.Errorf("%d violations: %v", n, w.Violations())
	}
}
