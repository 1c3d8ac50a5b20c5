package export_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/functions/archive/export"
	"roost/shared/archive"
	"roost/shared/batch"
	"roost/shared/blob"
	"roost/shared/blob/folder"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	t      testing.TB
	table  *tablesqlite.Table
	bucket *folder.Folder
	sealer *seal.Sealer
	events queue.Queue
	jobs   queue.Queue
}

func newHouse(t testing.TB) *house {
	t.Helper()
	directory := t.TempDir()
	db, err := sqlite.Open(filepath.Join(directory, "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, table: tablesqlite.New(db)}
	if h.bucket, err = folder.Open(filepath.Join(directory, "blob"), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"}); err != nil {
		t.Fatal(err)
	}
	queues := queuesqlite.New(db)
	if h.events, err = queues.Open(t.Context(), event.Queue, event.Options); err != nil {
		t.Fatal(err)
	}
	if h.jobs, err = queues.Open(t.Context(), archive.Queue, archive.Options); err != nil {
		t.Fatal(err)
	}
	if h.sealer, err = seal.New(seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	return h
}

// handler works over a table and a bucket that may be others than the house's.
func (h *house) handler(t table.Table, b blob.Bucket) *export.Handler {
	return export.New(export.Config{
		Archives: archive.NewRepository(t), Transcripts: transcript.NewRepository(t, b), Instances: instance.NewRepository(t),
		Webhooks: webhook.NewRepository(t, h.sealer), Events: event.NewPublisher(h.events, b), Bucket: b, Log: slog.New(slog.DiscardHandler),
	})
}

// furnish makes an instance that is being deleted, with a webhook and some
// messages, and returns the job.
func (h *house) furnish(id instance.ID, messages int) archive.Job {
	h.t.Helper()
	ctx := h.t.Context()
	name := "shop-" + string(id)
	_, err := instance.NewRepository(h.table).Create(ctx, instance.Instance{
		ID: id, Tenant: "default", Name: name, State: instance.Deleting, TokenHash: instance.HashToken(name),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := webhook.NewRepository(h.table, h.sealer).Put(ctx, id, webhook.Subscription{ID: webhook.Main, URL: "https://example.com"}); err != nil {
		h.t.Fatal(err)
	}
	r := transcript.NewRepository(h.table, h.bucket)
	for n := range messages {
		m := said(n)
		body, err := json.Marshal(m)
		if err != nil {
			h.t.Fatal(err)
		}
		e := event.Event{ID: "ev-" + m.ID, Instance: id, Kind: event.MessageReceived, Chat: m.Chat.Key(), At: m.Timestamp, Body: body}
		if err := r.Store(ctx, e); err != nil {
			h.t.Fatal(err)
		}
	}
	body, err := json.Marshal(event.Update{IDs: []string{"M0"}, Chat: said(0).Chat, Status: message.StatusRead})
	if err != nil {
		h.t.Fatal(err)
	}
	if messages > 0 {
		e := event.Event{ID: "ev-read", Instance: id, Kind: event.MessageUpdated, At: start.Add(time.Hour), Body: body}
		if err := r.Store(ctx, e); err != nil {
			h.t.Fatal(err)
		}
	}
	return archive.Job{Tenant: "default", Instance: id, Name: name, At: start}
}

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// said is the n-th message, in one of three chats.
func said(n int) message.Message {
	chat := message.Address{PN: strconv.Itoa(49150+n%3) + "@s.whatsapp.net"}
	return message.Message{
		ID: "M" + strconv.Itoa(n), Chat: chat, Sender: chat, Timestamp: start.Add(time.Duration(n) * time.Second), Kind: "conversation",
		Text: "<b> & ü", Content: json.RawMessage(`{"conversation":"<b> & ü"}`), Status: message.StatusDelivered,
	}
}

func (h *house) read(key string) []byte {
	h.t.Helper()
	stored, _, err := h.bucket.Get(h.t.Context(), key, blob.Range{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer stored.Close()
	all, err := io.ReadAll(stored)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// published are the events on the queue, as kind and instance.
func (h *house) published() []string {
	h.t.Helper()
	var out []string
	for {
		got, err := h.events.Receive(h.t.Context(), 10, 0, 0)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(got) == 0 {
			return out
		}
		for _, d := range got {
			e, err := event.Read(h.t.Context(), h.bucket, d.Body)
			if err != nil {
				h.t.Fatal(err)
			}
			out = append(out, string(e.Kind)+" "+string(e.Instance)+" "+e.Name)
		}
	}
}

// check holds what must be true after an archive.
func (h *house) check(job archive.Job, messages int) {
	h.t.Helper()
	ctx := h.t.Context()
	record, err := archive.NewRepository(h.table).Get(ctx, job.Instance)
	if err != nil || record.State != archive.Done || record.Messages != int64(messages) {
		h.t.Fatalf("record %+v, %v", record, err)
	}
	object := h.read(record.Key)
	sum := sha256.Sum256(object)
	if record.SHA256 != hex.EncodeToString(sum[:]) || record.Bytes != int64(len(object)) {
		h.t.Fatalf("the record says %d bytes %s of another object", record.Bytes, record.SHA256)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		h.t.Fatal(err)
	}
	lines, seen, chat := 0, map[string]bool{}, ""
	scanner := bufio.NewScanner(unzipped)
	for scanner.Scan() {
		var e transcript.Entry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			h.t.Fatal(err)
		}
		if seen[e.ID] || e.Chat < chat {
			h.t.Fatalf("line %d: %s of %s stands in the wrong place", lines, e.ID, e.Chat)
		}
		seen[e.ID], chat = true, e.Chat
		lines++
	}
	if err := scanner.Err(); err != nil {
		h.t.Fatal(err)
	}
	var m export.Manifest
	if err := json.Unmarshal(h.read(record.ManifestKey), &m); err != nil {
		h.t.Fatal(err)
	}
	if m.Lines != int64(lines) || m.Kinds["message"] != int64(messages) || m.Transcript != (export.Object{Key: record.Key, Bytes: record.Bytes, SHA256: record.SHA256}) {
		h.t.Fatalf("manifest %+v of %d lines", m, lines)
	}
	for _, err := range transcript.NewRepository(h.table, h.bucket).All(ctx, job.Instance) {
		h.t.Fatalf("the transcript is still on the table, %v", err)
	}
	if _, err := instance.NewRepository(h.table).Get(ctx, job.Instance); fault.KindOf(err) != fault.NotFound {
		h.t.Fatalf("the instance is still there: %v", err)
	}
	if left, err := archive.NewRepository(h.table).Unfinished(ctx); err != nil || len(left) != 0 {
		h.t.Fatalf("unfinished: %v, %v", left, err)
	}
	hooks, err := h.table.Query(ctx, table.Query{Partition: "webhook#" + string(job.Instance)})
	if err != nil || len(hooks.Items) != 1 || hooks.Items[0].Expires.IsZero() {
		h.t.Fatalf("webhooks: %+v, %v", hooks.Items, err)
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	for _, messages := range []int{0, 1, 20} {
		t.Run(strconv.Itoa(messages), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			job := h.furnish("i1", messages)
			if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
				t.Fatal(err)
			}
			got, err := h.jobs.Receive(t.Context(), 1, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			handler := h.handler(h.table, h.bucket)
			for range 2 { // delivered twice
				response, err := handler.Handle(t.Context(), batch.Event(got...))
				if err != nil || len(response.BatchItemFailures) != 0 {
					t.Fatalf("%+v, %v", response, err)
				}
				h.check(job, messages)
			}
			if diff := cmp.Diff([]string{"instance.removed i1 shop-i1"}, h.published()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := h.furnish("i1", 4)
	if err := h.handler(h.table, h.bucket).Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	record, err := archive.NewRepository(h.table).Get(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{
  "schemaVersion": 1,
  "tenant": "default",
  "instance": "i1",
  "name": "shop-i1",
  "acceptedAt": "2026-11-22T10:00:00Z",
  "transcript": {
    "key": "transcripts/default/i1/20261122T100000.000Z.jsonl.gz",
    "bytes": %d,
    "sha256": %q
  },
  "lines": 5,
  "kinds": {
    "message": 4,
    "status": 1
  },
  "chats": {
    "49150@s.whatsapp.net": 3,
    "49151@s.whatsapp.net": 1,
    "49152@s.whatsapp.net": 1
  },
  "first": "2026-11-22T10:00:00Z",
  "last": "2026-11-22T11:00:00Z"
}
`, record.Bytes, record.SHA256)
	if diff := cmp.Diff(want, string(h.read(record.ManifestKey))); diff != "" {
		t.Error(diff)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(h.read(record.Key)))
	if err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(unzipped).ReadString('\n')
	line := `{"id":"ev-M0","kind":"message","chat":"49150@s.whatsapp.net","at":"2026-11-22T10:00:00Z","status":"READ","body":{"id":"M0","chat":{"pn":"49150@s.whatsapp.net"},"sender":{"pn":"49150@s.whatsapp.net"},"timestamp":"2026-11-22T10:00:00Z","kind":"conversation","text":`
	if err != nil || !strings.HasPrefix(first, line) {
		t.Errorf("%s, %v", first, err)
	}
}

// TestEveryFaultIsMended lets each call to the table fail in turn, in every
// way, and gives the job again until it is done. Objects and records must be
// those of a run without faults.
func TestEveryFaultIsMended(t *testing.T) {
	t.Parallel()
	const messages = 5
	h := newHouse(t)
	sound := h.furnish("sound", messages)
	if err := h.handler(h.table, h.bucket).Archive(t.Context(), sound); err != nil {
		t.Fatal(err)
	}
	h.check(sound, messages)
	record, err := archive.NewRepository(h.table).Get(t.Context(), "sound")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		runs := 0
		for at, more := 0, true; more; at++ {
			id := instance.ID("f" + strconv.Itoa(int(fault)) + "-" + strconv.Itoa(at))
			job := h.furnish(id, messages)
			more = false
			faulty := &tabletest.Faulty{Inner: h.table, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
				if call == at {
					more = true
					return fault
				}
				return tabletest.Works
			}}
			handler := h.handler(faulty, h.bucket)
			if err := handler.Archive(t.Context(), job); err != nil {
				if err := handler.Archive(t.Context(), job); err != nil {
					t.Fatalf("fault %d at call %d: %v", fault, at, err)
				}
			}
			h.check(job, messages)
			got, err := archive.NewRepository(h.table).Get(t.Context(), id)
			if err != nil || got.SHA256 != record.SHA256 || got.Bytes != record.Bytes {
				t.Fatalf("fault %d at call %d: other bytes than without", fault, at)
			}
			runs++
		}
		if runs < 15 {
			t.Errorf("fault %d: only %d calls were made", fault, runs)
		}
	}
}

// cut is a bucket that dies, once, before or after it has done what it was
// asked.
type cut struct {
	blob.Bucket
	at    int
	after bool
	puts  int
}

func (c *cut) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	n := c.puts
	c.puts++
	if n != c.at {
		return c.Bucket.Put(ctx, key, body, size, contentType)
	}
	if c.after {
		if _, err := c.Bucket.Put(ctx, key, body, size, contentType); err != nil {
			return blob.Info{}, err
		}
	}
	return blob.Info{}, blob.ErrUnknownOutcome
}

func TestBucketFaults(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for at := range 2 {
		for _, after := range []bool{false, true} {
			id := instance.ID(fmt.Sprintf("b%d-%v", at, after))
			job := h.furnish(id, 3)
			handler := h.handler(h.table, &cut{Bucket: h.bucket, at: at, after: after})
			if err := handler.Archive(t.Context(), job); err == nil {
				t.Fatal("the fault was not noticed")
			}
			n := 0
			for _, err := range transcript.NewRepository(h.table, h.bucket).All(t.Context(), id) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 4 {
				t.Fatalf("%d entries are left before the objects are stored", n)
			}
			body, err := json.Marshal(said(9))
			if err != nil {
				t.Fatal(err)
			}
			late := event.Event{ID: "late", Instance: id, Kind: event.MessageReceived, At: start, Body: body}
			if err := transcript.NewRepository(h.table, h.bucket).Store(t.Context(), late); !errors.Is(err, transcript.ErrSealed) {
				t.Fatalf("a message between two tries: %v", err)
			}
			if err := handler.Archive(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			h.check(job, 3)
		}
	}
}

func TestAWorkerWaitsForAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := h.furnish("i1", 3)
	r := archive.NewRepository(h.table)
	if _, err := r.Begin(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	claim, err := r.Claim(t.Context(), "i1", "another")
	if err != nil {
		t.Fatal(err)
	}
	handler := h.handler(h.table, h.bucket)
	if err := handler.Archive(t.Context(), job); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("two workers at once: %v", err)
	}
	if err := r.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if err := handler.Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	h.check(job, 3)
}

func TestGarbledJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, body := range []string{"{", "{}", `{"instance":"i1"}`} {
		e := batch.Event(queue.Delivery{ID: "1", Message: queue.Message{Group: "g", Body: []byte(body)}})
		response, err := h.handler(h.table, h.bucket).Handle(t.Context(), e)
		if err != nil || len(response.BatchItemFailures) != 1 {
			t.Errorf("%s: %+v, %v", body, response, err)
		}
	}
}
