package simulator_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/wire"
)

// inject makes something go wrong, or fails the test.
func (w *world) inject(f simulator.Fault) {
	w.t.Helper()
	must(w.t, w.Inject(f))
}

func TestEndsOfASession(t *testing.T) {
	t.Parallel()
	number := "491510000001"
	tests := []struct {
		name  string
		fault simulator.Fault
		check func(w *world, c *companion.Client)
	}{
		{"replaced", simulator.Fault{Fault: simulator.Replace}, func(w *world, c *companion.Client) {
			await[*events.StreamReplaced](w, c)
		}},
		{"logged out", simulator.Fault{Fault: simulator.Logout}, func(w *world, c *companion.Client) {
			e := await[*events.LoggedOut](w, c)
			if e.OnConnect {
				w.t.Errorf("%+v", e)
			}
			if got := w.Lookup(number).Companions(); len(got) != 0 {
				w.t.Errorf("companions %v", got)
			}
		}},
		{"temporary ban", simulator.Fault{Fault: simulator.Ban, Code: 101, Seconds: 3600}, func(w *world, c *companion.Client) {
			e := await[*events.TemporaryBan](w, c)
			if e.Code != events.TempBanSentToTooManyPeople || e.Expire != time.Hour {
				w.t.Errorf("%+v", e)
			}
		}},
		{"outdated", simulator.Fault{Fault: simulator.Outdated}, func(w *world, c *companion.Client) {
			await[*events.ClientOutdated](w, c)
		}},
		{"unavailable", simulator.Fault{Fault: simulator.StreamError, Code: 503}, func(w *world, c *companion.Client) {
			await[*events.Disconnected](w, c)
			await[*events.Connected](w, c)
		}},
		{"restart required", simulator.Fault{Fault: simulator.StreamError, Code: 515}, func(w *world, c *companion.Client) {
			await[*events.Connected](w, c)
		}},
		{"another stream error", simulator.Fault{Fault: simulator.StreamError, Code: 599}, func(w *world, c *companion.Client) {
			if e := await[*events.StreamError](w, c); e.Code != "599" {
				w.t.Errorf("%+v", e)
			}
		}},
		{"cut", simulator.Fault{Fault: simulator.Cut}, func(w *world, c *companion.Client) {
			await[*events.Disconnected](w, c)
			await[*events.Connected](w, c)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c, _ := w.pair(number, "Alice")
			c.Forget()
			test.fault.Number = number
			w.inject(test.fault)
			test.check(w, c)
		})
	}
}

// Each login is that of a new client over the same keys, as after a restart:
// whatsmeow races with itself when it is refused while it reconnects.
func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason int
		check  func(w *world, c *companion.Client)
	}{
		{401, loggedOut(events.ConnectFailureLoggedOut)},
		{403, loggedOut(events.ConnectFailureMainDeviceGone)},
		{406, loggedOut(events.ConnectFailureUnknownLogout)},
		{405, func(w *world, c *companion.Client) { await[*events.ClientOutdated](w, c) }},
		{409, connectFailure(409)},
		{400, connectFailure(400)},
		{415, connectFailure(415)},
		{418, connectFailure(418)},
		{500, func(w *world, c *companion.Client) { await[*events.Disconnected](w, c) }},
		{503, func(w *world, c *companion.Client) { await[*events.Disconnected](w, c) }},
	}
	for _, test := range tests {
		t.Run(itoa(test.reason), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			keep := &companion.Store{}
			c, u := w.pair("491510000001", "Alice", companion.WithStore(keep))
			c.Close()
			w.inject(simulator.Fault{Fault: simulator.RefuseLogin, Code: test.reason, Times: 1, Number: u.Number()})
			refused := w.client(companion.WithStore(keep.Clone()), companion.WithoutAutoReconnect())
			must(t, refused.Connect())
			test.check(w, refused)
			refused.Close()
			must(t, w.client(companion.WithStore(keep.Clone())).Login(w.ctx))
		})
	}
}

