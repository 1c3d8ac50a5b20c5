package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/queue"
	"roost/simulator"
	"roost/simulator/content"
)

// The traps of the client library, each answered in code and held here.

// trouble is a queue opener whose event queue misbehaves on purpose.
type trouble struct {
	queue.Opener
	before atomic.Pointer[func() error] // instead of a send
	after  atomic.Pointer[func() error] // after a send that was stored
}

func (o *trouble) Open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	q, err := o.Opener.Open(ctx, name, options)
	if name != event.Queue {
		return q, err
	}
	return &troubled{q, o}, err
}

type troubled struct {
	queue.Queue
	*trouble
}

// Send troubles messages that were received: what a session tells about itself,
// at a moment of its own, it does not try again.
func (q *troubled) Send(ctx context.Context, messages ...queue.Message) error {
	if !slices.ContainsFunc(messages, func(m queue.Message) bool { return strings.Contains(string(m.Body), string(event.MessageReceived)) }) {
		return q.Queue.Send(ctx, messages...)
	}
	if f := q.before.Load(); f != nil {
		if err := (*f)(); err != nil {
			return err
		}
	}
	if err := q.Queue.Send(ctx, messages...); err != nil {
		return err
	}
	if f := q.after.Load(); f != nil {
		return (*f)()
	}
	return nil
}

// times makes a fault that happens n times.
func times(n int32, what func() error) *func() error {
	var left atomic.Int32
	left.Store(n)
	f := func() error {
		if left.Add(-1) < 0 {
			return nil
		}
		return what()
	}
	return &f
}

var errTrouble = fmt.Errorf("on purpose: %w", queue.ErrUnavailable)

// received collects the messages that the event queue tells of, until none has
// come for a while, and how often each came.
func (w *world) received(quiet time.Duration) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for {
		got, err := w.events.Receive(w.ctx, queue.MaxReceive, quiet, 0)
		must(w.t, err)
		if len(got) == 0 {
			return out
		}
		for _, d := range got {
			e, err := event.Read(w.ctx, w.bucket, d.Body)
			must(w.t, err)
			must(w.t, w.events.Delete(w.ctx, d.Receipt))
			if e.Kind == event.MessageReceived {
				out[w.said(e).ID]++
			}
		}
	}
}

// What cannot be stored is not acknowledged, and comes again: after an error,
// an error that hid a success, and a panic.
func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*trouble){
		"failed":               func(o *trouble) { o.before.Store(times(2, func() error { return errTrouble })) },
		"failed but persisted": func(o *trouble) { o.after.Store(times(2, func() error { return errTrouble })) },
		"panicked":             func(o *trouble) { o.before.Store(times(1, func() error { panic("on purpose") })) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			opener := &trouble{Opener: w.queues}
			w.queues = opener
			w.host()
			i := w.create("troubled")
			alice := w.link(i, "491510000001")
			bob, err := w.Contact("491510000002", "Bob")
			must(t, err)
			set(opener)
			want := map[string]int{}
			for n := range 5 {
				id, err := bob.Send(alice.PN(), content.Text(fmt.Sprint(n)))
				must(t, err)
				want[id] = 1
			}
			got := map[string]int{}
			for len(got) < len(want) && w.ctx.Err() == nil {
				for id, n := range w.received(time.Second) {
					got[id] += n
				}
			}
			for id := range want {
				if got[id] != 1 {
					t.Errorf("message %s was told of %d times, want once", id, got[id])
				}
			}
			must(t, w.Settle(w.ctx))
			if n := alice.Owed(1); n != 0 {
				t.Errorf("%d stanzas still owed", n)
			}
		})
	}
}

// The stanza that ends pairing is lost about half the time when the server
// closes at once: the session connects again by itself.
func TestLostEndOfPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	must(t, w.Inject(simulator.Fault{Fault: simulator.CloseAtOnce}))
	for n := range 4 {
		w.link(w.create(fmt.Sprintf("lost-%d", n)), fmt.Sprintf("49151000001%d", n))
	}
}

