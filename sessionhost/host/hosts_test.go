package host_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/simulator"
	"roost/simulator/content"
)

// linked is an instance, its phone, and somebody it writes with.
type linked struct {
	instance.Instance
	phone, contact *simulator.User
}

func (w *world) several(n int) []linked {
	w.t.Helper()
	all := make([]linked, n)
	for k := range all {
		i := w.create(fmt.Sprintf("i-%d", k))
		all[k] = linked{i, w.link(i, fmt.Sprintf("4915101%05d", k)), nil}
		c, err := w.Contact(fmt.Sprintf("4915201%05d", k), "Contact")
		must(w.t, err)
		all[k].contact = c
	}
	return all
}

func (w *world) holders(all []linked) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, l := range all {
		i, err := w.instances.Get(w.ctx, l.ID)
		must(w.t, err)
		out[i.Host]++
	}
	return out
}

func at(host string) func(instance.Instance, *instance.Offer) bool {
	return func(i instance.Instance, o *instance.Offer) bool { return i.Host == host && open(i, o) }
}

// collect takes events until every message wanted was told of, and reports
// what was told twice or more.
func (w *world) collect(want map[string]bool) {
	w.t.Helper()
	got := map[string]int{}
	for missing := len(want); missing > 0 && w.ctx.Err() == nil; {
		for id, n := range w.received(200 * time.Millisecond) {
			if got[id] == 0 && want[id] {
				missing--
			}
			got[id] += n
		}
	}
	for id := range want {
		if got[id] != 1 {
			w.t.Errorf("message %s was told of %d times", id, got[id])
		}
	}
}

// A host that ends gives every session to the other, which has it connected
// before a lease could have run out; what is said meanwhile arrives once, and
// commands find the new owner, whoever they were meant for.
func TestHandOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.hosted("host-a", func(*host.Config) {})
	all := w.several(4)
	w.hosted("host-b", func(c *host.Config) { c.MoveRate = 0.001 })
	var talking sync.WaitGroup
	var mu sync.Mutex
	want := map[string]bool{}
	quiet := make(chan struct{})
	for _, l := range all {
		talking.Go(func() {
			for {
				id, err := l.contact.Send(l.phone.PN(), content.Text("hello"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[id] = true
				mu.Unlock()
				select {
				case <-quiet:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	begin := time.Now()
	stop()
	for _, l := range all {
		w.until(l.Instance, "open at host-b", at("host-b"))
	}
	t.Logf("4 sessions handed over in %s", time.Since(begin))
	close(quiet)
	talking.Wait()
	w.collect(want)
	stale := all[0].Instance
	stale.Host = "host-a"
	ctx, cancel := context.WithTimeout(w.ctx, 25*time.Second)
	defer cancel()
	own := message.NewID()
	must(t, w.commands.Do(ctx, stale, command.SendMessage, command.SendArgs{MessageID: own, To: all[0].contact.PN().String(), Text: &command.TextArgs{Text: "late"}}, nil))
	if inbox := all[0].contact.Inbox(); len(inbox) != 1 || inbox[0].ID != own {
		t.Errorf("inbox %+v", inbox)
	}
}

// A command that reaches a host which does not hold the instance goes to the one
// that does.
func TestForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hosted("host-a", func(*host.Config) {})
	all := w.several(1)
	w.hosted("host-b", func(c *host.Config) { c.MoveRate = 0.001 })
	wrong := all[0].Instance
	wrong.Host = "host-b"
	ctx, cancel := context.WithTimeout(w.ctx, 25*time.Second)
	defer cancel()
	must(t, w.commands.Do(ctx, wrong, command.SendMessage, command.SendArgs{MessageID: message.NewID(), To: all[0].contact.PN().String(), Text: &command.TextArgs{Text: "hi"}}, nil))
	if got := w.holders(all); got["host-a"] != 1 {
		t.Errorf("held by %v", got)
	}
}

// Instances are spread over the hosts there are, and one that comes gets its
// share, a few at a time.
func TestSpread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lively := func(c *host.Config) { c.Lease, c.MoveRate = 4*time.Second, 4 }
	w.hosted("host-a", lively)
	all := w.several(7)
	w.hosted("host-b", lively)
	for balanced := false; !balanced && w.ctx.Err() == nil; {
		got := w.holders(all)
		balanced = got["host-b"] >= 2
		pauseFor(w.ctx, 20*time.Millisecond)
	}
	for _, l := range all {
		w.until(l.Instance, "open", open)
	}
	t.Logf("held by %v", w.holders(all))
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// gate is a table that a test can take away: refused, or done and not answered.
type gate struct {
	table.Table
	fault atomic.Int32
}

func (g *gate) Unwrap() table.Table { return g.Table }

func newGate(inner table.Table) *gate {
	g := &gate{}
	g.Table = &tabletest.Faulty{Inner: inner, Plan: func(int, string, table.Key) tabletest.Fault { return tabletest.Fault(g.fault.Load()) }}
	return g
}

// A host that has lost the table, in either way, closes its sockets before the
// other takes its instances; what is said meanwhile arrives once. When the table
// is back it begins again.
func TestTableLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tabletest.Fault{"failed": tabletest.Refused, "failed but persisted": tabletest.Persisted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			lost := newGate(w.table)
			brief := func(c *host.Config) { c.Lease, c.MoveRate = 3*time.Second, 0.001 }
			w.hosted("host-a", func(c *host.Config) {
				brief(c)
				c.Table = lost
			})
			all := w.several(2)
			w.hosted("host-b", brief)
			want := map[string]bool{}
			say := func() {
				for _, l := range all {
					id, err := l.contact.Send(l.phone.PN(), content.Text("hello"))
					must(t, err)
					want[id] = true
				}
			}
			say()
			lost.fault.Store(int32(fault))
			say()
			for _, l := range all {
				w.until(l.Instance, "open at host-b", at("host-b"))
			}
			say()
			w.collect(want)
			lost.fault.Store(int32(tabletest.Works))
		})
	}
}

// A table that is slow, and one that fails for a while in either way, lose
// nothing and leave a record that is true.
func TestTableTroubled(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tabletest.Fault{"slow": tabletest.Slow, "failed": tabletest.Refused, "failed but persisted": tabletest.Persisted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			troubled := newGate(w.table)
			troubled.Table.(*tabletest.Faulty).Delay = 50 * time.Millisecond
			w.hosted("host-a", func(c *host.Config) { c.Table = troubled })
			all := w.several(1)
			want := map[string]bool{}
			troubled.fault.Store(int32(fault))
			for range 10 {
				id, err := all[0].contact.Send(all[0].phone.PN(), content.Text("hello"))
				must(t, err)
				want[id] = true
			}
			if fault != tabletest.Slow {
				pauseFor(w.ctx, time.Second)
				troubled.fault.Store(int32(tabletest.Works))
			}
			w.collect(want)
			w.until(all[0].Instance, "open with nothing owed", func(i instance.Instance, o *instance.Offer) bool {
				return open(i, o) && all[0].phone.Owed(1) == 0
			})
		})
	}
}

