package sqlite_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
)

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			h, err := openHouse(path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := h.db.Write(t.Context(), insert(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
			if err := h.db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := items(t, newHouse(t, path).db); n != 4 {
		t.Errorf("%d items, want 4", n)
	}
}

func TestSchemaVersions(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	h, err := openHouse(path)
	if err != nil {
		t.Fatal(err)
	}
	// Back to what the first release knew, with data in it.
	for _, query := range []string{
		`DROP TABLE message`, `DROP TABLE message_group`, `DROP TABLE deduplication`, `DROP TABLE queue`, `PRAGMA user_version = 1`,
		strings.Replace(insertItem, "?", "'old'", 1),
	} {
		if err := h.db.Foreign(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
	h = newHouse(t, path)
	if depth, err := h.queue(t, "q").Depth(t.Context()); err != nil || depth.Waiting != 0 {
		t.Errorf("queue after the upgrade: %+v, %v", depth, err)
	}
	if n := items(t, h.db); n != 1 {
		t.Errorf("%d items, want the old one", n)
	}
	if err := h.db.Foreign(`PRAGMA user_version = 1000`); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("open a later schema: %v", err)
	}
}

// TestLostSignal: a commit that nobody announced is noticed within the check.
func TestLostSignal(t *testing.T) {
	t.Parallel()
	h, err := openHouseChecking(newPath(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	}()
	changed, cancel := h.db.Watch(sqlite.TopicOf("any"))
	defer cancel()
	<-changed // of the first check
	if err := h.db.Foreign(strings.Replace(insertItem, "?", "'x'", 1)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Error("no signal")
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db, err := sqlite.Open(newPath(t), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	tbl := tablesqlite.New(db)
	passing := make([]table.Item, sqlite.SweepLimit+50)
	for i := range passing {
		passing[i] = item("p", fmt.Sprintf("%04d", i))
		passing[i].Expires = now.Add(time.Minute)
	}
	if err := tbl.BatchWrite(t.Context(), passing, nil); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	kept := item("p", "kept")
	kept.Expires = now.Add(time.Hour)
	for _, want := range []int64{50 + 1, 1} {
		if _, err := tbl.Put(t.Context(), kept, table.None()); err != nil {
			t.Fatal(err)
		}
		if n := items(t, db); n != want {
			t.Errorf("%d rows left, want %d", n, want)
		}
	}
	if _, err := tbl.Get(t.Context(), kept.Key); err != nil {
		t.Error(err)
	}
}
