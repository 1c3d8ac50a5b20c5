package export_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/functions/archive/export"
	"roost/shared/archive"
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
	"roost/shared/transcript"
	"roost/shared/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	t      testing.TB
	table  table.Table
	bucket blob.Bucket
	sealer *seal.Sealer
	events queue.Queue
	jobs   queue.Queue
	wait   time.Duration // for a job that may be on its way
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
	return export.New(h.config(t, b))
}

func (h *house) config(t table.Table, b blob.Bucket) export.Config {
	return export.Config{
		Archives: archive.NewRepository(t), Transcripts: transcript.NewRepository(t, b), Instances: instance.NewRepository(t),
		Webhooks: webhook.NewRepository(t, h.sealer), Events: event.NewPublisher(h.events, b), Jobs: h.jobs, Bucket: b,
		Log: slog.New(slog.DiscardHandler),
	}
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
	page := h.read(record.PageKey)
	pageSum := sha256.Sum256(page)
	if m.Page != (export.Object{Key: record.PageKey, Bytes: int64(len(page)), SHA256: hex.EncodeToString(pageSum[:])}) {
		h.t.Fatalf("the manifest names the page %+v", m.Page)
	}
	if left, err := h.bucket.List(ctx, record.PartPrefix(), ""); err != nil || len(left.Objects) != 0 {
		h.t.Fatalf("%d parts are left, %v", len(left.Objects), err)
	}
	if p := record.Progress; p.Done != int64(lines) || p.Total != p.Done {
		h.t.Fatalf("progress %+v of %d lines", p, lines)
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
	if left, err := archive.NewRepository(h.table).Unfinished(ctx); err != nil || slices.ContainsFunc(left, func(r archive.Record) bool { return r.Instance == job.Instance }) {
		h.t.Fatalf("unfinished: %v, %v", left, err)
	}
	hooks, err := h.table.Query(ctx, table.Query{Partition: "webhook#" + string(job.Instance)})
	if err != nil || len(hooks.Items) != 1 || hooks.Items[0].Expires.IsZero() {
		h.t.Fatalf("webhooks: %+v, %v", hooks.Items, err)
	}
}

// rows are all that the table holds of a furnished instance's transcript.
func (h *house) rows(i instance.ID) []table.Item {
	h.t.Helper()
	partitions := []string{"transcript#" + string(i), "transcript-ids#" + string(i), "transcript-time#" + string(i), "webhook#" + string(i)}
	for n := range 3 {
		partitions = append(partitions, "transcript#"+string(i)+"#"+said(n).Chat.Key())
	}
	var items []table.Item
	for _, p := range partitions {
		for item, err := range table.All(h.t.Context(), h.table, table.Query{Partition: p}) {
			if err != nil {
				h.t.Fatal(err)
			}
			items = append(items, item)
		}
	}
	return items
}

// copyOf gives the rows of the furnished instance to another, in two writes: the same
// entries under other keys.
func (h *house) copyOf(rows []table.Item, id instance.ID) archive.Job {
	h.t.Helper()
	items := make([]table.Item, len(rows))
	move := func(s string) string { return strings.Replace(s, "#"+furnished, "#"+string(id), 1) }
	for n, item := range rows {
		items[n] = item
		items[n].Partition = move(item.Partition)
		items[n].Attributes = maps.Clone(item.Attributes)
		if at := item.Text("entry_partition"); at != "" {
			items[n].Attributes["entry_partition"] = move(at)
		}
	}
	if err := h.table.BatchWrite(h.t.Context(), items, nil); err != nil {
		h.t.Fatal(err)
	}
	_, err := instance.NewRepository(h.table).Create(h.t.Context(), instance.Instance{
		ID: id, Tenant: "default", Name: "shop-" + string(id), State: instance.Deleting, TokenHash: instance.HashToken(string(id)),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return archive.Job{Tenant: "default", Instance: id, Name: "shop", At: start}
}

// objects are what an archive has put into the bucket, by the ends of their
// keys; the instance's id is blotted out.
func (h *house) objects(id instance.ID) map[string]string {
	h.t.Helper()
	prefix := archive.Prefix("default", id)
	out := map[string]string{}
	page, err := h.bucket.List(h.t.Context(), prefix, "")
	if err != nil || page.Cursor != "" {
		h.t.Fatal(page.Cursor, err)
	}
	for _, o := range page.Objects {
		if strings.HasSuffix(o.Key, ".manifest.json") { // the page's checksum is of a page with the id
			var m export.Manifest
			if err := json.Unmarshal(h.read(o.Key), &m); err != nil {
				h.t.Fatal(err)
			}
			m.Page = export.Object{}
			out[strings.TrimPrefix(o.Key, prefix)] = strings.ReplaceAll(fmt.Sprintf("%+v %v %v", m, m.First, m.Last), string(id), "ID")
			continue
		}
		out[strings.TrimPrefix(o.Key, prefix)] = strings.ReplaceAll(string(h.read(o.Key)), string(id), "ID")
	}
	return out
}

// smallParts does a job in parts of 100 KiB.
func (h *house) smallParts(job archive.Job) error {
	c := h.config(h.table, h.bucket)
	c.PartBytes = 100 << 10
	return export.New(c).Archive(h.t.Context(), job)
}