// What an idle host asks of the table does not grow with what it holds, and is
// printed.
func TestIdleHostIsCheap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	counting := table.NewCounting(w.table)
	const short = 2 * time.Second
	w.hosted("host-a", func(c *host.Config) { c.Table, c.Lease = counting, short })
	w.several(2)
	for { // the end of linking, and a busy machine, are still in the first windows
		counting.Reset()
		begin := time.Now()
		pauseFor(w.ctx, 3*time.Second)
		took, total := time.Since(begin), counting.Total().Requests
		perLease := float64(total) / (float64(took) / float64(short))
		t.Logf("%d requests in %s: %.2f a lease, %.2f a second at a lease of 5 s: %v", total, took, perLease, perLease/5, counting.Counts())
		if perLease <= 12 {
			return
		}
		if w.ctx.Err() != nil {
			t.Fatalf("%.1f requests a lease, at most 8.5 were meant", perLease)
		}
	}
}

// An outage of the queue of events loses nothing and tells nothing twice, also
// when what was refused had been stored. A second and more of it is many times
// what a connection is reset after.
func TestQueueOutage(t *testing.T) {
	t.Parallel()
	for name, persisted := range map[string]bool{"failed": false, "failed but persisted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			opener := &trouble{Opener: w.queues}
			w.queues = opener
			w.host()
			all := w.several(1)
			fail := func() error { return errTrouble }
			if persisted {
				opener.after.Store(&fail)
			} else {
				opener.before.Store(&fail)
			}
			want := map[string]bool{}
			for range 10 {
				id, err := all[0].contact.Send(all[0].phone.PN(), content.Text("hello"))
				must(t, err)
				want[id] = true
			}
			pauseFor(w.ctx, 1500*time.Millisecond)
			opener.before.Store(nil)
			opener.after.Store(nil)
			w.collect(want)
			w.until(all[0].Instance, "open with nothing owed", func(i instance.Instance, o *instance.Offer) bool {
				return open(i, o) && all[0].phone.Owed(1) == 0
			})
		})
	}
}

// What a host has given away it takes back when it is given it, and not only when
// it looks for what nobody holds, which is every 24 s here.
func TestGiftComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	generous := func(c *host.Config) { c.Lease, c.MoveRate = 12*time.Second, 100 }
	w.hosted("host-a", generous)
	all := w.several(5)
	stop := w.hosted("host-b", generous)
	for given := 0; given == 0 && w.ctx.Err() == nil; given = w.holders(all)["host-b"] {
		pauseFor(w.ctx, 2*time.Millisecond)
	}
	begin := time.Now()
	stop()
	for _, l := range all {
		w.until(l.Instance, "open at host-a", at("host-a"))
	}
	t.Logf("back after %s", time.Since(begin))
}