func loggedOut(reason events.ConnectFailureReason) func(*world, *companion.Client) {
	return func(w *world, c *companion.Client) {
		e := await[*events.LoggedOut](w, c)
		if !e.OnConnect || e.Reason != reason {
			w.t.Errorf("%+v", e)
		}
	}
}

func connectFailure(reason events.ConnectFailureReason) func(*world, *companion.Client) {
	return func(w *world, c *companion.Client) {
		if e := await[*events.ConnectFailure](w, c); e.Reason != reason {
			w.t.Errorf("%+v", e)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func TestLoggedOutDeviceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keep := &companion.Store{}
	c, u := w.pair("491510000001", "Alice", companion.WithStore(keep))
	stolen := keep.Clone()
	must(t, c.Logout(w.ctx))
	if got := u.Companions(); len(got) != 0 {
		t.Fatalf("companions %v", got)
	}
	again := w.client(companion.WithStore(stolen))
	if err := again.Login(w.ctx); err == nil {
		t.Error("a device that logged out logs in again")
	}
	w.link(u) // and the account can be linked anew
}

func TestRefusedDials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice", companion.WithoutAutoReconnect())
	c.Disconnect()
	w.inject(simulator.Fault{Fault: simulator.RefuseDial, Code: 503, Times: 1})
	if err := c.Connect(); err == nil {
		t.Error("connected although the dial was refused")
	}
	w.inject(simulator.Fault{Fault: simulator.DelayDial, Seconds: 30, Times: 1})
	ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
	if err := c.ConnectContext(ctx); err == nil {
		t.Error("connected although the dial was delayed")
	}
	cancel()
	must(t, c.Login(w.ctx))
}

// whatsmeow waits 20 s for a handshake that was cut, so a light client is used.
func TestHandshakeCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dial := func() error {
		conn, err := wire.Dial(w.ctx, "ws"+strings.TrimPrefix(w.base, "http")+"/ws/chat", wire.Dialer{
			Root: w.RootPublicKey(), Payload: &waWa6.ClientPayload{Username: proto.Uint64(491510000001), Device: proto.Uint32(1)},
		})
		if err != nil {
			return err
		}
		defer conn.Drop()
		_, err = conn.Read()
		return err
	}
	if err := dial(); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	for _, step := range []string{simulator.DropUpgraded, simulator.DropHello, simulator.DropFinish} {
		w.inject(simulator.Fault{Fault: step, Times: 1})
		if err := dial(); err == nil {
			t.Errorf("%s: the handshake went through", step)
		}
	}
	if err := dial(); err != nil {
		t.Errorf("after the faults: %v", err)
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.pair("491510000001", "Alice")
	b, _ := w.pair("491510000002", "Bob", companion.WithoutAutoReconnect())
	a.Forget()
	w.inject(simulator.Fault{Fault: simulator.Outage})
	await[*events.Disconnected](w, a)
	await[*events.Disconnected](w, b)
	if err := b.Connect(); err == nil {
		t.Error("connected in an outage")
	}
	w.inject(simulator.Fault{Fault: simulator.Clear})
	await[*events.Connected](w, a)
	must(t, b.Login(w.ctx))
}

// Sockets drop at every point of an exchange, again and again, and a new client
// goes on with the keys of the one that died: nothing is lost, nothing comes
// twice and the order stays. (A client that reconnects by itself would do as
// well, but whatsmeow then races with itself.)
func TestDropsAnywhere(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{simulator.DropBefore, simulator.DropAfter, simulator.DropSent} {
		for _, tag := range []string{"message", "receipt", "iq", "ack"} {
			if fault == simulator.DropSent && tag == "ack" {
				continue // acks answer receipts; the next case has them
			}
			t.Run(fault+" "+tag, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				g := newGateway(w, "491510000001")
				// Two contacts: whatsmeow damages a session that it sends and receives on at the same time.
				bob, carol := w.phone("491510000002", "Bob"), w.phone("491510000003", "Carol")
				w.inject(simulator.Fault{Fault: fault, Tag: tag, Number: g.phone.Number(), Skip: 2, Times: 2})
				for i := range 8 {
					w.send(bob, g.phone.PN(), text(itoa(100+i)))
					if i%2 == 0 {
						g.send(carol, itoa(200+i))
					}
				}
				for i := range 8 {
					if got := g.hear(); got != itoa(100+i) {
						t.Errorf("message %d is %q", i, got)
					}
				}
				want := 4
				if tag == "iq" {
					// whatsmeow drops a receiver whose prekeys it could not fetch and says that all is well.
					w.expect(simulator.MissingReceiver)
					want -= len(w.Violations())
				}
				if n := len(carol.Inbox()); n != want {
					t.Errorf("carol got %d messages, want %d", n, want)
				}
			})
		}
	}
}

