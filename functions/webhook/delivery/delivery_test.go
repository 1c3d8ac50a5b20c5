package delivery_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"roost/functions/webhook/delivery"
	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/queue"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/webhook"
)

const maria, bob = "4915@s.whatsapp.net", "4916@s.whatsapp.net"

func TestDeliversSignedToWhoWantsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all, some, none := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "all", URL: all.URL + "/hook", Headers: map[string]string{
		"X-Mine": "yes", "jwt_key": "jwt hush", "webhook-id": "forged", "Host": "elsewhere", "te": "trailers", "Keep-Alive": "9", "bad name": "x", "X-Bad": "a\nb", "Content-Type": "application/vnd.mine+json",
	}})
	h.subscribe(webhook.Subscription{ID: "some", URL: some.URL + "/hook", Events: []string{"INSTANCE_CREATE"}, ByEvents: true})
	h.subscribe(webhook.Subscription{ID: "off", URL: none.URL})
	if _, err := h.webhooks.Put(t.Context(), "i1", webhook.Subscription{ID: "off", URL: none.URL}); err != nil {
		t.Fatal(err)
	}
	h.publish(text(t, maria, "A"), newEvent(t, event.InstanceCreated, "", "ev-created", event.Lifecycle{}))
	if received, failed := h.consume(); received != 2 || failed != 0 {
		t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
	}
	if len(none.heard()) != 0 {
		t.Error("a webhook that is off was called")
	}
	if got := some.heard(); len(got) != 1 || got[0].Path != "/hook/instance-create" || got[0].event(t) != "instance.create" {
		t.Errorf("the filtered webhook heard %+v", got)
	}
	if len(all.heard()) != 2 {
		t.Fatalf("%d calls", len(all.heard()))
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.heard() {
		if err := verifier.Verify(c.Body, c.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		if err := verifier.Verify(append(c.Body, ' '), c.Header); err == nil {
			t.Error("the signature does not cover the body")
		}
		if id := c.Header.Get("webhook-id"); !strings.HasPrefix(id, "ev-") {
			t.Errorf("webhook-id %q", id)
		}
		if c.Path != "/hook" || c.Header.Get("X-Mine") != "yes" || c.Header.Get("X-Bad") != "" || c.Header.Get("jwt_key") != "" ||
			c.Header.Get("Te") != "" || c.Header.Get("Keep-Alive") != "" {
			t.Errorf("%s %v", c.Path, c.Header)
		}
		if c.Header.Get("Content-Type") != "application/vnd.mine+json" {
			t.Errorf("content type %q", c.Header.Get("Content-Type"))
		}
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(strings.TrimPrefix(c.Header.Get("Authorization"), "Bearer "), claims,
			func(*jwt.Token) (any, error) { return []byte("jwt hush"), nil }, jwt.WithValidMethods([]string{"HS256"}))
		if err != nil || claims["app"] != "evolution" || claims["action"] != "webhook" || claims["exp"].(float64)-claims["iat"].(float64) != 600 {
			t.Errorf("token %v, %v", claims, err)
		}
		if !bytes.Contains(c.Body, []byte(`"destination":"`+all.URL+`/hook"`)) || !bytes.Contains(c.Body, []byte(`"server_url":"https://roost","apikey":null`)) {
			t.Errorf("%s", c.Body)
		}
	}
	if found, err := h.transcripts.Find(t.Context(), "i1", "A"); err != nil || len(found) != 1 {
		t.Errorf("transcript: %d, %v", len(found), err)
	}
}

func TestFailuresComeAgainInOrderAndOnlyWhereTheyFailed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sound, weak := newReceiver(t, nil), newReceiver(t, status(500, 302, 404, 200))
	h.subscribe(webhook.Subscription{ID: "sound", URL: sound.URL})
	h.subscribe(webhook.Subscription{ID: "weak", URL: weak.URL})
	h.publish(text(t, maria, "A"), text(t, maria, "B"), text(t, maria, "C"))
	if received, failed := h.consume(); received != 3 || failed != 0 {
		t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
	}
	entries := 0
	for _, err := range h.transcripts.All(t.Context(), "i1") {
		if err != nil {
			t.Fatal(err)
		}
		entries++
	}
	if entries != 3 {
		t.Errorf("%d messages are in the transcript", entries)
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, sound.ids(t)); diff != "" {
		t.Errorf("who is sound has to wait: %s", diff)
	}
	if waiting := h.list(backlog.Waiting); len(waiting) != 3 || waiting[0].Status != 500 || waiting[0].Error != "answered 500" || waiting[0].Attempts != 1 || waiting[1].Attempts != 0 {
		t.Errorf("waiting: %+v", waiting)
	}
	h.finish()
	if diff := cmp.Diff([]string{"A", "A", "A", "A", "B", "C"}, weak.ids(t)); diff != "" {
		t.Error(diff)
	}
	if len(sound.heard()) != 3 {
		t.Error("who is sound hears things twice")
	}
	webhookIDs := map[string]string{}
	for _, call := range weak.heard() {
		id := call.messageID(t)
		if seen := webhookIDs[id]; seen != "" && seen != call.Header.Get("webhook-id") {
			t.Error("a telling again has another webhook-id")
		}
		webhookIDs[id] = call.Header.Get("webhook-id")
	}
	if len(h.list(backlog.Waiting)) != 0 || len(h.list(backlog.Dead)) != 0 || len(h.list(backlog.Delivered)) != 6 {
		t.Errorf("%d wait, %d are dead, %d delivered", len(h.list(backlog.Waiting)), len(h.list(backlog.Dead)), len(h.list(backlog.Delivered)))
	}
	if strings.Contains(h.log(), weak.URL) {
		t.Error("the log names a URL")
	}
}

func TestASlowChatHoldsNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bobHeard := make(chan struct{})
	r := newReceiver(t, nil)
	r.answer = func(_ http.ResponseWriter, request *http.Request, n int) {
		r.mu.Lock()
		id := r.calls[n].messageID(t)
		r.mu.Unlock()
		switch id {
		case "A": // Maria's is answered after Bob's only
			select {
			case <-bobHeard:
			case <-request.Context().Done():
			}
		case "X":
			close(bobHeard)
		}
	}
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"), text(t, maria, "B"), text(t, bob, "X"))
	if received, failed := h.consume(); received != 3 || failed != 0 {
		t.Fatalf("%d received, %d failed", received, failed)
	}
	var maria []string
	for _, c := range r.heard() {
		if id := c.messageID(t); id != "X" {
			maria = append(maria, id)
		}
	}
	if diff := cmp.Diff([]string{"A", "B"}, maria); diff != "" {
		t.Error(diff)
	}
}

func TestAMultiPartEventGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, status(200, 500, 200, 200))
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(newEvent(t, event.MessageUpdated, maria, "ev-u", event.Update{
		IDs: []string{"A", "B", "C"}, Chat: message.Address{PN: maria}, FromMe: true, Status: message.StatusRead,
	}))
	h.consume()
	h.finish()
	var got []string
	for _, c := range r.heard() {
		var body struct{ Data struct{ KeyID string } }
		if err := json.Unmarshal(c.Body, &body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body.Data.KeyID+" "+c.Header.Get("webhook-id"))
	}
	if diff := cmp.Diff([]string{"A ev-u", "B ev-u_1", "B ev-u_1", "C ev-u_2"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRedeliveryTellsNobodyTwice publishes an event again that was delivered, in
// a group where the queue does not know it.
func TestRedeliveryTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	e := text(t, maria, "A")
	h.publish(e)
	h.consume()
	e.Chat = "other"
	h.publish(e)
	if received, failed := h.consume(); received != 1 || failed != 0 {
		t.Fatalf("%d received, %d failed", received, failed)
	}
	if n := len(r.heard()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestRefusesPrivateAddressesAndOddURLs(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"loopback": "", "metadata": "http://169.254.169.254/latest", "file": "file:///etc/passwd", "garbled": "http://a b/", "none": "x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			r := newReceiver(t, nil)
			if url == "" {
				url = r.URL
			}
			h.config.Client = delivery.NewClient(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}})
			h.subscribe(webhook.Subscription{ID: "a", URL: url})
			h.publish(text(t, maria, "A"))
			if received, failed := h.consume(); received != 1 || failed != 0 {
				t.Errorf("%d received, %d failed", received, failed)
			}
			waiting := h.list(backlog.Waiting)
			if len(waiting) != 1 || waiting[0].Status != 0 || waiting[0].Error == "" {
				t.Errorf("waiting: %+v", waiting)
			}
			if len(r.heard()) != 0 {
				t.Error("a private address was called")
			}
			if said := h.log() + waiting[0].Error; strings.Contains(said, "passwd") || strings.Contains(said, "latest") || strings.Contains(said, "127.0.0.1") {
				t.Errorf("the URL is told: %s", said)
			}
		})
	}
}

