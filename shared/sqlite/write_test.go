package sqlite_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"roost/shared/sqlite"
)

const (
	insertItem = `INSERT INTO item (partition, sort, revision, expires, attributes) VALUES ('p', ?, 1, 0, '')`
	countItems = `SELECT count(*) FROM item`
)

func insert(sort string) func(*sqlite.Tx) error {
	return func(tx *sqlite.Tx) error {
		_, err := tx.Exec(insertItem, sort)
		return err
	}
}

func items(t *testing.T, db *sqlite.DB) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(conn *sqlite.Conn) error {
		var err error
		n, _, err = conn.Int(countItems)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFailureRollsBackItself(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := newHouse(t, path).db
	refused := errors.New("refused")
	touched, cancel := db.Watch(sqlite.TopicOf("touched"))
	defer cancel()
	<-touched // of the first check; the next is an hour away
	errs, err := db.Group(path,
		insert("a"),
		func(tx *sqlite.Tx) error {
			tx.Touch(sqlite.TopicOf("touched"))
			if err := insert("b")(tx); err != nil {
				return err
			}
			return refused
		},
		insert("a"), // breaks the primary key
		insert("c"),
	)
	if err != nil || errs[0] != nil || !errors.Is(errs[1], refused) || errs[2] == nil || errs[3] != nil {
		t.Errorf("errors %v, %v", errs, err)
	}
	if n := items(t, db); n != 2 {
		t.Errorf("%d items, want 2", n)
	}
	// The next group is published after this one.
	if err := db.Write(t.Context(), insert("d")); err != nil {
		t.Error(err)
	}
	select {
	case <-touched:
		t.Error("a request that failed touched a topic")
	default:
	}
}

// TestLostTransaction: when SQLite gives up the whole transaction, everyone in
// it is told that nothing was written, and the next group works.
func TestLostTransaction(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := newHouse(t, path).db
	full := errors.New("disk full")
	errs, err := db.Group(path,
		insert("a"),
		func(tx *sqlite.Tx) error {
			if _, err := tx.Exec("ROLLBACK"); err != nil {
				t.Error(err)
			}
			return full
		})
	if err != nil || !errors.Is(errs[0], sqlite.ErrUnavailable) || !errors.Is(errs[1], full) {
		t.Errorf("errors %v, %v", errs, err)
	}
	if n := items(t, db); n != 0 {
		t.Errorf("%d items, want none", n)
	}
	if err := db.Write(t.Context(), insert("b")); err != nil {
		t.Errorf("next: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	db := newHouse(t, newPath(t)).db
	busy, release := make(chan struct{}), make(chan struct{})
	running, stopRunning := context.WithCancel(t.Context())
	waiting, stopWaiting := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- db.Write(running, func(tx *sqlite.Tx) error {
			close(busy)
			<-release
			return insert("under way")(tx)
		})
	}()
	<-busy
	go func() { second <- db.Write(waiting, insert("never")) }()
	stopRunning()
	if err := <-first; !errors.Is(err, sqlite.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("under way: %v", err)
	}
	stopWaiting()
	if err := <-second; errors.Is(err, sqlite.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	close(release)
	if err := db.Write(t.Context(), insert("after")); err != nil {
		t.Error(err)
	}
	if n := items(t, db); n != 2 {
		t.Errorf("%d items, want the one under way and the one after", n)
	}
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	h, err := openHouse(path)
	if err != nil {
		t.Fatal(err)
	}
	busy, release := make(chan struct{}), make(chan struct{})
	const requests = 40
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.db.Write(t.Context(), func(*sqlite.Tx) error {
			close(busy)
			<-release
			return nil
		})
	})
	<-busy
	for i := range requests {
		wg.Go(func() {
			if err := h.db.Write(t.Context(), insert(strconv.Itoa(i))); err != nil {
				t.Errorf("accepted, then %v", err)
			}
		})
	}
	for h.db.Waiting() < requests {
		<-time.After(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- h.db.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := h.db.Write(t.Context(), insert("late")); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if err := h.db.Read(t.Context(), func(*sqlite.Conn) error { return nil }); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := h.db.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if n := items(t, newHouse(t, path).db); n != requests {
		t.Errorf("%d items, want %d", n, requests)
	}
}
