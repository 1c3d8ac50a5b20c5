package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/webhook/delivery"
	"roost/shared/backlog"
	"roost/shared/event"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/webhook"
)

// TestSchedule follows one delivery from its first try to the dead letters and
// out of them again.
func TestSchedule(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var mu sync.Mutex
	var tries []time.Time
	up := false
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		mu.Lock()
		defer mu.Unlock()
		tries = append(tries, h.now())
		if !up {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	h.finish()
	mu.Lock()
	if len(tries) != backlog.MaxAttempts || backlog.MaxAttempts != 10 {
		t.Fatalf("%d tries", len(tries))
	}
	pauses := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for n, want := range pauses {
		if pause := tries[n+1].Sub(tries[n]); pause < want-time.Second || pause > want+want/10+time.Minute {
			t.Errorf("pause %d is %v, want %v and up to a tenth more", n+1, pause, want)
		}
	}
	if whole := tries[9].Sub(tries[0]); whole < 75*time.Hour {
		t.Errorf("given up after %v", whole)
	}
	up = true
	mu.Unlock()
	dead := h.list(backlog.Dead)
	if len(dead) != 1 || dead[0].Attempts != 10 || dead[0].Status != http.StatusBadGateway || len(h.list(backlog.Waiting)) != 0 {
		t.Fatalf("dead: %+v", dead)
	}
	// A letter that is dead is known: its event is not taken again.
	again := text(t, maria, "A")
	again.Chat = "other"
	h.publish(again)
	h.consume()
	if len(r.heard()) != 10 {
		t.Error("a dead letter was told again by itself")
	}
	replayed, err := h.backlog.ReplayOne(t.Context(), h.wakeups, "i1", dead[0].ID)
	if err != nil || replayed.Deliveries != 1 {
		t.Fatalf("%+v, %v", replayed, err)
	}
	h.finish()
	if heard := r.heard(); len(heard) != 11 || heard[10].Header.Get("webhook-id") != heard[0].Header.Get("webhook-id") {
		t.Errorf("%d calls", len(heard))
	}
	if done := h.list(backlog.Delivered); len(done) != 1 || len(h.list(backlog.Dead)) != 0 {
		t.Errorf("delivered: %+v", done)
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 0 {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	start := h.now()
	h.consume()
	h.finish()
	if waited := h.now().Sub(start); len(r.heard()) != 2 || waited < 2*time.Hour || waited > 3*time.Hour {
		t.Errorf("%d calls, the second after %v", len(r.heard()), waited)
	}
}

func TestGoneTurnsOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gone, other := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusGone) }), newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "gone", URL: gone.URL})
	h.subscribe(webhook.Subscription{ID: "other", URL: other.URL, Events: []string{"WEBHOOK_DISABLED"}})
	h.publish(text(t, maria, "A"), text(t, maria, "B"))
	h.consume()
	h.finish()
	s, err := h.webhooks.Get(t.Context(), "i1", "gone")
	if err != nil || s.Enabled || s.Disabled != webhook.Gone || s.DisabledAt.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	dead := h.list(backlog.Dead)
	if len(dead) != 2 || len(gone.heard()) != 1 || dead[0].Status != http.StatusGone || !strings.Contains(dead[1].Error, "turned off") {
		t.Errorf("%d calls, dead: %+v", len(gone.heard()), dead)
	}
	h.consume() // what tells of it
	if heard := other.heard(); len(heard) != 1 || heard[0].event(t) != "webhook.disabled" || !strings.Contains(string(heard[0].Body), `"webhookId":"gone","reason":"gone"`) {
		t.Errorf("the others heard %d", len(heard))
	}
	// Turned on again, it gets what it has missed, in order.
	gone.answer = nil
	s.Enabled = true
	if s, err = h.webhooks.Put(t.Context(), "i1", s); err != nil || s.Disabled != "" {
		t.Fatalf("%+v, %v", s, err)
	}
	if replayed, err := h.backlog.Replay(t.Context(), h.wakeups, "i1", backlog.Filter{}); err != nil || replayed.Deliveries != 2 || replayed.More {
		t.Fatalf("%+v, %v", replayed, err)
	}
	h.finish()
	if diff := cmp.Diff([]string{"A", "A", "B"}, gone.ids(t)); diff != "" {
		t.Error(diff)
	}
}

func TestFiveDaysOfFailuresTurnOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusInternalServerError) })
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	start := h.now()
	on := func() bool {
		s, err := h.webhooks.Get(t.Context(), "i1", "a")
		if err != nil {
			t.Fatal(err)
		}
		return s.Enabled
	}
	for n := 0; on() && n < 200; n++ {
		h.publish(text(t, maria, strconv.Itoa(n)))
		h.consume()
		h.skip(5 * time.Hour)
		h.advance()
	}
	if off := h.now().Sub(start); off < 5*24*time.Hour || off > 7*24*time.Hour {
		t.Errorf("it was turned off after %v", off)
	}
	h.finish()
	if s, err := h.webhooks.Get(t.Context(), "i1", "a"); err != nil || s.Disabled != webhook.Failing {
		t.Errorf("%+v, %v", s, err)
	}
	if len(h.list(backlog.Waiting)) != 0 {
		t.Error("something waits for a webhook that is off")
	}
}

// TestOneSuccessIsHealth lets one chat fail for good and another get through.
func TestOneSuccessIsHealth(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	r.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if strings.HasPrefix(r.calls[n].messageID(t), "poison") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	for n := range 30 {
		if n%10 == 0 {
			h.publish(text(t, bob, fmt.Sprintf("poison%d", n)))
		}
		h.publish(text(t, maria, strconv.Itoa(n)))
		h.consume()
		h.skip(6 * time.Hour)
		h.advance()
	}
	if s, err := h.webhooks.Get(t.Context(), "i1", "a"); err != nil || !s.Enabled {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestAHangingWebhookHoldsNothingUp: while one endpoint hangs the other hears
// everything.
func TestAHangingWebhookHoldsNothingUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hanging := newReceiver(t, func(_ http.ResponseWriter, request *http.Request, _ int) { <-request.Context().Done() })
	sound := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "hanging", URL: hanging.URL})
	h.subscribe(webhook.Subscription{ID: "sound", URL: sound.URL})
	want := h.publishMany(20)
	// The sound one's calls end long before this.
	h.config.Client.Timeout = 2 * time.Second
	for range 2 {
		if received, failed := h.consume(); received != 10 || failed != 0 {
			t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
		}
	}
	if diff := cmp.Diff(want, sound.ids(t)); diff != "" {
		t.Error(diff)
	}
	if n := len(hanging.heard()); n != 1 {
		t.Errorf("who hangs was called %d times", n)
	}
}

// TestASlowWebhookIsLeftToWakeups: an endpoint that takes long and succeeds does
// not keep a chat for a whole batch.
func TestASlowWebhookIsLeftToWakeups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request, int) { h.skip(3 * time.Second) })
	h.subscribe(webhook.Subscription{ID: "slow", URL: slow.URL})
	want := h.publishMany(10)
	if received, failed := h.consume(); received != 10 || failed != 0 {
		t.Fatalf("%d received, %d failed: %s", received, failed, h.log())
	}
	if n := len(slow.heard()); n < 1 || n > 3 {
		t.Errorf("it was called %d times before the batch was done", n)
	}
	h.finish()
	if diff := cmp.Diff(want, slow.ids(t)); diff != "" {
		t.Error(diff)
	}
	if len(h.list(backlog.Delivered)) != 10 {
		t.Errorf("%d are delivered", len(h.list(backlog.Delivered)))
	}
}

// publishMany publishes messages of one chat, and returns their ids.
func (h *house) publishMany(n int) []string {
	h.t.Helper()
	var ids []string
	for n := range n {
		ids = append(ids, fmt.Sprintf("%02d", n))
		h.publish(text(h.t, maria, ids[n]))
	}
	return ids
}

// TestALaneIsBounded fills one, and finds what fell out among the dead letters.
func TestALaneIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const room, more = 20, 3
	h.backlog = backlog.NewRepository(h.table, h.bucket, backlog.Options{Now: h.now, Waiting: room})
	h.config.Backlog = h.backlog
	r := newReceiver(t, status(500))
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "0000"))
	h.consume()
	for n := 1; n < room+more; n++ {
		e := text(t, maria, fmt.Sprintf("%04d", n))
		if _, err := h.backlog.Append(t.Context(), backlog.NewDelivery(e, "a"), h.now()); err != nil {
			t.Fatal(err)
		}
	}
	dead := h.list(backlog.Dead)
	if len(dead) != more || dead[0].Event.ID != "" || !strings.Contains(dead[0].Error, "20 later events") {
		t.Fatalf("dead: %+v", dead)
	}
	h.finish()
	got := r.ids(t)[1:]
	if len(got) != room || got[0] != fmt.Sprintf("%04d", more) || !slices.IsSorted(got) {
		t.Errorf("%d calls, the first %s", len(got), got[0])
	}
}

func TestWithoutAWebhookDeliveriesEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, status(500))
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"), text(t, maria, "B"))
	h.consume()
	if err := h.webhooks.Remove(t.Context(), "i1", "a"); err != nil {
		t.Fatal(err)
	}
	h.finish()
	if dead := h.list(backlog.Dead); len(dead) != 2 || dead[1].Error != "the webhook was removed" || len(r.heard()) != 1 {
		t.Errorf("%d calls, dead: %+v", len(r.heard()), dead)
	}
}

