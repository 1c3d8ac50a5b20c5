package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/event"
	"roost/shared/table"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// arrival is an event of a batch.
type arrival struct {
	event    event.Event
	prepared transcript.Prepared
	err      error // why it cannot be read
	kept     bool  // it is in the transcript
	fresh    bool  // it was never there before: nobody has been told of it

	words map[string]words // by format
}

// words are an event in a format.
type words struct {
	calls []format.Call
	err   error
}

// intake is a batch of events, taken in together: one read for all that is
// stored around them, and one write for the transcript where all goes well. What
// does not go well is left to be done chat by chat and event by event, as if
// there were no batch.
type intake struct {
	arrivals map[string]*arrival // by the ids of their records
	around   table.Table         // which does not ask again for what was read
}

// take reads the events of a batch and keeps those it can.
func (h *Handler) take(ctx context.Context, records []events.SQSMessage) (in *intake) {
	in = &intake{arrivals: make(map[string]*arrival, len(records)), around: h.cfg.Table}
	defer func() { // the chats are still there, each for itself
		if cause := recover(); cause != nil {
			h.cfg.Log.ErrorContext(ctx, "batch cannot be taken together", "err", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	}()
	h.readAll(ctx, in, records)
	if len(in.arrivals) == 0 {
		return in
	}
	around := table.NewUnit(h.cfg.Table)
	if err := around.Ahead(ctx, h.keys(in)); err != nil {
		h.cfg.Log.WarnContext(ctx, "batch cannot be read together", "err", err)
		return in
	}
	in.around = around
	h.commit(ctx, h.keepTogether(ctx, in, records))
	return in
}

// readAll reads the events of a batch, those that the queue could not hold at the
// same time.
func (h *Handler) readAll(ctx context.Context, in *intake, records []events.SQSMessage) {
	var fetching sync.WaitGroup
	var mu sync.Mutex // guards in.arrivals
	take := func(record events.SQSMessage) {
		a := h.read(ctx, record)
		mu.Lock()
		defer mu.Unlock()
		in.arrivals[record.MessageId] = a
	}
	for _, record := range records {
		switch body := []byte(record.Body); {
		case backlog.IsWakeup(body):
		case event.IsAside(body):
			fetching.Go(func() { take(record) })
		default:
			take(record)
		}
	}
	fetching.Wait()
}

func (h *Handler) read(ctx context.Context, record events.SQSMessage) (a *arrival) {
	a = &arrival{words: map[string]words{}}
	defer func() {
		if cause := recover(); cause != nil {
			a.err = fmt.Errorf("panic: %v", cause)
		}
	}()
	if a.event, a.err = event.Read(ctx, h.cfg.Bucket, []byte(record.Body)); a.err == nil {
		a.prepared, a.err = transcript.Prepare(a.event)
	}
	return a
}

// of is the event of a record.
func (in *intake) of(ctx context.Context, h *Handler, record events.SQSMessage) *arrival {
	if a := in.arrivals[record.MessageId]; a != nil {
		return a
	}
	return h.read(ctx, record)
}

// keys are what is going to be read of the table: for the transcript, of the
// webhooks, and what these were told, if they are still those of last time.
func (h *Handler) keys(in *intake) []table.Key {
	seen := map[table.Key]bool{}
	var keys []table.Key
	add := func(some []table.Key) {
		for _, key := range some {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	for _, a := range in.arrivals {
		if a.err != nil {
			continue
		}
		e := a.event
		add(a.prepared.Keys())
		add(webhook.Versions(e.Tenant, e.Instance))
		for _, s := range h.cfg.Webhooks.Likely(e.Tenant, e.Instance) {
			if !s.Enabled {
				continue
			}
			if calls, err := h.words(a, s); err == nil && wantsAny(s, calls) {
				var ids []backlog.ID
				if !a.prepared.Once() {
					ids = []backlog.ID{{Event: e.ID, Subscription: s.ID}}
				}
				add(backlog.Keys(e.Instance, ids, []backlog.Lane{backlog.LaneOf(e, s.ID)},
					[]backlog.Health{backlog.HealthOf(e.Tenant, e.Instance, s)}))
			}
		}
	}
	return keys
}

// words puts an event into a subscription's format, once.
func (h *Handler) words(a *arrival, s webhook.Subscription) ([]format.Call, error) {
	w, ok := a.words[s.Format]
	if !ok {
		w.calls, w.err = h.calls(a.event, s)
		a.words[s.Format] = w
	}
	return w.calls, w.err
}

// piece is what the transcript wants to be written for some events of a chat.
type piece struct {
	arrivals []*arrival
	unit     *table.Unit
}

// keepTogether prepares the writes for each chat of a batch.
func (h *Handler) keepTogether(ctx context.Context, in *intake, records []events.SQSMessage) []piece {
	groups := batch.Split(records)
	pieces := make([]piece, len(groups))
	var running sync.WaitGroup
	for n, group := range groups {
		running.Go(func() {
			unit := table.NewUnit(in.around)
			defer func() {
				if recover() != nil { // again, and told of, when the chat has its turn
					pieces[n].arrivals = nil
				}
			}()
			for _, record := range group {
				a := in.arrivals[record.MessageId]
				if a == nil || a.err != nil || !a.prepared.Little() {
					break
				}
				fresh, err := h.cfg.Transcripts.Over(unit).StorePrepared(ctx, a.prepared)
				if err != nil {
					break // of this one some may be in the unit: it can be done again
				}
				a.fresh = fresh // if it is kept
				pieces[n].arrivals = append(pieces[n].arrivals, a)
			}
			pieces[n].unit = unit
		})
	}
	running.Wait()
	return pieces
}

// commit writes the pieces of a batch, as many as possible together.
func (h *Handler) commit(ctx context.Context, pieces []piece) {
	for len(pieces) > 0 {
		parcel := table.NewUnit(h.cfg.Table)
		var packed, left []piece
		count, size := 0, 0
		for _, p := range pieces {
			if len(p.arrivals) == 0 {
				continue
			}
			ops := p.unit.Ops()
			more := 0
			for _, op := range ops {
				more += table.Size(op.Item)
			}
			fits := count+len(ops) <= table.MaxTransactionOps && size+more <= table.MaxTransactionSize
			switch {
			case fits && parcel.Write(ctx, ops...) == nil:
				packed, count, size = append(packed, p), count+len(ops), size+more
			case len(packed) > 0: // it is about the same items, or too much beside the others
				left = append(left, p)
			default: // too much for one transaction
			}
		}
		h.commitParcel(ctx, parcel, packed)
		pieces = left
	}
}

func (h *Handler) commitParcel(ctx context.Context, parcel *table.Unit, packed []piece) {
	err := parcel.Commit(ctx)
	if err == nil {
		for _, p := range packed {
			p.kept()
		}
		return
	}
	if len(packed) < 2 || !errors.Is(err, table.ErrConflict) {
		return
	}
	var running sync.WaitGroup
	for _, p := range packed { // one of them is not as it was read
		running.Go(func() {
			if h.cfg.Table.Write(ctx, p.unit.Ops()...) == nil {
				p.kept()
			}
		})
	}
	running.Wait()
}

func (p piece) kept() {
	for _, a := range p.arrivals {
		a.kept = true
	}
}
