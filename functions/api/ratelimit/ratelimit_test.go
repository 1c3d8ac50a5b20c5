package ratelimit_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"roost/functions/api/ratelimit"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
)

func open(t *testing.T) table.Table {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return tablesqlite.New(db)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Millisecond)
	l := ratelimit.New(open(t), "create", 10, time.Minute, func() time.Time { return now })
	take := func(key string) time.Duration {
		t.Helper()
		wait, err := l.Take(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for n := range 10 {
		if wait := take("a"); wait != 0 {
			t.Errorf("call %d waits %v", n, wait)
		}
		now = now.Add(time.Second)
	}
	for range 3 { // those that are refused do not count
		if wait := take("a"); wait != 50*time.Second {
			t.Errorf("the 11th call waits %v", wait)
		}
	}
	if wait := take("b"); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
	now = now.Add(50*time.Second - time.Millisecond)
	if take("a") == 0 {
		t.Error("passes before the oldest is a minute old")
	}
	now = now.Add(time.Millisecond)
	if wait := take("a"); wait != 0 {
		t.Errorf("when the oldest is a minute old: waits %v", wait)
	}
	if take("a") == 0 {
		t.Error("two pass for one that has ended")
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(open(t), "create", 3, time.Minute, time.Now)
	var group sync.WaitGroup
	passed := make([]bool, 6)
	for n := range passed {
		group.Go(func() {
			wait, err := l.Take(t.Context(), "a")
			passed[n] = err == nil && wait == 0
		})
	}
	group.Wait()
	count := 0
	for _, p := range passed {
		if p {
			count++
		}
	}
	if count != 3 {
		t.Errorf("%d of 6 calls have passed a limit of 3", count)
	}
}
