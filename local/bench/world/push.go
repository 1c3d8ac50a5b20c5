package world

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"roost/local/bench/latency"
	"roost/simulator"
	"roost/simulator/content"
)

const (
	// grace is how long nothing may come before what is missing counts as lost.
	grace = 15 * time.Second
	// drain is how long all of it may take after the last was sent.
	drain = 90 * time.Second
)

// Pushed is what became of messages that people have written.
type Pushed struct {
	Sent       int
	Lost       int // their webhook request never came
	Duplicates int // came again
	Seconds    float64
	// Latency is from the frame being written to the webhook request being
	// received, Late how far behind its schedule the load itself was.
	Latency, Late latency.Distribution
}

// marker stands in the text of a message before the number of its run and its
// own, 3 and 8 digits.
const marker = "pushed~"

// push is a run of messages that is under way.
type push struct {
	number  int
	ids     map[string]int // by message id; not changed any more
	written []atomic.Int64 // when, Unix nanoseconds
	got     []atomic.Bool
	missing atomic.Int64
	again   atomic.Int64
	all     chan struct{} // closed when nothing is missing
	latency latency.Recorder
}

// wrote is what the simulator tells of each message for a companion.
func (w *World) wrote(id string, at time.Time) {
	p := w.pushing.Load()
	if p == nil {
		return
	}
	if i, ours := p.ids[id]; ours {
		p.written[i].CompareAndSwap(0, at.UnixNano())
	}
}

// hook receives webhooks.
func (w *World) hook(rw http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	p := w.pushing.Load()
	if p == nil {
		return
	}
	_, rest, found := bytes.Cut(body, []byte(marker))
	if !found || len(rest) < 12 {
		return
	}
	run, err1 := strconv.Atoi(string(rest[:3]))
	i, err2 := strconv.Atoi(string(rest[4:12]))
	if err1 != nil || err2 != nil || run != p.number || i < 0 || i >= len(p.got) {
		return
	}
	if p.got[i].Swap(true) {
		p.again.Add(1)
		return
	}
	p.latency.Add(time.Duration(at.UnixNano() - p.written[i].Load()))
	if p.missing.Add(-1) == 0 {
		close(p.all)
	}
}

// Push makes the contacts of instances write to them.
func (w *World) Push(ctx context.Context, l Load) (Pushed, error) {
	order := l.order()
	p := &push{
		number: int(w.runs.Add(1)) % 1000, ids: make(map[string]int, len(order)), all: make(chan struct{}),
		written: make([]atomic.Int64, len(order)), got: make([]atomic.Bool, len(order)),
	}
	p.missing.Store(int64(len(order)))
	prepared := make([]*simulator.Prepared, len(order))
	for i, who := range order { // before the clock runs: the senders' work is not measured
		phone, err := w.sim.Phone(l.Fleet.Phone(who), "")
		if err != nil {
			return Pushed{}, err
		}
		contact, err := w.sim.Contact(l.Fleet.Contact(who), "Contact "+strconv.Itoa(who))
		if err != nil {
			return Pushed{}, err
		}
		text := fmt.Sprintf("%s%03d-%08d %s", marker, p.number, i, filler)
		if prepared[i], err = contact.Prepare(phone.LID(), content.Text(text)); err != nil {
			return Pushed{}, err
		}
		p.ids[prepared[i].ID()] = i
	}
	w.pushing.Store(p)
	defer w.pushing.Store(nil)
	var late latency.Recorder
	begin := time.Now()
	err := l.run(ctx, func(i int, due time.Time) {
		late.Add(time.Since(due))
		prepared[i].Deliver()
	})
	if err != nil {
		return Pushed{}, err
	}
	if err := p.arrive(ctx); err != nil {
		return Pushed{}, err
	}
	return Pushed{
		Sent: len(order), Lost: int(p.missing.Load()), Duplicates: int(p.again.Load()), Seconds: time.Since(begin).Seconds(),
		Latency: p.latency.Distribution(), Late: late.Distribution(),
	}, nil
}

// arrive waits for what is under way: as long as something still comes, it is
// late and not lost.
func (p *push) arrive(ctx context.Context) error {
	missing, until := int64(-1), time.Now().Add(drain)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.all:
			return nil
		case now := <-timer.C:
			left := p.missing.Load()
			if left == missing || now.After(until) {
				return nil
			}
			missing = left
			timer.Reset(grace)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// filler makes messages as long as people's are.
var filler = strings.Repeat("lorem ipsum ", 8)
