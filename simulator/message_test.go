package simulator_test

import (
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
)

func text(s string) *waE2E.Message { return &waE2E.Message{Conversation: new(s)} }

// said matches a message event by its text.
func said(want string) func(*events.Message) bool {
	return func(e *events.Message) bool { return e.Message.GetConversation() == want }
}

// withID matches an inbox entry by message id.
func withID(id string) func(content.Entry) bool {
	return func(e content.Entry) bool { return e.ID == id }
}

func (w *world) send(u *simulator.User, to types.JID, m *waE2E.Message) types.MessageID {
	w.t.Helper()
	id, err := u.Send(to, m)
	if err != nil {
		w.t.Fatalf("%s sends: %v", u.Number(), err)
	}
	return id
}

// read waits until a person has read a message.
func (w *world) read(u *simulator.User, id string) content.Entry {
	w.t.Helper()
	e, err := u.Await(w.ctx, withID(id))
	if err != nil {
		w.t.Fatalf("%s never got %s: %v", u.Number(), id, err)
	}
	return e
}

func TestMessagesBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	bob.AddDevice() // a second device, which must be able to read everything as well
	for i := range 5 {
		id := w.send(bob, alice.PN(), text("in"))
		in := await(w, c, said("in"))
		if in.Info.ID != id || in.Info.Sender.User != bob.LID().User || in.Info.SenderAlt.User != bob.Number() || in.Info.PushName != "Bob" {
			t.Errorf("message %d: %+v", i, in.Info)
		}
		to := []types.JID{bob.PN(), bob.LID()}[i%2]
		sent, err := c.SendMessage(w.ctx, to, text("out"))
		must(t, err)
		e := w.read(bob, sent.ID)
		if e.Kind != content.KindText || e.Text != "out" || e.From != alice.Number() || e.Chat != alice.Number() {
			t.Errorf("bob read %+v", e)
		}
		mirrored, err := alice.AwaitMirrored(w.ctx, withID(sent.ID))
		must(t, err)
		if mirrored.Text != "out" || mirrored.Chat != bob.Number() {
			t.Errorf("alice's phone got %+v", mirrored)
		}
		delivered := await(w, c, func(r *events.Receipt) bool { return r.MessageIDs[0] == sent.ID })
		if delivered.Type != types.ReceiptTypeDelivered || delivered.Sender.User != bob.LID().User {
			t.Errorf("receipt %+v", delivered)
		}
	}
	must(t, w.Settle(w.ctx))
	if n := alice.Owed(1); n != 0 {
		t.Errorf("%d stanzas still owed", n)
	}
	if got := len(bob.Inbox()); got != 5 {
		t.Errorf("bob's inbox has %d entries, want 5: devices must not double them", got)
	}
}

func TestUnknownNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	if _, err := c.SendMessage(w.ctx, types.NewJID("49999999999", types.DefaultUserServer), text("x")); err == nil {
		t.Error("a message to nobody was sent")
	}
	if _, err := alice.Send(types.NewJID("49999999999", types.DefaultUserServer), text("x")); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("%v, want ErrNobody", err)
	}
}

func TestClientToClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, alice := w.pair("491510000001", "Alice")
	b, bob := w.pair("491510000002", "Bob")
	for range 3 {
		sent, err := a.SendMessage(w.ctx, bob.PN(), text("a to b"))
		must(t, err)
		if got := await(w, b, said("a to b")); got.Info.ID != sent.ID {
			t.Errorf("b got id %s, want %s", got.Info.ID, sent.ID)
		}
		await(w, a, func(r *events.Receipt) bool { return r.MessageIDs[0] == sent.ID && r.Sender.Device == 1 })
		_, err = b.SendMessage(w.ctx, alice.PN(), text("b to a"))
		must(t, err)
		await(w, a, said("b to a"))
	}
	sent, err := a.SendMessage(w.ctx, bob.PN(), text("read me"))
	must(t, err)
	await(w, b, said("read me"))
	must(t, b.MarkRead(w.ctx, []string{sent.ID}, time.Now(), alice.LID(), alice.LID()))
	await(w, a, func(r *events.Receipt) bool { return r.MessageIDs[0] == sent.ID && r.Type == types.ReceiptTypeRead })
}

func TestOwnCompanionsSeeEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	if _, err := first.SendMessage(w.ctx, bob.PN(), text("before")); err != nil {
		t.Fatal(err) // first has cached the account's device list now
	}
	second := w.link(alice)
	sent, err := first.SendMessage(w.ctx, bob.PN(), text("from first"))
	must(t, err)
	copied := await(w, second, said("from first"))
	if !copied.Info.IsFromMe || copied.Info.Chat.User != bob.LID().User || copied.Info.ID != sent.ID {
		t.Errorf("the other companion got %+v", copied.Info)
	}
	w.send(alice, bob.PN(), text("from the phone"))
	for _, c := range []*companion.Client{first, second} {
		m := await(w, c, said("from the phone"))
		if !m.Info.IsFromMe || m.Info.Chat.User != bob.LID().User {
			t.Errorf("a companion got %+v", m.Info)
		}
	}
	w.send(bob, alice.PN(), text("to both"))
	await(w, first, said("to both"))
	await(w, second, said("to both"))
}

func TestReadReceiptsOfContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.Knobs.ReadReceipts = true })
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("x"))
	must(t, err)
	for _, kind := range []types.ReceiptType{types.ReceiptTypeDelivered, types.ReceiptTypeRead} {
		await(w, c, func(r *events.Receipt) bool { return r.MessageIDs[0] == sent.ID && r.Type == kind })
	}
}

func TestReceiptsOfClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, politely)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	id := w.send(bob, alice.PN(), text("x"))
	got := func(kind string) {
		t.Helper()
		if _, err := bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id && r.Type == kind }); err != nil {
			t.Errorf("no %q receipt: %v", kind, err)
		}
	}
	got("inactive")
	must(t, c.MarkRead(w.ctx, []string{id}, time.Now(), bob.LID(), bob.LID()))
	got("read")
	must(t, c.MarkRead(w.ctx, []string{id}, time.Now(), bob.LID(), bob.LID(), types.ReceiptTypePlayed))
	got("played")
	c.SetForceActiveDeliveryReceipts(true)
	id = w.send(bob, alice.PN(), text("y"))
	got("")
}

// A message stays owed until the receipt and comes again on the next
// connection; the client shows it once.
func TestOfflineQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	c.Disconnect()
	c.Forget()
	var want []string
	for i := range 20 {
		want = append(want, w.send(bob, alice.PN(), text(string(rune('a'+i)))))
	}
	if n := alice.Owed(1); n < 20 {
		t.Fatalf("%d stanzas owed, want 20", n)
	}
	must(t, c.Login(w.ctx))
	for i, id := range want {
		m := await[*events.Message](w, c)
		if m.Info.ID != id {
			t.Fatalf("message %d is %s, want %s: out of order", i, m.Info.ID, id)
		}
	}
	preview := await[*events.OfflineSyncPreview](w, c)
	if preview.Messages < 20 {
		t.Errorf("preview %+v", preview)
	}
	await[*events.OfflineSyncCompleted](w, c)
}

func TestRedeliveryUntilReceipted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	must(t, w.Inject(simulator.Fault{Fault: simulator.HoldReceipts, Number: alice.Number()}))
	id := w.send(bob, alice.PN(), text("once"))
	await(w, c, said("once"))
	must(t, w.Inject(simulator.Fault{Fault: simulator.Clear}))
	if alice.Owed(1) == 0 {
		t.Fatal("the message is not owed although no receipt was taken")
	}
	c.ResetConnection()
	await[*events.Connected](w, c)
	must(t, w.Settle(w.ctx))
	if n := alice.Owed(1); n != 0 {
		t.Errorf("%d still owed after the redelivery of %s", n, id)
	}
}

// The handler fails once: with the event buffer the message comes again.
func TestFailedHandlerGetsItAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failed := make(chan struct{}, 1)
	tries := make(chan string, 10)
	c, alice := w.pair("491510000001", "Alice", companion.WithEventBuffer(), companion.WithSynchronousAck(),
		companion.WithHandler(func(evt any) bool {
			m, ok := evt.(*events.Message)
			if !ok || fromPhone(evt) {
				return true
			}
			tries <- m.Info.ID
			select {
			case failed <- struct{}{}:
				return false
			default:
				return true
			}
		}))
	bob := w.phone("491510000002", "Bob")
	id := w.send(bob, alice.PN(), text("again"))
	if got := <-tries; got != id {
		t.Fatalf("handled %s, want %s", got, id)
	}
	c.ResetConnection()
	select {
	case got := <-tries:
		if got != id {
			t.Errorf("handled %s, want %s", got, id)
		}
	case <-w.ctx.Done():
		t.Fatal("the message did not come again")
	}
}

// The link drops before the ack: the client sends the same frame again and the
// contact gets the message once.
func TestResendIsDeduplicated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	must(t, w.Inject(simulator.Fault{Fault: simulator.HoldAcks, Number: alice.Number(), Times: 1}))
	must(t, w.Inject(simulator.Fault{Fault: simulator.DropAfter, Number: alice.Number(), Tag: "message", Times: 1}))
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("once"))
	must(t, err)
	w.read(bob, sent.ID)
	second, err := c.SendMessage(w.ctx, bob.PN(), text("next"))
	must(t, err)
	w.read(bob, second.ID)
	if n := len(bob.Inbox()); n != 2 {
		t.Errorf("bob got %d messages, want 2", n)
	}
}

