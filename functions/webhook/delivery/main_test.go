package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/functions/webhook/delivery"
	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/blob/folder"
	"roost/shared/egress"
	"roost/shared/event"
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

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// house is everything that a handler works with, embedded.
type house struct {
	t           testing.TB
	table       table.Table
	bucket      *folder.Folder
	queue       queue.Queue
	events      *event.Publisher
	webhooks    *webhook.Repository
	transcripts *transcript.Repository
	sealer      *seal.Sealer
	postponed   []time.Duration
	wakeups     queue.Queue
	backlog     *backlog.Repository
	config      delivery.Config

	mu     sync.Mutex
	logged bytes.Buffer
	offset time.Duration // from the real time to this world's
}

// Write takes the log.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logged.Write(p)
}

func (h *house) log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logged.String()
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.offset)
}

// skip lets time pass.
func (h *house) skip(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offset += d
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
	if h.queue, err = queuesqlite.New(db).Open(t.Context(), event.Queue, event.Options); err != nil {
		t.Fatal(err)
	}
	if h.wakeups, err = queuesqlite.New(db).Open(t.Context(), backlog.Queue, backlog.QueueOptions); err != nil {
		t.Fatal(err)
	}
	h.sealer, err = seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	h.events = event.NewPublisher(h.queue, h.bucket)
	h.webhooks = webhook.NewRepository(h.table, h.sealer)
	h.transcripts = transcript.NewRepository(h.table, h.bucket)
	h.backlog = backlog.NewRepository(h.table, h.bucket, backlog.Options{Now: h.now})
	client := delivery.NewClient(egress.Policy{Allow: egress.Loopback})
	t.Cleanup(client.CloseIdleConnections)
	h.config = delivery.Config{
		Table: h.table, Transcripts: h.transcripts, Webhooks: h.webhooks, Backlog: h.backlog, Wakeups: h.wakeups, Events: h.events, Bucket: h.bucket,
		Client: client, ServerURL: "https://roost", Now: h.now,
		Log: slog.New(slog.NewJSONHandler(h, nil)),
		Hold: func(ctx context.Context, receipt string, _ time.Duration) error {
			return h.wakeups.ChangeVisibility(ctx, receipt, 0)
		},
		Postpone: func(ctx context.Context, receipt string, pause time.Duration) error {
			h.postponed = append(h.postponed, pause)
			return h.queue.ChangeVisibility(ctx, receipt, 0) // tests do not wait
		},
	}
	return h
}

// rebuild lets the handler work over another table.
func (h *house) rebuild(tbl table.Table) {
	h.config.Table = tbl
	h.config.Backlog = backlog.NewRepository(tbl, h.bucket, backlog.Options{Now: h.now})
	h.config.Transcripts = transcript.NewRepository(tbl, h.bucket)
	h.config.Webhooks = webhook.NewRepository(tbl, h.sealer)
}

func (h *house) subscribe(s webhook.Subscription) {
	h.t.Helper()
	if s.Secret == "" {
		s.Secret = secret
	}
	s.Enabled = true
	if _, err := h.webhooks.Put(h.t.Context(), "i1", s); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) publish(events ...event.Event) {
	h.t.Helper()
	for _, e := range events {
		if err := h.events.Publish(h.t.Context(), e); err != nil {
			h.t.Fatal(err)
		}
	}
}

// consume hands one batch to a handler, as Lambda and local do, and returns how
// many records were received and how many failed.
func (h *house) consume() (received, failed int) {
	h.t.Helper()
	return h.consumeWith(delivery.New(h.config))
}

func (h *house) consumeWith(handler *delivery.Handler) (received, failed int) {
	h.t.Helper()
	return h.take(handler, h.queue)
}

// advance goes to the time when something is due, if anything is, and does what
// is to be done by then.
func (h *house) advance() bool {
	h.t.Helper()
	return h.advanceWith(delivery.New(h.config))
}

func (h *house) advanceWith(handler *delivery.Handler) bool {
	h.t.Helper()
	next, err := h.backlog.Next(h.t.Context(), time.Time{})
	if err != nil {
		h.t.Fatal(err)
	}
	if next.IsZero() {
		return false
	}
	h.skip(max(next.Sub(h.now())+time.Millisecond, 0))
	if _, err := h.backlog.Wake(h.t.Context(), h.wakeups); err != nil {
		h.t.Fatal(err)
	}
	for {
		if received, failed := h.take(handler, h.wakeups); received == failed { // nothing, or nothing that is due
			return true
		}
	}
}

// finish goes on until nothing waits.
func (h *house) finish() {
	h.t.Helper()
	for range 1000 {
		if !h.advance() {
			return
		}
	}
	h.t.Fatal("it does not end")
}

func (h *house) take(handler *delivery.Handler, q queue.Queue) (received, failed int) {
	h.t.Helper()
	got, err := q.Receive(h.t.Context(), 10, 0, delivery.Visibility)
	if err != nil {
		h.t.Fatal(err)
	}
	response, err := handler.Handle(h.t.Context(), batch.Event(got...))
	if err != nil {
		h.t.Fatal(err)
	}
	var bad []string
	for _, f := range response.BatchItemFailures {
		bad = append(bad, f.ItemIdentifier)
	}
	for _, d := range got {
		if !slices.Contains(bad, d.ID) {
			if err := q.Delete(h.t.Context(), d.Receipt); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	return len(got), len(bad)
}

// call is one request as a receiver saw it.
type call struct {
	Path   string
	Header http.Header
	Body   []byte
}

func (c call) event(t testing.TB) string {
	t.Helper()
	var body struct{ Event string }
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Event
}

// messageID is the id of the message that an upsert tells.
func (c call) messageID(t testing.TB) string {
	t.Helper()
	var body struct {
		Data struct{ Key struct{ ID string } }
	}
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Data.Key.ID
}

// receiver is a program that listens.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	calls []call
	// answer decides what is answered to the call, the one at index n.
	answer func(w http.ResponseWriter, r *http.Request, n int)
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		n := len(r.calls)
		r.calls = append(r.calls, call{request.URL.Path, request.Header, body})
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(w, request, n)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) heard() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func status(codes ...int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, n int) {
		if n < len(codes) {
			w.WriteHeader(codes[n])
		}
	}
}

// list are the deliveries of a state, the oldest first.
func (h *house) list(state backlog.State) []backlog.Delivery {
	h.t.Helper()
	page, err := h.backlog.List(h.t.Context(), "i1", backlog.Filter{State: state, Limit: backlog.MaxPage})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(page.Deliveries)
	return page.Deliveries
}

// ids are the messages that a receiver heard of, in order.
func (r *receiver) ids(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, c := range r.heard() {
		out = append(out, c.messageID(t))
	}
	return out
}

func newEvent(t testing.TB, kind event.Kind, chat, id string, body any) event.Event {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{
		ID: id, Tenant: "default", Instance: "i1", Name: "shop", Sender: "4930@s.whatsapp.net", Kind: kind, Chat: chat,
		At: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Body: encoded,
	}
}

// text is a message received in a chat.
func text(t testing.TB, chat, id string) event.Event {
	t.Helper()
	a := message.Address{PN: chat}
	return newEvent(t, event.MessageReceived, chat, "ev-"+id, message.Message{
		ID: id, Chat: a, Sender: a, Timestamp: time.Unix(1795341600, 0), Kind: "conversation", Text: id,
		Content: json.RawMessage(`{"conversation":"` + id + `"}`), Status: message.StatusDelivered,
	})
}
