package delivery_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/webhook"
)

// passing is an event whose file nobody keeps. It is of the house's present.
func (h *house) passing(id string) event.Event {
	h.t.Helper()
	e := newEvent(h.t, event.MessageReceived, maria, "ev-"+id, message.Message{
		ID: id, Chat: message.Address{PN: maria}, Kind: "imageMessage", Timestamp: time.Unix(1, 0),
		Media: &message.Media{Kind: "image", FileName: "a.png"}, Content: []byte(`{"imageMessage":{}}`),
	})
	e.At, e.File = h.now().UTC(), event.Passing+"i1/"+id
	return e
}

func (h *house) put(key string, file []byte) {
	h.t.Helper()
	if _, err := h.bucket.Put(h.t.Context(), key, bytes.NewReader(file), int64(len(file)), "image/png"); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stored(key string) bool {
	h.t.Helper()
	stored, _, err := h.bucket.Get(h.t.Context(), key, blob.Range{})
	if errors.Is(err, blob.ErrNotFound) {
		return false
	}
	if err != nil {
		h.t.Fatal(err)
	}
	_ = stored.Close()
	return true
}

// TestAFileThatNobodyKeeps is told and then removed.
func TestAFileThatNobodyKeeps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r, plain := newReceiver(t, nil), newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL, Base64: true})
	h.subscribe(webhook.Subscription{ID: "b", URL: plain.URL})
	small, large := h.passing("S"), h.passing("L")
	h.put(small.File, []byte("picture"))
	h.put(large.File, make([]byte, 3<<20+1))
	h.publish(small, large)
	h.consume()
	calls := r.heard()
	if len(calls) != 2 || !bytes.Contains(calls[0].Body, []byte(`"base64":"cGljdHVyZQ=="`)) {
		t.Fatalf("%d calls, the first %.300s", len(calls), calls[0].Body)
	}
	if body := string(calls[1].Body); !strings.Contains(body, `"mediaUrl":"http://localhost/blob/passing/i1/L?`) || strings.Contains(body, `"base64"`) {
		t.Errorf("the large one: %.300s", body)
	}
	if h.stored(small.File) || !h.stored(large.File) {
		t.Errorf("the small file is there: %v; the one that was linked to: %v", h.stored(small.File), h.stored(large.File))
	}
	for _, c := range plain.heard() {
		if bytes.Contains(c.Body, []byte(`"base64"`)) || bytes.Contains(c.Body, []byte("mediaUrl")) {
			t.Errorf("a webhook without base64 got %.300s", c.Body)
		}
	}
	for e, err := range h.transcripts.All(t.Context(), "i1") {
		if err != nil || bytes.Contains(e.Body, []byte(event.Passing)) {
			t.Errorf("the transcript remembers where the file was: %s, %v", e.Body, err)
		}
	}
}

// TestAFileStaysUntilAllHaveIt: one of two endpoints fails at first.
func TestAFileStaysUntilAllHaveIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	healthy, failing := newReceiver(t, nil), newReceiver(t, status(http.StatusBadGateway))
	h.subscribe(webhook.Subscription{ID: "a", URL: healthy.URL, Base64: true})
	h.subscribe(webhook.Subscription{ID: "b", URL: failing.URL, Base64: true})
	e := h.passing("S")
	h.put(e.File, []byte("picture"))
	h.publish(e)
	h.consume()
	if !h.stored(e.File) {
		t.Fatal("the file is gone before all have it")
	}
	h.finish()
	calls := failing.heard()
	if len(calls) != 2 || !bytes.Contains(calls[1].Body, []byte(`"base64":"cGljdHVyZQ=="`)) || h.stored(e.File) {
		t.Errorf("%d calls, the file is there: %v", len(calls), h.stored(e.File))
	}
}

// TestALateFileIsWaitedFor for a minute, which counts as no failure.
func TestALateFileIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r, plain := newReceiver(t, nil), newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL, Base64: true})
	h.subscribe(webhook.Subscription{ID: "b", URL: plain.URL})
	late := h.passing("S")
	h.publish(late, text(t, maria, "after"))
	if received, failed := h.consume(); received != 2 || failed != 0 {
		t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
	}
	h.advance()
	if len(r.heard()) != 0 || len(plain.heard()) != 2 {
		t.Fatalf("%d calls before the file is there, %d without it", len(r.heard()), len(plain.heard()))
	}
	h.put(late.File, []byte("picture"))
	h.finish()
	if calls := r.heard(); len(calls) != 2 || !bytes.Contains(calls[0].Body, []byte(`"base64":"cGljdHVyZQ=="`)) || calls[1].messageID(t) != "after" {
		t.Errorf("%d calls", len(calls))
	}
	for _, d := range h.list("delivered") {
		if d.Attempts != 1 || d.Error != "" {
			t.Errorf("waiting for the file counts as a try: %+v", d)
		}
	}
	if h.stored(late.File) {
		t.Error("the file is still there")
	}
	never := h.passing("N")
	h.publish(never)
	h.consume()
	h.finish()
	calls := r.heard()
	if len(calls) != 3 || bytes.Contains(calls[2].Body, []byte(`"base64"`)) || !strings.Contains(h.log(), "told without its file") {
		t.Errorf("%d calls", len(calls))
	}
	if page, err := h.table.Query(t.Context(), table.Query{Partition: "webhook-health#i1"}); err != nil || len(page.Items) != 0 {
		t.Errorf("the endpoint is held to be ill: %+v, %v", page.Items, err)
	}
}
