package host_test

import (
	"testing"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/message"
	"roost/simulator"
	"roost/simulator/content"
)

// A receiver who could not read what was sent just before the host ended is
// answered by the next one.
func TestNextHostSendsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.host()
	i := w.create("asked again")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	group := w.Group("friends", alice, bob)
	name := []string{"host-2", "host-3"}
	for n, to := range []types.JID{bob.PN(), group.JID()} {
		send := func(id, text string) error {
			return w.try(i, command.SendMessage, command.SendArgs{MessageID: id, To: to.String(), Text: &command.TextArgs{Text: text}}, nil)
		}
		must(t, send(message.NewID(), "can be read"))
		must(t, w.Settle(w.ctx))
		// Bob cannot read the next one. The connection ends with the receipt that
		// says so, and this host gets no other.
		own := message.NewID()
		for _, f := range []simulator.Fault{
			{Fault: simulator.RefuseDial},
			{Fault: simulator.DropSent, Tag: "receipt", Number: alice.Number(), Times: 1},
			{Fault: simulator.Unreadable, Number: bob.Number(), Times: 1},
		} {
			must(t, w.Inject(f))
		}
		_ = send(own, "cannot be read at first") // its answer may be lost
		stop()
		for _, e := range bob.Inbox() {
			if e.ID == own {
				t.Fatal("bob could read it")
			}
		}
		must(t, w.Inject(simulator.Fault{Fault: simulator.Clear}))
		stop = w.hosted(name[n], func(*host.Config) {})
		e, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == own })
		if err != nil {
			t.Fatalf("%s: bob never got it: %v", to, err)
		}
		if e.Text != "cannot be read at first" {
			t.Errorf("bob read %+v", e)
		}
		w.until(i, "open", open)
		must(t, w.Settle(w.ctx))
	}
}
