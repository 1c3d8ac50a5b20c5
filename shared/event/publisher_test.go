package event_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/shared/blob/folder"
	"roost/shared/event"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
)

// TestPublish reads back what was put on a queue: a small event is in its message,
// a large one aside.
func TestPublish(t *testing.T) {
	t.Parallel()
	bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queuesqlite.New(sqlitetest.Open(t, sqlite.Options{})).Open(t.Context(), event.Queue, event.Options)
	if err != nil {
		t.Fatal(err)
	}
	p := event.NewPublisher(q, bucket)
	for id, length := range map[string]int{"small": 10, "large": 300 << 10} {
		e := event.Event{ID: id, Instance: "i1", Kind: event.QRUpdated, At: time.Unix(1795341600, 0).UTC(), Body: json.RawMessage(`{"code":"` + strings.Repeat("x", length) + `"}`)}
		if err := p.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		got, err := q.Receive(t.Context(), 1, 0, time.Minute)
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		if aside := event.IsAside(got[0].Body); aside != (id == "large") {
			t.Errorf("%s is aside: %v", id, aside)
		}
		read, err := event.Read(t.Context(), bucket, got[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, read); diff != "" {
			t.Errorf("%s: %.300s", id, diff)
		}
		if err := q.Delete(t.Context(), got[0].Receipt); err != nil {
			t.Fatal(err)
		}
	}
}