// A group message with a sender key gives two library events of one id: one
// event of ours, with what was said.
func TestGroupMessageIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	alice := w.link(w.create("grouped"), "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	g := w.Group("friends", bob, alice)
	for range 3 {
		id, err := bob.Send(g.JID(), content.Text("to all"))
		must(t, err)
		m := w.said(w.next(event.MessageReceived))
		if m.ID != id || m.Text != "to all" || !m.Group || m.Chat.PN != g.JID().String() || m.Sender.PN != "491510000002@s.whatsapp.net" {
			t.Errorf("told %+v", m)
		}
	}
	if more := w.received(300 * time.Millisecond); len(more) != 0 {
		t.Errorf("told again of %v", more)
	}
}

// Sending to and receiving from one contact at the same time damages the
// library's session; the keys' lock keeps them apart. An undecryptable message
// would be a violation.
func TestTalkBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("busy")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	const each = 40
	var both sync.WaitGroup
	both.Go(func() {
		for range each {
			if _, err := bob.Send(alice.PN(), content.Text("in")); err != nil {
				t.Error(err)
			}
		}
	})
	both.Go(func() {
		for range each {
			w.do(i, command.SendMessage, command.SendArgs{MessageID: message.NewID(), To: bob.PN().String(), Text: &command.TextArgs{Text: "out"}}, nil)
		}
	})
	both.Wait()
	must(t, w.Settle(w.ctx))
	if n := len(bob.Inbox()); n != each {
		t.Errorf("bob got %d messages, want %d", n, each)
	}
}

// The library reports success when it could not fetch the receiver's keys and
// has written to nobody: the message goes out again.
func TestReceiverIsNotLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("careful")
	alice := w.link(i, "491510000001")
	stranger := func(skip int) *simulator.User {
		u, err := w.Contact(fmt.Sprintf("49152000000%d", skip), "Stranger")
		must(t, err)
		return u
	}
	// The keys are refused once: the library says that it has sent, and it has
	// sent to the own phone only.
	must(t, w.Inject(simulator.Fault{Fault: simulator.RefuseKeys, Number: alice.Number(), Times: 1}))
	refused, own := stranger(9), message.NewID()
	if err := w.try(i, command.SendMessage, command.SendArgs{MessageID: own, To: refused.PN().String(), Text: &command.TextArgs{Text: "hello"}}, nil); err != nil {
		w.do(i, command.SendMessage, command.SendArgs{MessageID: own, To: refused.PN().String(), Text: &command.TextArgs{Text: "hello"}}, nil)
	}
	if got := refused.Inbox(); len(got) != 1 || got[0].ID != own {
		t.Errorf("with its keys refused once the stranger got %+v", got)
	}
	if left := w.Faults(); len(left) != 0 {
		t.Errorf("nobody asked for keys: %+v", left)
	}
	// The connection drops at each iq of the first send in turn: one of them asks for Bob's keys.
	for skip := range 4 {
		must(t, w.Inject(simulator.Fault{Fault: simulator.DropBefore, Tag: "iq", Number: alice.Number(), Skip: skip, Times: 1}))
		stranger := stranger(skip)
		id := message.NewID()
		for range 3 { // unknown outcome: the same id again
			if w.try(i, command.SendMessage, command.SendArgs{MessageID: id, To: stranger.PN().String(), Text: &command.TextArgs{Text: "hello"}}, nil) == nil {
				break
			}
			w.until(i, "open", open)
		}
		if got := stranger.Inbox(); len(got) != 1 {
			t.Errorf("skip %d: the stranger got %d messages, want 1", skip, len(got))
		}
		must(t, w.Inject(simulator.Fault{Fault: simulator.Clear}))
		w.until(i, "open", open)
	}
	for _, v := range w.Violations() {
		if v.Kind != simulator.MissingReceiver {
			t.Errorf("violation: %s", v)
		}
	}
	w.Forgive() // the library's own mistake, mended by sending again
}

// offers records whether clients offer compression.
type offers struct {
	base http.RoundTripper
	seen atomic.Bool
}

func (o *offers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Sec-WebSocket-Extensions") != "" {
		o.seen.Store(true)
	}
	return o.base.RoundTrip(r)
}

func TestNoCompressionIsOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spy := &offers{base: w.http.Transport}
	w.http = &http.Client{Transport: spy}
	w.host()
	w.link(w.create("plain"), "491510000001")
	if spy.seen.Load() {
		t.Error("permessage-deflate was offered: it costs ten times the memory")
	}
}

// What only a person can mend is a state with a reason, and no reconnect.
func TestEndsAreStates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault  simulator.Fault
		state  instance.State
		reason string
	}{
		{simulator.Fault{Fault: simulator.Logout}, instance.LoggedOut, instance.ReasonLoggedOut},
		{simulator.Fault{Fault: simulator.Replace}, instance.Closed, instance.ReasonReplaced},
		{simulator.Fault{Fault: simulator.Ban, Seconds: 3600}, instance.Closed, instance.ReasonBanned},
		{simulator.Fault{Fault: simulator.Outdated}, instance.Closed, instance.ReasonOutdated},
	} {
		t.Run(test.fault.Fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			stop := w.host()
			i := w.create("ending")
			alice := w.link(i, "491510000001")
			stop() // the library races with itself when it is logged out during the first sync
			w.host()
			w.until(i, "open again", open)
			test.fault.Number = alice.Number()
			must(t, w.Inject(test.fault))
			record, _ := w.until(i, string(test.state), func(i instance.Instance, _ *instance.Offer) bool { return i.State == test.state })
			if record.Reason.Code != test.reason || record.Reason.Sentence == "" || record.Wanted {
				t.Errorf("%+v wanted=%v", record.Reason, record.Wanted)
			}
			if test.reason == instance.ReasonBanned && time.Until(record.Reason.Until) < 50*time.Minute {
				t.Errorf("banned until %s", record.Reason.Until)
			}
		})
	}
}

// A connection that is lost comes back by itself, and so does one that never
// got through.
func TestReconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("stubborn")
	alice := w.link(i, "491510000001")
	for _, f := range []simulator.Fault{
		{Fault: simulator.Cut, Number: alice.Number()},
		{Fault: simulator.StreamError, Code: 503, Number: alice.Number()},
	} {
		before := w.Logins()
		must(t, w.Inject(simulator.Fault{Fault: simulator.RefuseDial, Times: 1}))
		must(t, w.Inject(f))
		w.until(i, "online again", func(i instance.Instance, o *instance.Offer) bool { return w.Logins() > before && open(i, o) })
	}
}

// Linking that needs a passkey shows the request and goes on with its answer.
func TestPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Turn(func(k *simulator.Knobs) { k.Passkey, k.RefreshAfterScan = true, false })
	w.host()
	i := w.create("keyed")
	u, err := w.Phone("491510000001", "Alice")
	must(t, err)
	w.do(i, command.Connect, command.ConnectArgs{}, nil)
	_, offer := w.until(i, "pairing", showing)
	if _, err := u.Scan(w.ctx, offer.QR); !errors.Is(err, simulator.ErrPasskey) {
		t.Fatalf("scan: %v, want ErrPasskey", err)
	}
	record, offer := w.until(i, "asking", func(_ instance.Instance, o *instance.Offer) bool { return o != nil && o.Passkey != nil })
	if record.Reason.Code != instance.ReasonPasskey {
		record, _ = w.until(i, "asking", func(i instance.Instance, _ *instance.Offer) bool { return i.Reason.Code == instance.ReasonPasskey })
	}
	if record.State != instance.Pairing {
		t.Errorf("state %s", record.State)
	}
	response, err := u.AnswerPasskey(offer.Passkey.Request)
	must(t, err)
	w.do(i, command.AnswerPasskey, command.PasskeyArgs{Response: response}, nil)
	_, offer = w.until(i, "confirming or open", func(i instance.Instance, o *instance.Offer) bool {
		return i.State == instance.Open || o != nil && o.Passkey != nil && o.Passkey.Code != ""
	})
	if offer != nil && offer.Passkey != nil && !offer.Passkey.Skip {
		if offer.Passkey.Code != u.PasskeyCode() {
			t.Errorf("the instance shows %q, the phone %q", offer.Passkey.Code, u.PasskeyCode())
		}
		w.do(i, command.ConfirmPasskey, nil, nil)
	}
	w.until(i, "open", open)
}