// gateway keeps an account connected as a session host does: when the client is
// gone, another one goes on with its keys.
type gateway struct {
	w     *world
	phone *simulator.User
	keep  *companion.Store
	seen  chan string
	known map[string]bool

	mu     sync.Mutex
	client *companion.Client
	next   chan struct{} // closed when client has a successor
}

func newGateway(w *world, number string) *gateway {
	w.t.Helper()
	g := &gateway{w: w, keep: &companion.Store{}, seen: make(chan string, 100), known: map[string]bool{}, next: make(chan struct{})}
	g.client, g.phone = w.pair(number, "Alice", g.options()...)
	go g.supervise(g.client)
	return g
}

func (g *gateway) options() []companion.Option {
	return []companion.Option{
		companion.WithStore(g.keep), companion.WithEventBuffer(), companion.WithSynchronousAck(), companion.WithoutAutoReconnect(),
		companion.WithHandler(func(evt any) bool {
			m, ok := evt.(*events.Message)
			if ok && !fromPhone(evt) && m.Message.GetConversation() != "" {
				g.seen <- m.Message.GetConversation()
			}
			return true
		}),
	}
}

func (g *gateway) supervise(c *companion.Client) {
	for {
		if _, err := companion.Await[*events.Disconnected](g.w.ctx, c); err != nil {
			return
		}
		c.Close()
		next := g.w.client(g.options()...)
		for g.login(next) != nil { // the socket dropped again
			if g.w.ctx.Err() != nil {
				return
			}
			next.Close()
			next = g.w.client(g.options()...)
		}
		g.mu.Lock()
		g.client = next
		close(g.next)
		g.next = make(chan struct{})
		g.mu.Unlock()
		c = next
	}
}

func (g *gateway) login(c *companion.Client) error {
	ctx, cancel := context.WithTimeout(g.w.ctx, 2*time.Second)
	defer cancel()
	return c.Login(ctx)
}

// hear returns the next message that was not seen before: one that was handled
// but not acknowledged comes again.
func (g *gateway) hear() string {
	g.w.t.Helper()
	for {
		select {
		case got := <-g.seen:
			if !g.known[got] {
				g.known[got] = true
				return got
			}
		case <-g.w.ctx.Done():
			g.w.t.Fatal("a message never came")
		}
	}
}

// send sends with one id until the server has it.
func (g *gateway) send(to *simulator.User, what string) {
	g.w.t.Helper()
	id := g.client.GenerateMessageID()
	for g.w.ctx.Err() == nil {
		g.mu.Lock()
		c, next := g.client, g.next
		g.mu.Unlock()
		ctx, cancel := context.WithCancel(g.w.ctx)
		go func() { // whatsmeow waits 5 s for a connection that this client will not have again
			select {
			case <-next:
				cancel()
			case <-ctx.Done():
			}
		}()
		_, err := c.SendMessage(ctx, to.PN(), text(what), whatsmeow.SendRequestExtra{ID: id})
		if err == nil {
			cancel()
			return
		}
		select {
		case <-next:
		case <-g.w.ctx.Done():
		}
		cancel()
	}
	g.w.t.Fatalf("%q was never sent", what)
}