func TestRedirectsAreFailures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := newReceiver(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, request *http.Request, _ int) {
		http.Redirect(w, request, other.URL, http.StatusTemporaryRedirect)
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	if len(h.list(backlog.Waiting)) != 1 || len(other.heard()) != 0 {
		t.Errorf("%d wait, %d calls elsewhere", len(h.list(backlog.Waiting)), len(other.heard()))
	}
}

func TestAnEndlessAnswerIsNotRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var written atomic.Int64
	r := newReceiver(t, func(w http.ResponseWriter, request *http.Request, _ int) {
		chunk := bytes.Repeat([]byte("x"), 64<<10)
		for request.Context().Err() == nil && written.Load() < 64<<20 {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	if _, failed := h.consume(); failed != 0 {
		t.Errorf("%d failed", failed)
	}
	r.Close()                             // waits for the handler
	if n := written.Load(); n >= 64<<20 { // beyond what the kernel buffers
		t.Errorf("%d MiB of the answer were taken", n>>20)
	}
}

func TestAReceiverThatHangsFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, func(_ http.ResponseWriter, request *http.Request, _ int) { <-request.Context().Done() })
	h.config.Client.Timeout = 50 * time.Millisecond
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	if waiting := h.list(backlog.Waiting); len(waiting) != 1 || waiting[0].Error != "it took too long" {
		t.Errorf("waiting: %+v", waiting)
	}
}

func TestMediaInsideAndLargeEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	with, without := newReceiver(t, nil), newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "with", URL: with.URL, Base64: true})
	h.subscribe(webhook.Subscription{ID: "without", URL: without.URL})
	if _, err := h.bucket.Put(t.Context(), "media/1", strings.NewReader("picture"), -1, "image/png"); err != nil {
		t.Fatal(err)
	}
	m := message.Message{
		ID: "I", Chat: message.Address{PN: maria}, Kind: "imageMessage", Timestamp: time.Unix(1, 0), Media: &message.Media{Kind: "image", Blob: "media/1"},
		Content: json.RawMessage(`{"imageMessage":{"jpegThumbnail":"` + strings.Repeat("A", 300<<10) + `"}}`),
	}
	h.publish(newEvent(t, event.MessageReceived, maria, "ev-i", m))
	m.ID, m.Media.Blob = "J", "media/gone"
	h.publish(newEvent(t, event.MessageReceived, maria, "ev-j", m))
	if received, failed := h.consume(); received != 2 || failed != 0 {
		t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
	}
	if calls := with.heard(); len(calls) != 2 || !bytes.Contains(calls[0].Body, []byte(`,"base64":"cGljdHVyZQ=="}`)) || bytes.Contains(calls[1].Body, []byte(`"base64"`)) {
		t.Error("the file is not where it should be")
	}
	if calls := without.heard(); len(calls) != 2 || bytes.Contains(calls[0].Body, []byte(`"base64"`)) {
		t.Error("a webhook without base64 got the file")
	}
}

func TestWhatComesAfterTheArchiveIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	if err := h.transcripts.Seal(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	h.publish(text(t, maria, "A"))
	if _, failed := h.consume(); failed != 0 || len(r.heard()) != 1 {
		t.Errorf("%d failed, %d calls", failed, len(r.heard()))
	}
	page, err := h.bucket.List(t.Context(), "transcripts/default/i1/late/", "")
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "transcripts/default/i1/late/ev-A.json" {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestTableFaults lets each call to the table fail once: the receiver hears
// everything in order, at most twice and under the same id, and the transcript
// has it once.
func TestTableFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		t.Run(strconv.Itoa(int(fault)), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			sound := h.table
			r := newReceiver(t, nil)
			h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
			for at, more := 0, true; more; at++ {
				before := len(r.heard())
				more = false
				h.rebuild(&tabletest.Faulty{Inner: sound, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
					if call == at {
						more = true
						return fault
					}
					return tabletest.Works
				}})
				chat := "chat" + strconv.Itoa(at)
				want := []string{"A" + strconv.Itoa(at), "B" + strconv.Itoa(at)}
				h.publish(text(t, chat, want[0]), text(t, chat, want[1]))
				for tries := 0; ; tries++ {
					if received, _ := h.consume(); received == 0 {
						break
					}
					if tries > 3 {
						t.Fatal("it does not end")
					}
				}
				h.finish()
				heard := r.ids(t)[before:]
				if diff := cmp.Diff(want, slices.Compact(slices.Clone(heard))); diff != "" || len(heard) > 3 {
					t.Fatalf("fault at call %d, %d calls: %s", at, len(heard), diff)
				}
				for _, id := range want {
					if found, err := h.transcripts.Find(t.Context(), "i1", id); err != nil || len(found) != 1 {
						t.Fatalf("fault at call %d: %d entries of %s, %v", at, len(found), id, err)
					}
				}
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var got []int
	for n := range 10 {
		got = append(got, int(delivery.Backoff(n+1)/time.Second))
	}
	if diff := cmp.Diff([]int{5, 10, 20, 40, 80, 160, 300, 300, 300, 300}, got); diff != "" {
		t.Error(diff)
	}
	if delivery.Backoff(0) != 5*time.Second || delivery.Backoff(1<<30) != 5*time.Minute {
		t.Error("out of range")
	}
}

func TestGarbledRecordsFailAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	bad := newEvent(t, event.MessageReceived, bob, "ev-bad", "text")
	h.publish(bad, text(t, maria, "A"))
	if received, failed := h.consume(); received != 2 || failed != 1 || len(r.heard()) != 1 {
		t.Errorf("%d received, %d failed, %d calls", received, failed, len(r.heard()))
	}
}

// BenchmarkHandle is what the functions do for messages: one, and batches of ten
// of one chat or of ten. The queue is left out.
func BenchmarkHandle(b *testing.B) {
	for name, c := range map[string]struct{ messages, chats int }{"one": {1, 1}, "ten of one chat": {10, 1}, "ten of ten chats": {10, 10}} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b)
			r := newReceiver(b, nil)
			h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
			handler := delivery.New(h.config)
			n := 0
			for b.Loop() {
				var records []queue.Delivery
				for range c.messages {
					n++
					e := text(b, strconv.Itoa(n%c.chats)+maria, strconv.Itoa(n))
					body, err := json.Marshal(map[string]event.Event{"event": e})
					if err != nil {
						b.Fatal(err)
					}
					records = append(records, queue.Delivery{Message: queue.Message{Group: e.Group(), Body: body}, ID: e.ID, Receives: 1})
				}
				response, err := handler.Handle(b.Context(), batch.Event(records...))
				if err != nil || len(response.BatchItemFailures) != 0 {
					b.Fatal(response, err)
				}
			}
		})
	}
}
