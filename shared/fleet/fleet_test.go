package fleet_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"roost/shared/fault"
	"roost/shared/fleet"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func open(t *testing.T) table.Table {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return tablesqlite.New(db)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func one(name, term string) fleet.Host {
	return fleet.Host{Name: name, Term: term, Beat: 1, Lease: 5 * time.Second, Capacity: 10}
}

// A host is silent when what was read is read again a whole lease later, by the
// reader's clock and from the end of one reading to the begin of the other.
func TestObserver(t *testing.T) {
	t.Parallel()
	hosts := fleet.NewRepository(open(t))
	now := time.Duration(0)
	observer := fleet.NewObserver(hosts, func() time.Duration { return now })
	h := one("a", "1")
	must(t, hosts.Join(t.Context(), h))
	silent := func(want bool, next time.Duration) fleet.View {
		t.Helper()
		view, err := observer.Look(t.Context())
		must(t, err)
		if got := len(view.Silent) == 1; got != want || view.Next != next {
			t.Fatalf("at %v silent %v, next look in %v; want %v, %v", now, got, view.Next, want, next)
		}
		return view
	}
	silent(false, 5*time.Second)
	now = 4999 * time.Millisecond
	silent(false, time.Millisecond)
	h.Beat++
	must(t, hosts.Renew(t.Context(), h))
	now = 5 * time.Second
	silent(false, 5*time.Second)
	now = 10 * time.Second
	view := silent(true, 0)
	must(t, hosts.End(t.Context(), view.Silent[0]))
	if view := silent(false, 0); !view.Gone("a") || !view.Gone("nobody") || len(view.Alive()) != 0 {
		t.Errorf("%+v", view)
	}
	// The same name, a new term: it has the whole of its lease.
	must(t, hosts.Join(t.Context(), one("a", "2")))
	if view := silent(false, 5*time.Second); view.Gone("a") {
		t.Errorf("%+v", view)
	}
}

// Of a renewal and an end only one happens.
func TestEndAndRenew(t *testing.T) {
	t.Parallel()
	hosts := fleet.NewRepository(open(t))
	seen := one("a", "1")
	must(t, hosts.Join(t.Context(), seen))
	if err := hosts.Join(t.Context(), one("a", "2")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second term beside the first: %v", err)
	}
	h := seen
	h.Beat++
	must(t, hosts.Renew(t.Context(), h))
	if err := hosts.End(t.Context(), seen); fault.KindOf(err) != fault.Conflict {
		t.Errorf("ended after it had renewed: %v", err)
	}
	must(t, hosts.End(t.Context(), h))
	h.Beat++
	if err := hosts.Renew(t.Context(), h); !errors.Is(err, fleet.ErrEnded) {
		t.Errorf("renewed after its end: %v", err)
	}
	must(t, hosts.Join(t.Context(), one("a", "2")))
	if err := hosts.Renew(t.Context(), h); !errors.Is(err, fleet.ErrEnded) {
		t.Errorf("renewed over the next term: %v", err)
	}
	must(t, hosts.Remove(t.Context(), h)) // of the first term: nothing is removed
	if all, err := hosts.List(t.Context()); err != nil || len(all) != 1 || all[0].Term != "2" || all[0].Ended {
		t.Errorf("%+v, %v", all, err)
	}
	must(t, hosts.EndAll(t.Context()))
	must(t, hosts.Remove(t.Context(), one("a", "2")))
	if all, err := hosts.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// When the answer of a write is lost, what was written decides.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, f := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		inner := open(t)
		hosts := fleet.NewRepository(&tabletest.Faulty{Inner: inner, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 0 {
				return f
			}
			return tabletest.Works
		}})
		err := hosts.Join(t.Context(), one("a", "1"))
		if joined := err == nil; joined != (f == tabletest.Persisted) {
			t.Errorf("fault %d: %v", f, err)
		}
		if all, _ := fleet.NewRepository(inner).List(t.Context()); (len(all) == 1) != (err == nil) {
			t.Errorf("fault %d: %d hosts after %v", f, len(all), err)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	small, big, full, leaving, ended := one("a", "1"), one("b", "1"), one("c", "1"), one("d", "1"), one("e", "1")
	big.Capacity, full.Sessions, leaving.Leaving, ended.Ended = 30, 10, true, true
	hosts := []fleet.Host{small, big, full, leaving, ended}
	const keys = 8000
	before, count := map[string]string{}, map[string]int{}
	for n := range keys {
		key := fmt.Sprint(n)
		h, ok := fleet.Share(hosts, key)
		if !ok {
			t.Fatal("nobody takes it")
		}
		before[key] = h.Name
		count[h.Name]++
	}
	if got := float64(count["a"]) / keys; got < 0.22 || got > 0.28 || count["a"]+count["b"] != keys {
		t.Errorf("shares %v, want a quarter and three", count)
	}
	for key, was := range before { // one more changes nothing but what it gets
		if h, _ := fleet.Share(append(hosts, one("f", "1")), key); h.Name != was && h.Name != "f" {
			t.Fatalf("%s went from %s to %s", key, was, h.Name)
		}
	}
	if _, ok := fleet.Share([]fleet.Host{full, leaving, ended}, "x"); ok {
		t.Error("given to a host that takes nothing")
	}
	big.Sessions = 1
	if h, ok := fleet.Least([]fleet.Host{full, big, leaving}, ""); !ok || h.Name != "b" {
		t.Errorf("least is %v", h.Name)
	}
}
