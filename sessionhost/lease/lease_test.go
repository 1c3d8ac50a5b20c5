package lease_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/sessionhost/lease"
	"roost/shared/fleet"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const length = 5 * time.Second

// world is a table, a clock that a test turns, and a term on both.
type world struct {
	t      *testing.T
	table  table.Table
	queues *queuesqlite.Queues
	hosts  *fleet.Repository
	clock  atomic.Int64
	faults *tabletest.Faulty
	plan   atomic.Pointer[func(operation string) tabletest.Fault]
	term   *lease.Term
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{t: t, table: tablesqlite.New(db), queues: queuesqlite.New(db)}
	w.faults = &tabletest.Faulty{Inner: w.table, Plan: func(_ int, operation string, _ table.Key) tabletest.Fault {
		if plan := w.plan.Load(); plan != nil {
			return (*plan)(operation)
		}
		return tabletest.Works
	}}
	w.hosts = fleet.NewRepository(w.faults)
	w.term = w.join("a")
	return w
}

func (w *world) now() time.Duration { return time.Duration(w.clock.Load()) }

func (w *world) wait(d time.Duration) { w.clock.Add(int64(d)) }

func (w *world) do(plan func(operation string) tabletest.Fault) { w.plan.Store(&plan) }

func (w *world) join(name string) *lease.Term {
	w.t.Helper()
	term, err := lease.Join(w.t.Context(), w.hosts, fleet.NewObserver(w.hosts, w.now), fleet.Host{Name: name, Capacity: 1},
		lease.Options{Length: length, Clock: w.now})
	must(w.t, err)
	return term
}

// renew makes the term renew once.
func (w *world) renew() error { return w.term.Leave(w.t.Context(), 0) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pipe is a socket that remembers what happened to it.
type pipe struct {
	io.Reader
	written int
	closed  atomic.Bool
}

func (p *pipe) Write(b []byte) (int, error) {
	p.written += len(b)
	return len(b), nil
}

func (p *pipe) Close() error {
	p.closed.Store(true)
	return nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// When the lease runs out nothing can be written any more, by any way there is,
// and sockets are closed by whoever looks first.
func TestNothingIsWrittenAfterTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.term.Table(w.table)
	opener := w.term.Opener(w.queues)
	q, err := opener.Open(t.Context(), "events", queue.Options{})
	must(t, err)
	socket := &pipe{Reader: endless{}}
	guarded := w.term.Conn(socket)
	key := table.Key{Partition: "p", Sort: "s"}
	ways := map[string]func() error{
		"put": func() error {
			_, err := held.Put(t.Context(), table.Item{Key: key}, table.None())
			return err
		},
		"delete":      func() error { return held.Delete(t.Context(), key, table.None()) },
		"transaction": func() error { return held.Write(t.Context(), table.PutOp(table.Item{Key: key}, table.None())) },
		"batch":       func() error { return held.BatchWrite(t.Context(), []table.Item{{Key: key}}, nil) },
		"increment": func() error {
			_, err := held.Increment(t.Context(), key, "n", 1)
			return err
		},
		"send": func() error {
			return q.Send(t.Context(), queue.Message{Group: "g", Deduplication: "d", Body: []byte("b")})
		},
		"socket": func() error { _, err := guarded.Write([]byte("x")); return err },
		"read":   func() error { _, err := guarded.Read(make([]byte, 8)); return err },
	}
	w.wait(length - length/5 - time.Nanosecond)
	for name, try := range ways {
		if err := try(); err != nil {
			t.Errorf("%s while the lease is held: %v", name, err)
		}
	}
	_, err = held.Put(t.Context(), table.Item{Key: key, Attributes: map[string]any{"n": int64(1)}}, table.None())
	must(t, err)
	written := socket.written
	w.wait(time.Nanosecond)
	for name, try := range ways {
		if err := try(); !errors.Is(err, lease.ErrLapsed) {
			t.Errorf("%s after the lease: %v", name, err)
		}
	}
	if !socket.closed.Load() || socket.written != written {
		t.Errorf("socket closed %v, %d bytes more", socket.closed.Load(), socket.written-written)
	}
	late := &pipe{Reader: endless{}}
	w.term.Conn(late)
	if !late.closed.Load() {
		t.Error("a socket opened after the end stays open")
	}
	select {
	case <-w.term.Over():
	default:
		t.Error("the term is not over")
	}
	if item, err := w.table.Get(t.Context(), key); err != nil || item.Number("n") != 1 {
		t.Errorf("%+v, %v", item, err)
	}
	if err := w.renew(); !errors.Is(err, lease.ErrLapsed) {
		t.Errorf("renewed after the end: %v", err)
	}
}

// A renewal counts from before it was sent, and not at all without an answer.
func TestWhatARenewalIsWorth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault tabletest.Fault
		held  time.Duration // from the begin of the renewal, made at 2 s
	}{
		"slow":                 {tabletest.Works, 4 * time.Second},
		"refused":              {tabletest.Refused, 2 * time.Second},
		"lost":                 {tabletest.Lost, 2 * time.Second},
		"failed but persisted": {tabletest.Persisted, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.wait(2 * time.Second)
			w.do(func(string) tabletest.Fault {
				w.wait(time.Second) // the table takes its time
				return c.fault
			})
			if err := w.renew(); (err == nil) != (c.fault == tabletest.Works) {
				t.Fatalf("renewal: %v", err)
			}
			w.wait(c.held - time.Second - time.Nanosecond)
			if !w.term.Held() {
				t.Error("given up too early")
			}
			w.wait(time.Nanosecond)
			if w.term.Held() {
				t.Error("trusted for too long")
			}
		})
	}
}