// A client that crashed may encrypt the same text again under the same id.
func TestSameIDNewEncryption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	id := c.GenerateMessageID()
	for range 2 {
		_, err := c.SendMessage(w.ctx, bob.PN(), text("same"), whatsmeow.SendRequestExtra{ID: id})
		must(t, err)
	}
	if n := len(bob.Inbox()); n != 1 {
		t.Errorf("bob got %d messages, want 1", n)
	}
	w.expect(simulator.ChangedBody)
	_, err := c.SendMessage(w.ctx, bob.PN(), text("other"), whatsmeow.SendRequestExtra{ID: id})
	must(t, err)
	if v := w.Violations(); len(v) != 1 || v[0].Kind != simulator.ChangedBody {
		t.Errorf("violations %v, want one changed_body", v)
	}
	if n := len(bob.Inbox()); n != 1 {
		t.Errorf("bob got %d messages, want 1", n)
	}
}

// A ciphertext is damaged: the client asks again and gets the message.
func TestRetryOfInbound(t *testing.T) {
	t.Parallel()
	for _, warm := range []bool{false, true} {
		w := newWorld(t)
		c, alice := w.pair("491510000001", "Alice", companion.WithSynchronousAck(), companion.WithEventBuffer())
		bob := w.phone("491510000002", "Bob")
		if warm { // an established session, not a first message
			_, err := c.SendMessage(w.ctx, bob.PN(), text("hi"))
			must(t, err)
			w.send(bob, alice.PN(), text("hi"))
			await(w, c, said("hi"))
		}
		must(t, w.Inject(simulator.Fault{Fault: simulator.Corrupt, Number: alice.Number(), Times: 1}))
		id := w.send(bob, alice.PN(), text("damaged"))
		u := await[*events.UndecryptableMessage](w, c)
		if u.Info.ID != id {
			t.Errorf("undecryptable %s, want %s", u.Info.ID, id)
		}
		if m := await(w, c, said("damaged")); m.Info.ID != id {
			t.Errorf("resent as %s, want %s", m.Info.ID, id)
		}
		w.send(bob, alice.PN(), text("next"))
		await(w, c, said("next"))
		must(t, w.Settle(w.ctx))
		if n := alice.Owed(1); n != 0 {
			t.Errorf("%d still owed", n)
		}
	}
}

// A contact reinstalls: the client's next message cannot be read at first and
// is asked for again.
func TestRetryOfOutbound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	_, err := c.SendMessage(w.ctx, bob.PN(), text("before"))
	must(t, err)
	must(t, w.Inject(simulator.Fault{Fault: simulator.ChangeIdentity, Number: bob.Number()}))
	await[*events.IdentityChange](w, c)
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("after"))
	must(t, err)
	w.read(bob, sent.ID)
	w.send(bob, alice.PN(), text("new phone"))
	await(w, c, said("new phone"))
}

func TestPreKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	must(t, w.Inject(simulator.Fault{Fault: simulator.ExhaustPreKeys, Number: alice.Number()}))
	for i := range 8 { // the first ones may have to do without a one-time prekey
		stranger := w.phone("4915200000"+string(rune('0'+i))+"0", "Stranger")
		w.send(stranger, alice.PN(), text("hello"))
		await(w, c, said("hello"))
	}
	must(t, w.Inject(simulator.Fault{Fault: simulator.NoPreKeys}))
	last := w.phone("4915300000000", "Last")
	w.send(last, alice.PN(), text("without prekey"))
	await(w, c, said("without prekey"))
	other := w.phone("4915300000001", "Other")
	sent, err := c.SendMessage(w.ctx, other.PN(), text("without prekey"))
	must(t, err)
	w.read(other, sent.ID)
}

func TestMessageRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	must(t, w.Inject(simulator.Fault{Fault: simulator.RefuseMessage, Number: alice.Number(), Times: 1}))
	_, err := c.SendMessage(w.ctx, bob.PN(), text("refused"))
	if !errors.Is(err, whatsmeow.ErrServerReturnedError) {
		t.Errorf("%v, want the server's error", err)
	}
	if n := len(bob.Inbox()); n != 0 {
		t.Errorf("bob got %d messages", n)
	}
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("accepted"))
	must(t, err)
	w.read(bob, sent.ID)
}

func TestNoteToSelf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	sent, err := c.SendMessage(w.ctx, alice.PN(), text("milk"))
	must(t, err)
	if _, err := alice.AwaitMirrored(w.ctx, withID(sent.ID)); err != nil {
		t.Errorf("the phone never got the note: %v", err)
	}
	w.send(alice, alice.PN(), text("eggs"))
	if m := await(w, c, said("eggs")); !m.Info.IsFromMe {
		t.Errorf("a note from the phone: %+v", m.Info)
	}
}

// saying matches an inbox entry by its text.
func saying(want string) func(content.Entry) bool {
	return func(e content.Entry) bool { return e.Text == want }
}