func TestDuplicatedAndReordered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice", companion.WithEventBuffer())
	bob := w.phone("491510000002", "Bob")
	w.send(bob, alice.PN(), text("0"))
	await(w, c, said("0"))
	w.inject(simulator.Fault{Fault: simulator.Duplicate, Tag: "message", Number: alice.Number(), Times: 1})
	w.send(bob, alice.PN(), text("1"))
	w.send(bob, alice.PN(), text("2"))
	await(w, c, said("1"))
	await(w, c, said("2"))
	w.inject(simulator.Fault{Fault: simulator.Reorder, Tag: "message", Number: alice.Number(), Times: 1})
	w.send(bob, alice.PN(), text("3"))
	w.send(bob, alice.PN(), text("4"))
	var order []string
	for range 2 {
		order = append(order, await[*events.Message](w, c).Message.GetConversation())
	}
	must(t, w.Settle(w.ctx))
	var got []string
	for _, e := range c.Events() {
		if m, ok := e.(*events.Message); ok && !fromPhone(e) {
			got = append(got, m.Message.GetConversation())
		}
	}
	if want := "0 1 2 4 3"; join(got) != want {
		t.Errorf("messages %q, want %q (awaited %v)", join(got), want, order)
	}
}

func join(s []string) string {
	out := ""
	for i, x := range s {
		if i > 0 {
			out += " "
		}
		out += x
	}
	return out
}

func TestHeldAcks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	w.inject(simulator.Fault{Fault: simulator.HoldAcks, Number: alice.Number()})
	done := make(chan error, 1)
	go func() {
		_, err := c.SendMessage(w.ctx, bob.PN(), text("held"))
		done <- err
	}()
	if _, err := bob.Await(w.ctx, saying("held")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("the send returned %v before its ack", err)
	default:
	}
	w.inject(simulator.Fault{Fault: simulator.Release, Number: alice.Number()})
	must(t, <-done)
}

func TestTwoSocketsAreAViolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expect(simulator.TwoSockets)
	keep := &companion.Store{}
	first, _ := w.pair("491510000001", "Alice", companion.WithStore(keep))
	second := w.client(companion.WithStore(keep.Clone()))
	must(t, second.Login(w.ctx))
	await[*events.StreamReplaced](w, first)
	if v := w.Violations(); len(v) != 1 || v[0].Kind != simulator.TwoSockets {
		t.Errorf("violations %v, want one two_sockets", v)
	}
}

func TestGarbledFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, politely)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	w.inject(simulator.Fault{Fault: simulator.GarbleFrame, Tag: "message", Number: alice.Number(), Times: 1})
	w.send(bob, alice.PN(), text("garbled"))
	w.send(bob, alice.PN(), text("next"))
	await(w, c, said("next"))
	c.ResetConnection() // what was garbled is owed still
	await(w, c, said("garbled"))
}

func TestBadFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range []simulator.Fault{
		{},
		{Fault: "nonsense"},
		{Fault: simulator.Cut, Times: -1},
		{Fault: simulator.RefuseDial, Number: "491510000001"},
		{Fault: simulator.ChangeIdentity},
	} {
		if err := w.Inject(f); !errors.Is(err, simulator.ErrFault) {
			t.Errorf("%+v: %v, want ErrFault", f, err)
		}
	}
	if err := w.Inject(simulator.Fault{Fault: simulator.Cut, Number: "491510000009"}); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("%v, want ErrNobody", err)
	}
}

func TestUnansweredIsAViolation(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	w := newWorld(t, func(c *simulator.Config) { c.Knobs.AnswerSeconds = 1 })
	t.Cleanup(func() { w.Forgive() }) // runs before the world's own check
	_, alice := w.pair("491510000001", "Alice", companion.WithHandler(func(evt any) bool {
		if _, ok := evt.(*events.Message); ok && !fromPhone(evt) {
			<-hang
		}
		return true
	}))
	bob := w.phone("491510000002", "Bob")
	id := w.send(bob, alice.PN(), text("never answered"))
	for len(w.Violations()) == 0 {
		select {
		case <-time.After(100 * time.Millisecond): // the clock is what is tested
		case <-w.ctx.Done():
			t.Fatal("an unanswered message is no violation")
		}
	}
	v := w.Violations()[0]
	if v.Kind != simulator.Unanswered || v.Device != types.NewADJID(alice.Number(), 0, 1) {
		t.Errorf("violation %v for %s", v, id)
	}
	close(hang)
}