// A host that was ended learns of it with its next renewal, whatever its clock
// says; and one that stops cannot be renewed by an answer that comes late.
func TestEndedByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.hosts.EndAll(t.Context()))
	if !w.term.Held() {
		t.Fatal("it cannot know yet")
	}
	if err := w.renew(); !errors.Is(err, lease.ErrLapsed) || w.term.Held() {
		t.Errorf("renewal: %v, held %v", err, w.term.Held())
	}
	w.term = w.join("a") // and begins again
	if !w.term.Held() {
		t.Error("the new term is not held")
	}
	must(t, w.term.Release(t.Context()))
	if all, err := w.hosts.List(t.Context()); err != nil || len(all) != 1 || !all[0].Ended {
		t.Errorf("%+v, %v", all, err)
	}
}

// The name of a host that has died is waited for, and of one that lives too.
func TestNamesake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	short := lease.Options{Length: 400 * time.Millisecond}
	observer := fleet.NewObserver(w.hosts, lease.Clock)
	first, err := lease.Join(t.Context(), w.hosts, observer, fleet.Host{Name: "b"}, short)
	must(t, err)
	begin := lease.Clock()
	second, err := lease.Join(t.Context(), w.hosts, observer, fleet.Host{Name: "b"}, short)
	must(t, err)
	if waited := lease.Clock() - begin; waited < short.Length {
		t.Errorf("joined after %v, within the lease of the first", waited)
	}
	if first.Held() || !second.Held() {
		t.Errorf("held: first %v, second %v", first.Held(), second.Held())
	}
}

// Keep renews in time, and gives up when the table does not answer; Guard closes
// the sockets then.
func TestKeepAndGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	term, err := lease.Join(t.Context(), w.hosts, fleet.NewObserver(w.hosts, lease.Clock), fleet.Host{Name: "b"}, lease.Options{Length: 4 * time.Second})
	must(t, err)
	beats := make(chan struct{}, 100)
	w.do(func(operation string) tabletest.Fault {
		if operation == "Put" {
			beats <- struct{}{}
		}
		return tabletest.Works
	})
	kept, watched := make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { kept <- term.Keep(ctx, func() int { return 7 }) }()
	go func() { watched <- term.Guard(ctx) }()
	for range 3 {
		<-beats
	}
	socket := &pipe{Reader: endless{}}
	term.Conn(socket)
	w.do(func(string) tabletest.Fault { return tabletest.Refused })
	if err := <-watched; !errors.Is(err, lease.ErrLapsed) {
		t.Errorf("guard: %v", err)
	}
	if err := <-kept; !errors.Is(err, lease.ErrLapsed) {
		t.Errorf("keep: %v", err)
	}
	if !socket.closed.Load() {
		t.Error("the socket is open")
	}
	w.do(func(string) tabletest.Fault { return tabletest.Works })
	if all, err := w.hosts.List(t.Context()); err != nil || all[1].Sessions != 7 || all[1].Beat < 3 {
		t.Errorf("%+v, %v", all, err)
	}
}