// TestTheTenantsWebhookHearsAllInstances, beside their own.
func TestTheTenantsWebhookHearsAllInstances(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own, shared := newReceiver(t, nil), newReceiver(t, status(500))
	h.subscribe(webhook.Subscription{ID: "own", URL: own.URL})
	if _, err := h.webhooks.PutDefault(t.Context(), "default", webhook.Subscription{URL: shared.URL, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	other := text(t, maria, "B")
	other.Instance = "i2"
	h.publish(text(t, maria, "A"), other)
	h.consume()
	h.finish()
	got := shared.ids(t)
	slices.Sort(got)
	if len(own.heard()) != 1 || !slices.Contains([]string{"A A B", "A B B"}, strings.Join(got, " ")) {
		t.Errorf("own %v, shared %v", own.ids(t), got)
	}
}

// TestThreeDaysDown keeps an endpoint down for three days in which events keep
// coming in several chats, and counts what it has got when it is back.
func TestThreeDaysDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var mu sync.Mutex
	down := true
	r := newReceiver(t, nil)
	got := map[string][]string{} // by chat
	ids := map[string]string{}   // of calls, by message
	r.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		mu.Lock()
		defer mu.Unlock()
		r.mu.Lock()
		c := r.calls[n]
		r.mu.Unlock()
		id := c.messageID(t)
		if seen := ids[id]; seen != "" && seen != c.Header.Get("webhook-id") {
			t.Errorf("%s has two webhook-ids", id)
		}
		ids[id] = c.Header.Get("webhook-id")
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		chat, _, _ := strings.Cut(id, "-")
		got[chat] = append(got[chat], id)
	}
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	handler := delivery.New(h.config)
	want := map[string][]string{}
	start := h.now()
	for hour := 0; hour < 72; hour += 2 {
		chat := fmt.Sprintf("c%d", hour/2%4)
		id := fmt.Sprintf("%s-%03d", chat, hour)
		want[chat] = append(want[chat], id)
		h.publish(text(t, chat, id))
		if received, failed := h.consumeWith(handler); received != 1 || failed != 0 {
			t.Fatalf("%d received, %d failed", received, failed)
		}
		end := start.Add(time.Duration(hour+2) * time.Hour)
		for { // what is due by then
			next, err := h.backlog.Next(t.Context(), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if next.IsZero() || next.After(end) {
				break
			}
			h.advanceWith(handler)
		}
		h.skip(end.Sub(h.now()))
	}
	mu.Lock()
	if len(got) != 0 {
		t.Fatalf("it was down and has got %v", got)
	}
	down = false
	mu.Unlock()
	h.finish()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if dead := h.list(backlog.Dead); len(dead) != 0 {
		t.Errorf("%d were given up", len(dead))
	}
	t.Logf("%d events in 4 chats, all there %v after the first", len(ids), h.now().Sub(start).Round(time.Minute))
}

// TestTableFaultsWhileTheEndpointFails lets each call to the table fail once
// while an endpoint refuses, and then takes, what it is told. That is every
// fifth call, beginning with another each time, unless DELIVERY_FAULTS is "all".
func TestTableFaultsWhileTheEndpointFails(t *testing.T) {
	t.Parallel()
	first, step := rand.IntN(5), 5
	if os.Getenv("DELIVERY_FAULTS") == "all" {
		first, step = 0, 1
	}
	t.Logf("every %d calls from %d", step, first)
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		t.Run(strconv.Itoa(int(fault)), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			sound := h.table
			r := newReceiver(t, nil)
			h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
			for at, more := first, true; more; at += step {
				before := len(r.heard())
				answer := status(500, 200, 503)
				r.answer = func(w http.ResponseWriter, request *http.Request, n int) { answer(w, request, n-before) }
				more = false
				h.rebuild(&tabletest.Faulty{Inner: sound, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
					if call == at {
						more = true
						return fault
					}
					return tabletest.Works
				}})
				want := []string{fmt.Sprintf("A%d", at), fmt.Sprintf("B%d", at)}
				for _, id := range want {
					h.publish(text(t, fmt.Sprintf("chat%d", at), id))
				}
				for tries := 0; ; tries++ {
					if received, _ := h.consume(); received == 0 {
						break
					}
					if tries > 3 {
						t.Fatal("it does not end")
					}
				}
				h.finish()
				var got []string
				for _, id := range r.ids(t)[before:] {
					if len(got) == 0 || got[len(got)-1] != id {
						got = append(got, id)
					}
				}
				// Which calls are refused depends on how often the first is told.
				if diff := cmp.Diff(want, got); diff != "" || len(r.heard())-before > 8 {
					t.Fatalf("fault at call %d, %d calls: %s", at, len(r.heard())-before, diff)
				}
				for _, id := range want {
					if d, err := h.backlog.Get(t.Context(), "i1", backlog.ID{Event: "ev-" + id, Subscription: "a"}); err != nil || d.State != backlog.Delivered {
						t.Fatalf("fault at call %d: %s is %s, %v", at, id, d.State, err)
					}
				}
				if len(h.list(backlog.Waiting)) != 0 || len(h.list(backlog.Dead)) != 0 {
					t.Fatalf("fault at call %d: %d wait, %d dead", at, len(h.list(backlog.Waiting)), len(h.list(backlog.Dead)))
				}
			}
		})
	}
}

