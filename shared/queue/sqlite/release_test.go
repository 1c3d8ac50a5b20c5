package sqlite

import (
	"testing"
	"time"

	"roost/shared/queue"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
)

// A receiver dies with a message in flight; the next process gets it at once,
// before what came after it, and the dead one's receipt is worth nothing.
func TestRelease(t *testing.T) {
	t.Parallel()
	db := sqlitetest.Open(t, sqlite.Options{})
	queues := New(db)
	q, err := queues.Open(t.Context(), "work", queue.Options{MaxReceives: 1, DeadLetter: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"first", "second"} {
		if err := q.Send(t.Context(), queue.Message{Group: "g", Deduplication: body, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	lost, err := q.Receive(t.Context(), 1, 0, time.Hour)
	if err != nil || len(lost) != 1 {
		t.Fatalf("received %v, %v", lost, err)
	}
	if n, err := queues.Release(t.Context()); n != 1 || err != nil {
		t.Fatalf("released %d, %v", n, err)
	}
	if err := q.Delete(t.Context(), lost[0].Receipt); err != nil {
		t.Fatal(err)
	}
	again, err := q.Receive(t.Context(), 10, 0, time.Hour)
	if err != nil || len(again) != 2 || string(again[0].Body) != "first" || again[0].Receives != 1 {
		t.Errorf("after the release %v, %v; want both messages, the first one received once", again, err)
	}
}
