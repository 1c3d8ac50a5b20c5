package sqlite_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"roost/shared/sqlite"
)

// TestAnswers: a commit is seen at once; who wants it durable is answered after
// the sync, who does not is answered before.
func TestAnswers(t *testing.T) {
	t.Parallel()
	db := newHouse(t, newPath(t)).db
	syncing, release := make(chan struct{}), make(chan struct{})
	var syncs atomic.Int32
	db.OnSync(func(sync func() error) error {
		if syncs.Add(1) == 1 {
			close(syncing)
			<-release
		}
		return sync()
	})
	if err := db.WriteUnsynced(t.Context(), insert("before")); err != nil {
		t.Fatal(err)
	}
	if n := syncs.Load(); n != 0 {
		t.Errorf("%d syncs for what need not be durable", n)
	}
	durable := make(chan error, 1)
	go func() { durable <- db.Write(t.Context(), insert("durable")) }()
	<-syncing
	if err := db.WriteUnsynced(t.Context(), insert("beside")); err != nil {
		t.Fatal(err)
	}
	if n := items(t, db); n != 3 {
		t.Errorf("%d items are seen during the sync, want 3", n)
	}
	select {
	case err := <-durable:
		t.Errorf("answered during the sync: %v", err)
	default:
	}
	close(release)
	if err := <-durable; err != nil {
		t.Error(err)
	}
}

// TestSyncFails: what could not be made durable has an unknown outcome. From then
// on nothing is written or read, lest somebody take what he reads for durable.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	db := newHouse(t, newPath(t)).db
	broken := errors.New("broken disk")
	first := true
	db.OnSync(func(sync func() error) error {
		if first {
			first = false
			return broken
		}
		return sync()
	})
	if err := db.Write(t.Context(), insert("a")); !errors.Is(err, sqlite.ErrUnknownOutcome) || !errors.Is(err, broken) {
		t.Errorf("the write: %v", err)
	}
	for name, do := range map[string]func() error{
		"write":    func() error { return db.Write(t.Context(), insert("b")) },
		"unsynced": func() error { return db.WriteUnsynced(t.Context(), insert("c")) },
		"read":     func() error { return db.Read(t.Context(), func(*sqlite.Conn) error { return nil }) },
	} {
		if err := do(); !errors.Is(err, sqlite.ErrUnavailable) || !errors.Is(err, broken) {
			t.Errorf("%s after it: %v", name, err)
		}
	}
}

// TestPowerLoss ends the power right after a sync, any of them: what was on disk
// then has everything that had been acknowledged, and nothing without what the
// same writer wrote before it, durable or not.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		losePower(t, 1+dice.IntN(50))
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
}

const (
	powerWriters = 5
	powerWrites  = 60
)

func losePower(t *testing.T, last int) {
	t.Helper()
	path, image := newPath(t), newPath(t)
	h, err := openHouse(path)
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged, disk [powerWriters]atomic.Int32
	syncs := 0
	h.db.OnSync(func(sync func() error) error {
		var copied error
		switch syncs++; syncs {
		case last: // what is in the log by now will be on disk in any case
			copied = copyDatabase(path, image)
		case last + 1: // all answers so far are due to the syncs before
			for i := range disk {
				disk[i].Store(acknowledged[i].Load())
			}
		}
		return errors.Join(copied, sync())
	})
	var writers sync.WaitGroup
	for i := range powerWriters {
		writers.Go(func() {
			for n := range powerWrites {
				if err := h.db.WriteUnsynced(t.Context(), insert(fmt.Sprintf("%d %03d a", i, n))); err != nil {
					t.Error(err)
				}
				if err := h.db.Write(t.Context(), insert(fmt.Sprintf("%d %03d b", i, n))); err != nil {
					t.Error(err)
				}
				acknowledged[i].Store(int32(n + 1))
			}
		})
	}
	writers.Wait()
	if err := h.db.Close(); err != nil {
		t.Error(err)
	}
	if syncs <= last {
		t.Fatalf("%d syncs, want more than %d", syncs, last)
	}
	db := newHouse(t, image).db
	for i := range powerWriters {
		var found []string
		err := db.Read(t.Context(), func(conn *sqlite.Conn) error {
			return conn.Query(`SELECT sort FROM item WHERE sort LIKE ? ORDER BY sort`, func(r sqlite.Row) bool {
				found = append(found, r.Text(0))
				return true
			}, fmt.Sprintf("%d %%", i))
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := int(disk[i].Load()) * 2; len(found) < want {
			t.Errorf("writer %d: %d items on disk, %d acknowledged", i, len(found), want)
		}
		for k, sort := range found {
			if want := fmt.Sprintf("%d %03d %c", i, k/2, 'a'+rune(k%2)); sort != want {
				t.Fatalf("writer %d: item %d on disk is %q, want %q", i, k, sort, want)
			}
		}
	}
}

func copyDatabase(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + suffix)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to+suffix, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// TestLogStaysShort: under load without a pause the log begins anew again and
// again, on a slow machine at the latest when SQLite itself sees to it.
func TestLogStaysShort(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := newHouse(t, path).db
	const writers, writes, limit = 8, 8000, 160 << 20
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range writes {
				// All over the tree, so that each changes pages of its own.
				sort := fmt.Sprintf("%08x", uint32(n*writers+i)*2654435761)
				if err := db.WriteUnsynced(t.Context(), insert(sort)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the log is %d KiB long after %d writes", info.Size()>>10, writers*writes)
	if info.Size() >= limit {
		t.Errorf("the log is %d bytes long, want less than %d", info.Size(), limit)
	}
	if n := items(t, db); n != writers*writes {
		t.Errorf("%d items, want %d", n, writers*writes)
	}
}