// TestTheHandlerHoldsWakeups: it hides one until its lane is due, and leaves
// what is due later to the table.
func TestTheHandlerHoldsWakeups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var held []time.Duration
	h.config.Hold = func(_ context.Context, _ string, pause time.Duration) error {
		held = append(held, pause)
		return nil
	}
	r := newReceiver(t, status(500, 500))
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	handler := delivery.New(h.config)
	if received, failed := h.take(handler, h.wakeups); received != 1 || failed != 1 || len(held) != 1 || held[0] < time.Second || held[0] > 6*time.Second {
		t.Fatalf("%d received, %d failed, held %v", received, failed, held)
	}
	lane := backlog.LaneOf(event.Event{Instance: "i1", Chat: maria}, "a")
	h.skip(6 * time.Second)
	if err := backlog.Send(t.Context(), h.wakeups, lane, h.now()); err != nil {
		t.Fatal(err)
	}
	if received, _ := h.take(handler, h.wakeups); received != 0 {
		t.Error("a lane is worked off twice at a time")
	}
	got, err := h.backlog.Wake(t.Context(), h.wakeups)
	if err != nil || got.Lanes != 1 || got.Oldest < 5*time.Second {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestADeadEndpointKeepsFewBusy: after a minute of failures the chats of its
// instance no longer call it one by one while events are taken.
func TestADeadEndpointKeepsFewBusy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var dead atomic.Bool
	dead.Store(true)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		if dead.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, "1@s.whatsapp.net", "A"))
	h.consume()
	h.publish(text(t, "2@s.whatsapp.net", "B"))
	h.consume()
	if n := len(r.heard()); n != 2 {
		t.Fatalf("%d calls: at first every chat is tried", n)
	}
	h.skip(2 * time.Minute)
	h.publish(text(t, "3@s.whatsapp.net", "C"), text(t, "4@s.whatsapp.net", "D"))
	if received, failed := h.consume(); received != 2 || failed != 0 {
		t.Fatalf("%d received, %d failed", received, failed)
	}
	if n := len(r.heard()); n != 2 {
		t.Errorf("%d calls while events are taken", n)
	}
	dead.Store(false)
	h.finish()
	if got := r.ids(t)[2:]; !slices.Contains(got, "A") || !slices.Contains(got, "B") || !slices.Contains(got, "C") || !slices.Contains(got, "D") {
		t.Errorf("told %v", got)
	}
	h.publish(text(t, "5@s.whatsapp.net", "E"))
	h.consume()
	if got := r.ids(t); got[len(got)-1] != "E" {
		t.Errorf("after it has come back it is not called at once: %v", got)
	}
}

// TestAnAnswerThatDoesNotEnd counts when its header is there.
func TestAnAnswerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, func(w http.ResponseWriter, request *http.Request, _ int) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("and so on"))
		w.(http.Flusher).Flush()
		<-request.Context().Done()
	})
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	told := h.list(backlog.Delivered)
	if len(told) != 1 || told[0].Status != 200 || told[0].Latency > 12*time.Second { // its limit is 15 s
		t.Errorf("%+v", told)
	}
}

// TestAWakeupThatFailsComesSoon, however often it has come before: most times it
// was held until its lane was due.
func TestAWakeupThatFailsComesSoon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, status(500))
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	h.publish(text(t, maria, "A"))
	h.consume()
	var held []time.Duration
	h.config.Hold = func(ctx context.Context, receipt string, pause time.Duration) error {
		held = append(held, pause)
		return h.wakeups.ChangeVisibility(ctx, receipt, 0)
	}
	h.rebuild(&tabletest.Faulty{Inner: h.table, Plan: func(_ int, operation string, key table.Key) tabletest.Fault {
		if operation == "Get" && strings.HasPrefix(key.Partition, "lane#") {
			return tabletest.Refused
		}
		return tabletest.Works
	}})
	handler := delivery.New(h.config)
	for range 12 {
		if received, failed := h.take(handler, h.wakeups); received != 1 || failed != 1 {
			t.Fatal(received, failed)
		}
	}
	if len(held) != 12 || slices.Max(held) > 5*time.Second || slices.Min(held) < time.Second {
		t.Errorf("held for %v", held)
	}
}
