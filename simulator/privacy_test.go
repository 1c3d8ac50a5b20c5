package simulator_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

func TestPrivacySettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	want := types.PrivacySettings{
		GroupAdd: "all", LastSeen: "all", Status: "all", Profile: "all", ReadReceipts: "all", CallAdd: "all", Online: "all",
		Messages: "all", Defense: "off", Stickers: "contacts",
	}
	got, err := c.TryFetchPrivacySettings(w.ctx, true)
	must(t, err)
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
	_, err = c.SetPrivacySetting(w.ctx, types.PrivacySettingTypeLastSeen, types.PrivacySettingContacts)
	must(t, err)
	if e := await[*events.PrivacySettings](w, second); !e.LastSeenChanged || e.OnlineChanged {
		t.Errorf("event %+v", e)
	}
	if s := second.GetPrivacySettings(w.ctx); s.LastSeen != types.PrivacySettingContacts {
		t.Errorf("the other companion has %+v", s)
	}
	must(t, alice.SetPrivacy("calladd", "known"))
	await(w, c, func(e *events.PrivacySettings) bool { return e.CallAddChanged })
	want.LastSeen, want.CallAdd = types.PrivacySettingContacts, types.PrivacySettingKnown
	got, err = c.TryFetchPrivacySettings(w.ctx, true)
	must(t, err)
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.SetPrivacySetting(w.ctx, types.PrivacySettingTypeOnline, types.PrivacySettingContacts); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
		t.Errorf("impossible value: %v", err)
	}
	if err := alice.SetPrivacy("shoesize", "all"); !errors.Is(err, simulator.ErrSetting) {
		t.Errorf("impossible name: %v", err)
	}
}

// TestReadReceiptsOff looks from both sides: who hides that they read is not
// told what others read either.
func TestReadReceiptsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	bob := w.phone("491510000002", "Bob")
	read := func(kind types.ReceiptType) string {
		id := w.send(bob, alice.PN(), text("read me"))
		m := await(w, c, func(m *events.Message) bool { return m.Info.ID == id })
		// whatsmeow would not say "read" when its settings forbid it
		must(t, c.DangerousInternals().SendNode(w.ctx, waBinary.Node{
			Tag: "receipt", Attrs: waBinary.Attrs{"id": id, "type": "read", "to": m.Info.Chat},
		}))
		own := await(w, second, func(r *events.Receipt) bool { return r.MessageIDs[0] == id })
		if own.Type != kind || !own.IsFromMe || own.Chat != bob.LID() {
			t.Errorf("own companion hears of %s: %+v", kind, own)
		}
		return id
	}
	shown := read(types.ReceiptTypeRead)
	if _, err := bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == shown && r.Type == "read" }); err != nil {
		t.Errorf("bob is not told: %v", err)
	}
	_, err := c.SetPrivacySetting(w.ctx, types.PrivacySettingTypeReadReceipts, types.PrivacySettingNone)
	must(t, err)
	hidden := read(types.ReceiptTypeReadSelf)

	// Bob reads what Alice wrote. The receipt for delivery proves that the one
	// for reading would have come as well.
	w.Turn(func(k *simulator.Knobs) { k.ReadReceipts = true })
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("read me too"))
	must(t, err)
	await(w, c, func(r *events.Receipt) bool {
		return r.MessageIDs[0] == sent.ID && r.Type == types.ReceiptTypeDelivered
	})
	must(t, w.Settle(w.ctx))
	for _, e := range c.Events() {
		if r, ok := e.(*events.Receipt); ok && r.MessageIDs[0] == sent.ID && r.Type == types.ReceiptTypeRead {
			t.Error("alice is told that bob has read")
		}
	}
	for _, r := range bob.Receipts() {
		if r.ID == hidden && r.Type == "read" {
			t.Error("bob is told that alice has read")
		}
	}
}

func TestBlocklist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	bob, carol := w.phone("491510000002", "Bob"), w.phone("491510000003", "Carol")
	list, err := c.GetBlocklist(w.ctx)
	must(t, err)
	before := list.DHash
	if len(list.JIDs) != 0 || list.DHash == "" {
		t.Errorf("list %+v", list)
	}
	for _, other := range []*simulator.User{bob, carol} {
		list, err = c.UpdateBlocklist(w.ctx, other.PN(), events.BlocklistChangeActionBlock)
		must(t, err)
		change := events.BlocklistChange{JID: other.LID(), Action: events.BlocklistChangeActionBlock}
		if e := await[*events.Blocklist](w, second); e.Action != events.BlocklistActionDefault || e.DHash != list.DHash || e.PrevDHash != before || before == list.DHash || len(e.Changes) != 1 || e.Changes[0] != change {
			t.Errorf("event %+v", e)
		}
		before = list.DHash
	}
	if diff := cmp.Diff([]types.JID{bob.LID(), carol.LID()}, list.JIDs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{bob.Number(), carol.Number()}, alice.Blocked()); diff != "" {
		t.Error(diff)
	}

	w.send(bob, alice.PN(), text("from a simulated person"))
	alice.Unblock(bob)
	if e := await[*events.Blocklist](w, c); e.Changes[0].Action != events.BlocklistChangeActionUnblock || e.Changes[0].JID != bob.LID() {
		t.Errorf("event %+v", e)
	}
	w.send(bob, alice.PN(), text("after the block"))
	await(w, c, said("after the block"))
	for _, e := range c.Events() {
		if m, ok := e.(*events.Message); ok && said("from a simulated person")(m) {
			t.Error("a blocked message arrived")
		}
	}
	list, err = c.UpdateBlocklist(w.ctx, carol.LID(), events.BlocklistChangeActionUnblock)
	must(t, err)
	if len(list.JIDs) != 0 {
		t.Errorf("list %+v", list)
	}
	nobody := types.NewJID("111111111111111", types.HiddenUserServer)
	if _, err := c.UpdateBlocklist(w.ctx, nobody, events.BlocklistChangeActionBlock); !errors.Is(err, whatsmeow.ErrIQNotFound) {
		t.Errorf("block nobody: %v", err)
	}
}

