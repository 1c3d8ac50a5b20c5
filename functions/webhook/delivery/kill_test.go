package delivery_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"roost/functions/webhook/delivery"
	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/blob/folder"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/seal"
	"roost/shared/sqlite"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// folderVariable names where TestProcess works; set by TestKilledProcess only.
const folderVariable = "DELIVERY_PROCESS_FOLDER"

// ports are a delivery's, in a folder that several processes share.
type ports struct {
	table   *tablesqlite.Table
	queues  *queuesqlite.Queues
	bucket  *folder.Folder
	sealer  *seal.Sealer
	events  queue.Queue
	wakeups queue.Queue
}

func openPorts(t *testing.T, directory string) ports {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(directory, "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := ports{table: tablesqlite.New(db), queues: queuesqlite.New(db)}
	if p.bucket, err = folder.Open(filepath.Join(directory, "blob"), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"}); err != nil {
		t.Fatal(err)
	}
	if p.sealer, err = seal.New(bytes.Repeat([]byte("k"), 32)); err != nil {
		t.Fatal(err)
	}
	if p.events, err = p.queues.Open(t.Context(), event.Queue, event.Options); err != nil {
		t.Fatal(err)
	}
	if p.wakeups, err = p.queues.Open(t.Context(), backlog.Queue, backlog.QueueOptions); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProcess is no test: it is the process that TestKilledProcess kills.
func TestProcess(t *testing.T) {
	directory := os.Getenv(folderVariable)
	if directory == "" {
		t.Skip("is run by TestKilledProcess")
	}
	p := openPorts(t, directory)
	if _, err := p.queues.Release(t.Context()); err != nil { // whoever was before is dead
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	alarm := backlog.NewAlarm(p.wakeups, log)
	repository := backlog.NewRepository(p.table, p.bucket, backlog.Options{Scheduled: alarm.Set, Waiting: 100_000}) // full lanes are TestALaneIsBounded's
	handler := delivery.New(delivery.Config{
		Table: p.table, Transcripts: transcript.NewRepository(p.table, p.bucket), Webhooks: webhook.NewRepository(p.table, p.sealer), Backlog: repository,
		Wakeups: p.wakeups, Events: event.NewPublisher(p.events, p.bucket), Bucket: p.bucket,
		Client: delivery.NewClient(egress.Policy{Allow: egress.Loopback}), Log: log,
		Postpone: p.events.ChangeVisibility, Hold: p.wakeups.ChangeVisibility,
	})
	handler.SetPause(func(int, time.Duration) (time.Duration, bool) {
		return time.Duration(10+rand.IntN(40)) * time.Millisecond, true
	})
	var running sync.WaitGroup
	running.Go(func() { alarm.Run(t.Context(), repository) })
	for _, q := range []queue.Queue{p.events, p.events, p.wakeups, p.wakeups} {
		running.Go(func() { consumeForever(t.Context(), handler, q) })
	}
	fmt.Println("ready") // to who waits for it
	running.Wait()
}

func consumeForever(ctx context.Context, handler *delivery.Handler, q queue.Queue) {
	for ctx.Err() == nil {
		got, err := q.Receive(ctx, 10, queue.MaxWait, delivery.Visibility)
		if err != nil || len(got) == 0 {
			continue
		}
		response, err := handler.Handle(ctx, batch.Event(got...))
		for _, d := range got {
			failed := slices.ContainsFunc(response.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == d.ID })
			if err == nil && !failed {
				_ = q.Delete(ctx, d.Receipt) // else it comes again
			}
		}
	}
}

// TestKilledProcess kills the delivering process under load, at random instants:
// 8 times, or as often as DELIVERY_KILLS says. DELIVERY_SEED repeats a run.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	kills, seed := 8, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("DELIVERY_KILLS")); err == nil {
		kills = n
	}
	if n, err := strconv.ParseUint(os.Getenv("DELIVERY_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("DELIVERY_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	directory := t.TempDir()
	p := openPorts(t, directory)
	l := &listener{heard: map[string][]int{}, ids: map[string]string{}, random: rand.New(rand.NewPCG(seed, 2)), changed: make(chan struct{}, 1)}
	r := newReceiver(t, nil)
	r.answer = func(w http.ResponseWriter, _ *http.Request, n int) { l.hear(t, w, r, n) }
	s := webhook.Subscription{ID: "a", URL: r.URL, Enabled: true, Events: []string{"MESSAGES_UPSERT"}}
	if _, err := webhook.NewRepository(p.table, p.sealer).Put(t.Context(), "i1", s); err != nil {
		t.Fatal(err)
	}
	load := &load{t: t, events: event.NewPublisher(p.events, p.bucket), sent: map[string]int{}}
	for range kills {
		child := start(t, directory)
		load.during(time.Duration(random.IntN(150)) * time.Millisecond)
		child.kill()
	}
	child := start(t, directory)
	patience := time.After(2 * time.Minute)
	for !l.has(load.sent) {
		select {
		case <-l.changed:
		case <-patience:
			t.Fatalf("waited in vain for %v, heard up to %v", load.sent, l.heard)
		}
	}
	child.kill()
	l.check(t, load.sent)
	repository := backlog.NewRepository(p.table, p.bucket, backlog.Options{})
	if dead, err := repository.List(t.Context(), "i1", backlog.Filter{State: backlog.Dead}); err != nil || len(dead.Deliveries) != 0 {
		t.Errorf("%d dead letters, %v", len(dead.Deliveries), err)
	}
}

// load are events in a few chats.
type load struct {
	t      *testing.T
	events *event.Publisher
	sent   map[string]int // by chat
}

// during publishes for a time, and at least once.
func (l *load) during(d time.Duration) {
	l.t.Helper()
	end := time.After(d)
	for n := 0; ; n++ {
		chat := fmt.Sprintf("c%d", n%5)
		id := fmt.Sprintf("%s-%d", chat, l.sent[chat])
		if err := l.events.Publish(l.t.Context(), text(l.t, chat, id)); err != nil {
			l.t.Fatal(err)
		}
		l.sent[chat]++
		select {
		case <-end:
			return
		default:
		}
	}
}

// listener is an endpoint that refuses some calls.
type listener struct {
	mu      sync.Mutex
	heard   map[string][]int  // numbers of messages taken, by chat
	ids     map[string]string // webhook-id by message
	refused int
	random  *rand.Rand
	changed chan struct{}
}

func (l *listener) hear(t *testing.T, w http.ResponseWriter, r *receiver, n int) {
	t.Helper()
	r.mu.Lock()
	c := r.calls[n]
	r.mu.Unlock()
	id := c.messageID(t)
	chat, text, _ := strings.Cut(id, "-")
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Errorf("heard of %q", id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen := l.ids[id]; seen != "" && seen != c.Header.Get("webhook-id") {
		t.Errorf("%s is called %s and %s", id, seen, c.Header.Get("webhook-id"))
	}
	l.ids[id] = c.Header.Get("webhook-id")
	if l.random.IntN(10) == 0 {
		l.refused++
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	l.heard[chat] = append(l.heard[chat], number)
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *listener) has(sent map[string]int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for chat, n := range sent {
		if len(l.heard[chat]) == 0 || l.heard[chat][len(l.heard[chat])-1] != n-1 {
			return false
		}
	}
	return true
}

// check holds what was heard against what was sent: all of it, in order, where
// a call may be repeated before the next one is made.
func (l *listener) check(t *testing.T, sent map[string]int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all, again := 0, 0
	for chat, n := range sent {
		all += n
		again += len(l.heard[chat]) - n
		if distinct := slices.Compact(slices.Clone(l.heard[chat])); len(distinct) != n || !slices.IsSorted(distinct) {
			t.Errorf("chat %s: %d sent, heard %v", chat, n, l.heard[chat])
		}
	}
	t.Logf("%d events, %d calls refused, %d events told again under the same id", all, l.refused, again)
}

// child is a process that delivers.
type child struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
}

func start(t *testing.T, directory string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], "-test.run=^TestProcess$"), output: &bytes.Buffer{}}
	c.cmd.Env = append(os.Environ(), folderVariable+"="+directory)
	c.cmd.Stderr = c.output
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process said %q, %v, %s", line, err, c.output)
	}
	return c
}

// kill ends the process as a power cut does.
func (c *child) kill() {
	if c.cmd != nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		c.cmd = nil
	}
}
