package tabletest

import (
	"context"
	"errors"
	"sync"
	"time"

	"roost/shared/table"
)

// contenders is how many goroutines fight over one item.
const contenders = 100

// together runs contend in many goroutines and waits for them.
func together(contend func(i int)) {
	var wg sync.WaitGroup
	for i := range contenders {
		wg.Go(func() { contend(i) })
	}
	wg.Wait()
}

func testConcurrentCounter(s *suite) {
	var mu sync.Mutex
	seen := make(map[int64]bool)
	together(func(int) {
		for range 3 {
			sum, err := s.table.Increment(s.Context(), s.key("counter"), "n", 1)
			mu.Lock()
			if err != nil || seen[sum] {
				s.Errorf("increment = %d (seen %v), %v", sum, seen[sum], err)
			}
			seen[sum] = true
			mu.Unlock()
		}
	})
	s.has(table.Item{Key: s.key("counter"), Revision: 3 * contenders, Attributes: map[string]any{"n": int64(3 * contenders)}})
}

// testConcurrentRevision lets all write the same revision: one wins each round.
func testConcurrentRevision(s *suite) {
	for round := range int64(4) {
		condition := table.Revision(round)
		if round == 0 {
			condition = table.Absent()
		}
		var mu sync.Mutex
		winner := -1
		together(func(i int) {
			revision, err := s.table.Put(s.Context(), s.item("one", map[string]any{"winner": int64(i)}), condition)
			if errors.Is(err, table.ErrConflict) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil || winner >= 0 || revision != round+1 {
				s.Errorf("round %d: %d wins after %d at revision %d, %v", round, i, winner, revision, err)
			}
			winner = i
		})
		s.has(at(s.item("one", map[string]any{"winner": int64(winner)}), round+1))
	}
}

// testConcurrentTransfer moves units between items by optimistic transactions:
// their sum never changes.
func testConcurrentTransfer(s *suite) {
	accounts := []string{"a", "b", "c"}
	for _, name := range accounts {
		s.put(s.item(name, map[string]any{"units": int64(100)}), table.Absent(), 1)
	}
	transfer := func(from, to string) error {
		found, err := s.table.BatchGet(s.Context(), []table.Key{s.key(from), s.key(to)})
		if err != nil {
			return err
		}
		a, b := found[s.key(from)], found[s.key(to)]
		a.Attributes["units"] = a.Attributes["units"].(int64) - 1
		b.Attributes["units"] = b.Attributes["units"].(int64) + 1
		return s.table.Write(s.Context(), table.PutOp(a, table.Revision(a.Revision)), table.PutOp(b, table.Revision(b.Revision)))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 6 {
				for {
					err := transfer(accounts[(i+n)%3], accounts[(i+n+1)%3])
					if err == nil {
						break
					}
					if !errors.Is(err, table.ErrConflict) {
						s.Errorf("transfer: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	sum, revisions := int64(0), int64(0)
	for item, err := range table.All(s.Context(), s.table, table.Query{Partition: s.partition}) {
		if err != nil {
			s.Fatal(err)
		}
		sum += item.Attributes["units"].(int64)
		revisions += item.Revision
	}
	if sum != 300 || revisions != 3+2*8*6 {
		s.Errorf("%d units at %d revisions, want 300 at %d", sum, revisions, 3+2*8*6)
	}
}

func testCanceled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	item := s.item("x", nil)
	_, err := s.table.Put(ctx, item, table.None())
	s.fails(err, context.Canceled)
	s.fails(s.table.Write(ctx, table.PutOp(item, table.None())), context.Canceled)
	_, err = s.table.Get(ctx, item.Key)
	s.fails(err, context.Canceled)
	s.lacks(item.Key)
}

// testWatch is for adapters that can; every kind of write signals.
func testWatch(s *suite) {
	watcher, ok := table.WatcherOf(s.table)
	if !ok {
		s.Skip("the adapter does not watch")
	}
	item := s.item("w", nil)
	changed, cancel := watcher.Watch(item.Key)
	defer cancel()
	for name, write := range map[string]func() error{
		"create": func() error {
			if err := s.table.Delete(s.Context(), item.Key, table.None()); err != nil {
				return err
			}
			<-changed
			_, err := s.table.Put(s.Context(), item, table.Absent())
			return err
		},
		"update": func() error {
			revision, err := s.table.Put(s.Context(), item, table.None())
			if err != nil {
				return err
			}
			<-changed
			_, err = s.table.Put(s.Context(), item, table.Revision(revision))
			return err
		},
		"put":    func() error { _, err := s.table.Put(s.Context(), item, table.None()); return err },
		"delete": func() error { return s.table.Delete(s.Context(), item.Key, table.None()) },
		"write":  func() error { return s.table.Write(s.Context(), table.PutOp(item, table.None())) },
		"batch":  func() error { return s.table.BatchWrite(s.Context(), []table.Item{item}, nil) },
		"count":  func() error { _, err := s.table.Increment(s.Context(), item.Key, "n", 1); return err },
	} {
		select {
		case <-changed: // a false or merged one
		default:
		}
		if err := write(); err != nil {
			s.Fatalf("%s: %v", name, err)
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			s.Fatalf("no signal after %s", name)
		}
	}
	cancel()
	cancel()
}

// testWatchSeveral watches two keys at once; where the adapter does not watch,
// looking again after a pause finds the same.
func testWatchSeveral(s *suite) {
	items := []table.Item{s.item("one", nil), s.item("two", nil)}
	changed, cancel := table.Watch(s.table, items[0].Key, items[1].Key)
	defer cancel()
	ctx, stop := context.WithTimeout(s.Context(), time.Minute)
	defer stop()
	for _, item := range items {
		if _, err := s.table.Put(ctx, item, table.Absent()); err != nil {
			s.Fatal(err)
		}
		for {
			if err := table.Wait(ctx, changed, 10*time.Millisecond); err != nil {
				s.Fatalf("no signal of %s: %v", item.Key, err)
			}
			if _, err := s.table.Get(ctx, item.Key); err == nil {
				break
			}
		}
	}
	cancel()
	cancel()
	stop()
	for table.Wait(ctx, changed, time.Hour) == nil { // what was signalled before
	}
}
