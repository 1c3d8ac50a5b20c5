package backlog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/backlog"
	"roost/shared/blob/folder"
	"roost/shared/event"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	t       *testing.T
	table   *table.Counting
	queue   queue.Queue
	backlog *backlog.Repository

	mu  sync.Mutex
	now time.Time
}

func newHouse(t *testing.T, scheduled func(time.Time)) *house {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	h := &house{t: t, table: table.NewCounting(tablesqlite.New(db)), now: time.Now()}
	bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"})
	if err != nil {
		t.Fatal(err)
	}
	if h.queue, err = queuesqlite.New(db).Open(t.Context(), backlog.Queue, backlog.QueueOptions); err != nil {
		t.Fatal(err)
	}
	h.backlog = backlog.NewRepository(h.table, bucket, backlog.Options{Scheduled: scheduled, Now: func() time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.now
	}})
	return h
}

func (h *house) skip(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func delivery(chat, id string) backlog.Delivery {
	return backlog.NewDelivery(event.Event{
		ID: id, Tenant: "t", Instance: "i", Kind: event.MessageReceived, Chat: chat, At: time.Unix(1795600000, 0), Body: []byte(`{"id":"` + id + `"}`),
	}, "s")
}

func (h *house) append(d backlog.Delivery, due time.Time) time.Time {
	h.t.Helper()
	at, err := h.backlog.Append(h.t.Context(), d, due)
	if err != nil {
		h.t.Fatal(err)
	}
	return at
}

func (h *house) head(chat string) (backlog.Delivery, bool) {
	h.t.Helper()
	d, ok, err := h.backlog.Head(h.t.Context(), backlog.Lane{Instance: "i", Subscription: "s", Chat: chat})
	if err != nil {
		h.t.Fatal(err)
	}
	return d, ok
}

func TestALaneKeepsItsOrderAndItsTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	due := h.now.Add(5 * time.Minute)
	if at := h.append(delivery("c", "A").Tried(backlog.Attempt{At: h.now, Error: "no", Status: 500}), due); at.UnixMilli() != due.UnixMilli() {
		t.Errorf("due %v, want %v", at, due)
	}
	for _, id := range []string{"B", "C", "B"} { // the last is known
		if at := h.append(delivery("c", id), h.now); at.UnixMilli() != due.UnixMilli() {
			t.Errorf("%s makes the lane due %v", id, at)
		}
	}
	next, err := h.backlog.Next(t.Context(), time.Time{})
	if err != nil || next.UnixMilli() != due.UnixMilli() {
		t.Errorf("next %v, %v", next, err)
	}
	if woken, err := h.backlog.Wake(t.Context(), h.queue); err != nil || woken.Lanes != 0 || woken.Failing != 1 {
		t.Errorf("woken too early: %+v, %v", woken, err)
	}
	h.skip(6 * time.Minute)
	if woken, err := h.backlog.Wake(t.Context(), h.queue); err != nil || woken.Lanes != 1 || woken.Failing != 1 || woken.Oldest.Round(time.Second) != 6*time.Minute {
		t.Errorf("%+v, %v", woken, err)
	}
	var got []string
	for d, ok := h.head("c"); ok; d, ok = h.head("c") {
		got = append(got, d.Event.ID)
		if string(d.Event.Body) != `{"id":"`+d.Event.ID+`"}` {
			t.Errorf("event %s came back as %s", d.Event.ID, d.Event.Body)
		}
		if err := h.backlog.Succeeded(t.Context(), d, backlog.Attempt{At: h.now, Told: 1, Status: 204}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, got); diff != "" {
		t.Error(diff)
	}
	if next, err := h.backlog.Next(t.Context(), time.Time{}); err != nil || !next.IsZero() {
		t.Errorf("an empty lane is due %v, %v", next, err)
	}
	page, err := h.table.Query(t.Context(), table.Query{Partition: "lane#i#s#c"})
	if err != nil || len(page.Items) != 0 {
		t.Errorf("an empty lane leaves %v, %v", page.Items, err)
	}
}

// TestNobodyIsLostBetweenTwo: one adds to a lane while another works it off,
// until both are through.
func TestNobodyIsLostBetweenTwo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const all = 60
	added := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		defer close(added)
		for n := range all {
			if _, err := h.backlog.Append(t.Context(), delivery("c", fmt.Sprintf("%03d", n)), h.now); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var got []string
	for through := false; ; {
		d, ok := h.head("c")
		if ok {
			got = append(got, d.Event.ID)
			if err := h.backlog.Succeeded(t.Context(), d, backlog.Attempt{At: h.now}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if through {
			break
		}
		select {
		case <-added:
			through = true // and one more look
		default:
		}
	}
	running.Wait()
	if len(got) != all || !slices.IsSorted(got) {
		t.Errorf("%d of %d came: %v", len(got), all, got)
	}
}

func TestALargeEventWaitsInTheBucket(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	d := delivery("c", "A")
	d.Event.Body = []byte(`"` + strings.Repeat("x", 500<<10) + `"`)
	h.append(d, h.now)
	if got, ok := h.head("c"); !ok || !bytes.Equal(got.Event.Body, d.Event.Body) {
		t.Error("it does not come back")
	}
}

// TestCost holds what deliveries cost on the table.
func TestCost(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.table.Reset()
	if err := h.backlog.Record(t.Context(), backlog.Note{Delivery: delivery("c", "A"), State: backlog.Delivered}); err != nil {
		t.Fatal(err)
	}
	if total := h.table.Total(); total.Requests != 1 || total.Items != 2 {
		t.Errorf("a delivery that succeeds at once: %+v", total)
	}
	h.table.Reset()
	if _, err := h.backlog.Wake(t.Context(), h.queue); err != nil {
		t.Fatal(err)
	}
	if total := h.table.Total(); total.Requests != 4 || total.Items != 0 {
		t.Errorf("an idle minute: %+v", total)
	}
}

// TestAlarm wakes a lane at its time and sleeps otherwise.
func TestAlarm(t *testing.T) {
	t.Parallel()
	var alarm *backlog.Alarm
	h := newHouse(t, func(at time.Time) { alarm.Set(at) })
	alarm = backlog.NewAlarm(h.queue, slog.New(slog.DiscardHandler))
	real := time.Now()
	h.now = real // and stands still: waits are measured from it
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { alarm.Run(ctx, h.backlog) })
	defer running.Wait()
	defer cancel()
	h.append(delivery("late", "L"), real.Add(time.Hour))
	h.append(delivery("now", "A"), real)
	got, err := h.queue.Receive(t.Context(), 10, queue.MaxWait, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d wake-ups, %v", len(got), err)
	}
	if lane, ok := backlog.ReadWakeup(got[0].Body); !ok || lane.Chat != "now" {
		t.Errorf("woken: %+v", lane)
	}
	h.skip(time.Hour)
	alarm.Set(time.Time{}) // the clock of this test moves by itself; a timer would have rung
	if got, err = h.queue.Receive(t.Context(), 10, queue.MaxWait, time.Minute); err != nil || len(got) != 1 {
		t.Fatalf("%d wake-ups, %v", len(got), err)
	}
	if lane, ok := backlog.ReadWakeup(got[0].Body); !ok || lane.Chat != "late" {
		t.Errorf("woken: %+v", lane)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	own := backlog.HealthOf("t", "i", webhook.Subscription{ID: "s"})
	shared := backlog.HealthOf("t", "i", webhook.Subscription{ID: webhook.Default, Shared: true})
	if shared != backlog.HealthOf("t", "j", webhook.Subscription{ID: webhook.Default, Shared: true}) || own == shared {
		t.Error("a tenant's webhook has one health for all instances")
	}
	first, err := h.backlog.Ail(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	h.skip(time.Hour)
	if since, err := h.backlog.Ail(t.Context(), own); err != nil || !since.Equal(first) {
		t.Errorf("ailing since %v, %v, want %v", since, err, first)
	}
	known, err := h.backlog.Look(t.Context(), "i", nil, nil, []backlog.Health{own, shared})
	if err != nil || !known.Failing(own) || known.Failing(shared) {
		t.Errorf("%+v, %v", known, err)
	}
	if err := h.backlog.Recover(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if since, err := h.backlog.Ail(t.Context(), own); err != nil || since.Equal(first) {
		t.Errorf("after a recovery it ails since %v, %v", since, err)
	}
}

// TestReplayInPortions: more dead letters than one call takes.
func TestReplayInPortions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const all = 230
	for n := range all {
		if err := h.backlog.Record(t.Context(), backlog.Note{Delivery: delivery("c", fmt.Sprintf("%03d", n)), State: backlog.Dead}); err != nil {
			t.Fatal(err)
		}
	}
	first, err := h.backlog.Replay(t.Context(), h.queue, "i", backlog.Filter{})
	if err != nil || first.Deliveries != 200 || !first.More {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := h.backlog.Replay(t.Context(), h.queue, "i", backlog.Filter{})
	if err != nil || second.Deliveries != all-200 || second.More {
		t.Fatalf("%+v, %v", second, err)
	}
	var got []string
	for d, ok := h.head("replay"); ok; d, ok = h.head("replay") {
		got = append(got, d.Event.ID)
		if err := h.backlog.Bury(t.Context(), d, "again"); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != all || !slices.IsSorted(got) {
		t.Errorf("%d come again: %v", len(got), got)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	if _, more := backlog.Pause(backlog.MaxAttempts, 0); more {
		t.Error("there is a try after the last")
	}
	if _, more := backlog.Pause(0, 0); more {
		t.Error("there is a pause before the first try")
	}
	var least time.Duration
	for n := 1; n < backlog.MaxAttempts; n++ {
		pause, more := backlog.Pause(n, 0)
		if !more {
			t.Fatalf("no try after %d", n)
		}
		least += pause
	}
	if least < 75*time.Hour || least > 84*time.Hour {
		t.Errorf("all pauses: %v", least)
	}
	if pause, _ := backlog.Pause(1, time.Hour); pause != time.Hour {
		t.Errorf("asked for an hour: %v", pause)
	}
	if pause, _ := backlog.Pause(1, 1000*time.Hour); pause != backlog.MaxPause {
		t.Errorf("asked for too long: %v", pause)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("ev.sub")
	f.Add("a.b.c")
	f.Add(".")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := backlog.ParseID(text)
		if err != nil {
			return
		}
		if id.String() != text || id.Event == "" || id.Subscription == "" || strings.Contains(id.Subscription, ".") {
			t.Errorf("%q is read as %+v", text, id)
		}
	})
}

func FuzzReadWakeup(f *testing.F) {
	f.Add([]byte(`{"lane":{"instance":"i","subscription":"s","chat":"c"}}`))
	f.Add([]byte(`{"event":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if lane, ok := backlog.ReadWakeup(body); ok && (lane.Instance == "" || lane.Subscription == "") {
			t.Errorf("%q is read as %+v", body, lane)
		}
	})
}

// TestManyWaitTogether: they keep their order, one that is known or named twice is
// there once, and a lane that is full gives up its oldest.
func TestManyWaitTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ most, all, left, requests int }{{0, 10, 10, 2}, {0, 40, 40, 6}, {25, 40, 25, 0}} {
		h := newHouse(t, nil)
		h.backlog = backlog.NewRepository(h.table, nil, backlog.Options{Waiting: c.most})
		h.append(delivery("c", "E000"), h.now)
		var all []backlog.Delivery
		var want []string
		for n := range c.all {
			all = append(all, delivery("c", fmt.Sprintf("E%03d", n)))
			want = append(want, all[n].ID.Event)
		}
		h.table.Reset()
		if _, err := h.backlog.AppendAll(t.Context(), append(all, all[0], all[c.all-1]), h.now); err != nil {
			t.Fatal(err)
		}
		if total := h.table.Total(); c.requests > 0 && total.Requests != c.requests {
			t.Errorf("%d cost %d requests", c.all, total.Requests)
		}
		var got []string
		for d, ok := h.head("c"); ok; d, ok = h.head("c") {
			got = append(got, d.Event.ID)
			if err := h.backlog.Succeeded(t.Context(), d, backlog.Attempt{At: h.now, Told: 1, Status: 204}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want[c.all-c.left:], got); diff != "" {
			t.Error(diff)
		}
	}
}
