package delivery_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/webhook/delivery"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/webhook"
)

// journaled is a house whose requests are written down, and a handler in it that
// knows its webhook and a chat already.
func journaled(t *testing.T) (*house, *receiver, *delivery.Handler, *tabletest.Journal) {
	t.Helper()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	journal := &tabletest.Journal{Inner: h.table}
	h.rebuild(journal)
	handler := delivery.New(h.config)
	h.publish(text(t, maria, "first"))
	if received, failed := h.consumeWith(handler); received != 1 || failed != 0 {
		t.Fatal(received, failed)
	}
	journal.Reset()
	return h, r, handler, journal
}

// TestRequests holds what the functions ask of the table for a message.
func TestRequests(t *testing.T) {
	t.Parallel()
	many := func(chat func(n int) string) []event.Event {
		var out []event.Event
		for n := range 10 {
			out = append(out, text(t, chat(n), "M"+strconv.Itoa(n)))
		}
		return out
	}
	own := func(id string) event.Event {
		return newEvent(t, event.MessageSent, maria, "ev-"+id, message.Message{
			ID: id, Chat: message.Address{PN: maria}, Sender: message.Address{PN: "4930@s.whatsapp.net"}, FromMe: true, ViaAPI: true,
			Timestamp: time.Unix(1795341601, 0), Kind: "conversation", Content: []byte(`{}`), Status: message.StatusPending,
		})
	}
	receipt := newEvent(t, event.MessageUpdated, maria, "ev-receipt", event.Update{IDs: []string{"S"}, Chat: message.Address{PN: maria}, FromMe: true, Status: message.StatusDelivered})
	for name, c := range map[string]struct {
		before, events []event.Event
		most           int
		kinds          string // of the requests, "" for any
	}{
		"a message":                     {nil, []event.Event{text(t, maria, "A")}, 3, "BatchGet Write BatchWrite"},
		"a message in a new chat":       {nil, []event.Event{text(t, bob, "A")}, 3, "BatchGet Write BatchWrite"},
		"a receipt of an own message":   {[]event.Event{own("S")}, []event.Event{receipt}, 4, "BatchGet Get Write BatchWrite"},
		"a message and its receipt":     {nil, []event.Event{own("S"), receipt}, 4, "BatchGet Write BatchWrite BatchWrite"},
		"ten messages in a chat":        {nil, many(func(int) string { return maria }), 12, ""},
		"ten messages in as many chats": {nil, many(func(n int) string { return "49" + strconv.Itoa(n) + "@s.whatsapp.net" }), 12, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, r, handler, journal := journaled(t)
			if len(c.before) > 0 {
				h.publish(c.before...)
				h.consumeWith(handler)
			}
			heard := len(r.heard())
			journal.Reset()
			h.publish(c.events...)
			if received, failed := h.consumeWith(handler); received != len(c.events) || failed != 0 {
				t.Fatal(received, failed)
			}
			if got := len(r.heard()) - heard; got != len(c.events) {
				t.Errorf("%d calls", got)
			}
			var kinds []string
			writes := 0
			for _, request := range journal.Requests() {
				t.Logf("%5d bytes, %v", request.Bytes, request)
				kinds = append(kinds, request.Operation)
				if request.Operation == "Write" {
					writes++
				}
			}
			if got := strings.Join(kinds, " "); len(kinds) > c.most || c.kinds != "" && got != c.kinds || kinds[0] != "BatchGet" || writes != 1 {
				t.Errorf("asked %s", got)
			}
		})
	}
}