// TestBlockedByContact: what a blocked client sends is accepted and goes
// nowhere.
func TestBlockedByContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	bob.Block(alice)
	lost, err := c.SendMessage(w.ctx, bob.PN(), text("blocked"))
	must(t, err)
	bob.Unblock(alice)
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("heard"))
	must(t, err)
	w.read(bob, sent.ID)
	if n := len(bob.Inbox()); n != 1 {
		t.Errorf("bob has %d messages", n)
	}
	must(t, w.Settle(w.ctx))
	for _, e := range c.Events() {
		if r, ok := e.(*events.Receipt); ok && r.MessageIDs[0] == lost.ID && !r.IsFromMe {
			t.Errorf("receipt for a blocked message: %+v", r)
		}
	}
}

func TestPrivacyTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	d, dora := w.pair("491510000004", "Dora")
	bob := w.phone("491510000002", "Bob")
	// whatsmeow issues its token after the first message to somebody.
	_, err := c.SendMessage(w.ctx, dora.PN(), text("to a client"))
	must(t, err)
	_, err = c.SendMessage(w.ctx, bob.PN(), text("to a person"))
	must(t, err)
	await(w, d, said("to a client"))
	// The token travels behind the message, on its own.
	fromAlice := w.eventually(d, func() []byte {
		token, err := d.Client.Store.PrivacyTokens.GetPrivacyToken(w.ctx, alice.LID())
		must(t, err)
		if token == nil {
			return nil
		}
		return token.Token
	})
	fromBob := w.eventually(c, func() []byte {
		token, err := c.Client.Store.PrivacyTokens.GetPrivacyToken(w.ctx, bob.LID())
		must(t, err)
		if token == nil {
			return nil
		}
		return token.Token
	})
	if len(fromAlice) == 0 || bytes.Equal(fromAlice, fromBob) {
		t.Errorf("tokens %x and %x", fromAlice, fromBob)
	}
	if _, err := w.query(c, "privacy", "set", waBinary.Node{Tag: "tokens", Content: []waBinary.Node{
		{Tag: "token", Attrs: waBinary.Attrs{"jid": bob.PN(), "t": "1", "type": "unheard_of"}},
	}}); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
		t.Errorf("unknown kind of token: %v", err)
	}
}

// eventually asks until there is an answer, each time after a round trip of
// the client.
func (w *world) eventually(c *companion.Client, ask func() []byte) []byte {
	w.t.Helper()
	for {
		if answer := ask(); answer != nil {
			return answer
		}
		if _, err := w.query(c, "w:p", "get"); err != nil {
			w.t.Fatalf("it never came: %v", err)
		}
	}
}

func TestReachOutLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	friend, stranger := w.phone("491510000002", "Bob"), w.phone("491510000003", "Carol")
	w.send(friend, alice.PN(), text("hello"))
	await(w, c, said("hello"))
	until := time.Now().Add(time.Hour)
	alice.LockReachOut(until)
	e := await[*events.NotifyAccountReachoutTimelock](w, c)
	if !e.IsActive || e.EnforcementType != "WEB_COMPANION_ONLY" || e.TimeEnforcementEnds.Unix() != until.Unix() || e.Mex.OpName == "" {
		t.Errorf("event %+v", e)
	}
	_, err := c.SendMessage(w.ctx, friend.PN(), text("to a friend"))
	must(t, err)
	_, err = c.SendMessage(w.ctx, alice.PN(), text("to myself"))
	must(t, err)
	if _, err := c.SendMessage(w.ctx, stranger.PN(), text("to a stranger")); !errors.Is(err, whatsmeow.ErrServerReturnedError) {
		t.Errorf("to a stranger: %v", err)
	}
	answer, err := w.query(c, "w:mex", "get", waBinary.Node{
		Tag: "query", Attrs: waBinary.Attrs{"query_id": "23983697327930364"}, Content: []byte(`{"variables":{}}`),
	})
	must(t, err)
	result := answer.GetChildByTag("result")
	if content, _ := result.Content.([]byte); !bytes.Contains(content, []byte(`"is_active":true`)) {
		t.Errorf("fetched lock %s", content)
	}
	alice.LockReachOut(time.Time{})
	if e := await[*events.NotifyAccountReachoutTimelock](w, c); e.IsActive {
		t.Errorf("event %+v", e)
	}
	_, err = c.SendMessage(w.ctx, stranger.PN(), text("to a stranger"))
	must(t, err)
}
