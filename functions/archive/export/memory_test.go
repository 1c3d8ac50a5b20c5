package export_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"roost/shared/blob"
	"roost/shared/table"
)

// TestMemoryDoesNotGrowWithTheTranscript archives some thousand messages.
func TestMemoryDoesNotGrowWithTheTranscript(t *testing.T) { // not parallel: it measures the heap
	const messages = 3000
	h := newHouse(t)
	job := h.furnish("i1", 0)
	// The rows as Store writes them, in bulk: so many transactions would
	// measure the disk.
	if err := h.bulk(messages); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	highest := uint64(0)
	watched := &watch{Bucket: h.bucket, look: func() {
		runtime.GC() // what is alive, not what is garbage
		runtime.ReadMemStats(&now)
		highest = max(highest, now.HeapAlloc)
	}}
	begin := time.Now()
	if err := h.handler(h.table, watched).Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages in %v, %d KiB of heap above the start", messages, time.Since(begin), (int64(highest)-int64(before.HeapAlloc))>>10)
	if highest == 0 || highest > before.HeapAlloc+12<<20 {
		t.Errorf("the heap went from %d to %d MiB", before.HeapAlloc>>20, highest>>20)
	}
	h.check(job, messages)
}

// bulk writes a chat of text messages of 1 KiB.
func (h *house) bulk(messages int) error {
	const chat = "49150@s.whatsapp.net"
	items := []table.Item{{
		Key:        table.Key{Partition: "transcript#i1", Sort: "chat#" + chat},
		Attributes: map[string]any{"key": chat, "pn": chat, "unread": int64(0), "entries": int64(messages)},
	}}
	for n := range messages {
		m := said(n)
		m.Text = fmt.Sprintf("%x", sha256.Sum256([]byte(m.ID))) + strings.Repeat("long ", 200)
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		items = append(items, table.Item{
			Key:        table.Key{Partition: "transcript#i1#" + chat, Sort: fmt.Sprintf("%013d#%013d#%s", m.Timestamp.UnixMilli(), m.Timestamp.UnixMilli(), m.ID)},
			Attributes: map[string]any{"id": "ev-" + m.ID, "kind": "message", "chat": chat, "at": m.Timestamp.Format(time.RFC3339Nano)},
			Body:       body,
		})
	}
	return h.table.BatchWrite(h.t.Context(), items, nil)
}

// watch looks at the heap while an object is read.
type watch struct {
	blob.Bucket
	look func()
}

func (w *watch) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	return w.Bucket.Put(ctx, key, &watchedReader{body, w.look, 0}, size, contentType)
}

type watchedReader struct {
	io.Reader
	look func()
	n    int
}

func (r *watchedReader) Read(p []byte) (int, error) {
	if r.n++; r.n%32 == 1 {
		r.look()
	}
	return r.Reader.Read(p)
}