// TestAChangedWebhookGetsTheNextEvent although the handler remembers the others.
func TestAChangedWebhookGetsTheNextEvent(t *testing.T) {
	t.Parallel()
	h, first, handler, _ := journaled(t)
	second := newReceiver(t, nil)
	for n, set := range []func(){
		func() { h.subscribe(webhook.Subscription{ID: "b", URL: second.URL}) },
		func() { h.subscribe(webhook.Subscription{ID: "a", URL: second.URL}) },
		func() {
			if err := h.webhooks.Remove(t.Context(), "i1", "a"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		set()
		h.publish(text(t, maria, strconv.Itoa(n)))
		if received, failed := h.consumeWith(handler); received != 1 || failed != 0 {
			t.Fatal(received, failed)
		}
	}
	if diff := cmp.Diff([]string{"first", "0"}, first.ids(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0", "1", "1", "2"}, second.ids(t)); diff != "" {
		t.Error(diff)
	}
}

// TestOthersWriteMeanwhile changes a chat, seals the transcript or refuses the
// write of a batch between its read and its write: all is kept and told, once and
// in order.
func TestOthersWriteMeanwhile(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(h *house) tabletest.Fault{
		"another message of a chat": func(h *house) tabletest.Fault {
			if err := h.transcripts.Store(t.Context(), text(t, maria, "other")); err != nil {
				t.Error(err)
			}
			return tabletest.Works
		},
		"the end of the transcript": func(h *house) tabletest.Fault {
			if err := h.transcripts.Seal(t.Context(), "i1"); err != nil {
				t.Error(err)
			}
			return tabletest.Works
		},
		"a refusal":               func(*house) tabletest.Fault { return tabletest.Refused },
		"an answer that was lost": func(*house) tabletest.Fault { return tabletest.Lost },
		"an answer alone that is": func(*house) tabletest.Fault { return tabletest.Persisted },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			r := newReceiver(t, nil)
			h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
			done := false
			h.rebuild(&tabletest.Faulty{Inner: h.table, Plan: func(_ int, operation string, _ table.Key) tabletest.Fault {
				if operation != "Write" || done {
					return tabletest.Works
				}
				done = true
				return meanwhile(h)
			}})
			h.publish(text(t, maria, "A"), text(t, bob, "B"), text(t, maria, "C"))
			if received, failed := h.consume(); received != 3 || failed != 0 || !done {
				t.Fatalf("%d received, %d failed", received, failed)
			}
			heard := r.ids(t)
			if len(heard) != 3 || strings.Index(strings.Join(heard, ""), "A") > strings.Index(strings.Join(heard, ""), "C") {
				t.Errorf("heard %v", heard)
			}
			late, err := h.bucket.List(t.Context(), "transcripts/default/i1/late/", "")
			if err != nil {
				t.Fatal(err)
			}
			kept := len(late.Objects)
			for _, id := range []string{"A", "B", "C"} {
				found, err := h.transcripts.Find(t.Context(), "i1", id)
				if err != nil || len(found) > 1 {
					t.Errorf("%s: %d entries, %v", id, len(found), err)
				}
				kept += len(found)
			}
			if kept != 3 || name == "the end of the transcript" && len(late.Objects) != 3 {
				t.Errorf("%d kept, %d of them late", kept, len(late.Objects))
			}
		})
	}
}

// TestABatchTooLargeForOneWrite is kept in several.
func TestABatchTooLargeForOneWrite(t *testing.T) {
	t.Parallel()
	h, r, handler, journal := journaled(t)
	var ids []string
	for n := range 10 {
		chat := "49" + strconv.Itoa(n) + "@s.whatsapp.net"
		u := event.Update{Chat: message.Address{PN: chat}, FromMe: true, Status: message.StatusRead}
		for m := range 8 {
			u.IDs = append(u.IDs, "R"+strconv.Itoa(n)+"-"+strconv.Itoa(m))
		}
		ids = append(ids, u.IDs...)
		h.publish(newEvent(t, event.MessageUpdated, chat, "ev-"+strconv.Itoa(n), u))
	}
	if received, failed := h.consumeWith(handler); received != 10 || failed != 0 {
		t.Fatal(received, failed)
	}
	if len(r.heard()) < 11 {
		t.Errorf("%d calls", len(r.heard()))
	}
	for _, id := range ids {
		if found, err := h.transcripts.ReceiptsOf(t.Context(), "i1", id); err != nil || len(found) != 1 {
			t.Errorf("%s: %d receipts, %v", id, len(found), err)
		}
	}
	writes := 0
	for _, request := range journal.Requests() {
		if request.Operation != "Write" {
			continue
		}
		writes++
		if len(request.Keys) > table.MaxTransactionOps {
			t.Errorf("a transaction of %d", len(request.Keys))
		}
	}
	if writes < 2 || writes > 3 {
		t.Errorf("%d transactions", writes)
	}
}
