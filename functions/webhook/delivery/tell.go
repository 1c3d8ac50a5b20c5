package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/event"
	"roost/shared/table"
	"roost/shared/webhook"
)

// tell takes events of one chat to every subscription, and answers how many of
// them are done: told, or waiting. What it asks the table for may have been read
// in around.
func (h *Handler) tell(ctx context.Context, around table.Table, told []*arrival) (int, error) {
	first := told[0].event
	all, err := h.cfg.Webhooks.Over(around).For(ctx, first.Tenant, first.Instance)
	if err != nil {
		return 0, err
	}
	var tellers []*teller
	var ids []backlog.ID
	var lanes []backlog.Lane
	var health []backlog.Health
	for _, s := range all {
		if !s.Enabled {
			continue
		}
		t := &teller{Handler: h, subscription: s, lane: backlog.LaneOf(first, s.ID), health: backlog.HealthOf(first.Tenant, first.Instance, s)}
		if t.find(ctx, told); len(t.letters) == 0 {
			continue
		}
		tellers, lanes, health = append(tellers, t), append(lanes, t.lane), append(health, t.health)
		for _, l := range t.letters {
			if !told[l.index].fresh { // somebody may have been told
				ids = append(ids, l.delivery.ID)
			}
		}
	}
	if len(tellers) == 0 {
		return len(told), nil
	}
	known, err := h.cfg.Backlog.Over(around).Look(ctx, first.Instance, ids, lanes, health)
	if err != nil {
		return 0, err
	}
	done, failures := make([]int, len(tellers)), make([]error, len(tellers))
	var running sync.WaitGroup
	for n, t := range tellers {
		running.Go(func() {
			defer func() { // a panic here would take the other chats along
				if cause := recover(); cause != nil {
					done[n], failures[n] = 0, fmt.Errorf("webhook %s: panic: %v", t.subscription.ID, cause)
				}
			}()
			if done[n], failures[n] = t.run(ctx, known, len(told)); failures[n] != nil {
				failures[n] = fmt.Errorf("webhook %s: %w", t.subscription.ID, failures[n])
			}
		})
	}
	running.Wait()
	least := len(told)
	for _, n := range done {
		least = min(least, n)
	}
	return least, errors.Join(failures...)
}

// teller takes the events of a batch to one subscription.
type teller struct {
	*Handler
	subscription webhook.Subscription
	lane         backlog.Lane
	health       backlog.Health
	letters      []letter
	failing      bool // the last that was heard of it is failure
}

// letter is an event that the subscription wants to hear of.
type letter struct {
	index    int // among the events of the batch
	delivery backlog.Delivery
	calls    []format.Call
}

// find chooses the events.
func (t *teller) find(ctx context.Context, told []*arrival) {
	for n, a := range told {
		e := a.event
		calls, err := t.words(a, t.subscription)
		if err != nil {
			t.cfg.Log.ErrorContext(ctx, "event cannot be put into words", "event", e.ID, "webhook", t.subscription.ID, "err", err)
			t.refuse(ctx, e)
			continue
		}
		if wantsAny(t.subscription, calls) {
			t.letters = append(t.letters, letter{n, backlog.NewDelivery(e, t.subscription.ID), calls})
		}
	}
}

// refuse lays an event aside that the subscription's format cannot read: trying
// again would not help, another version may.
func (t *teller) refuse(ctx context.Context, e event.Event) {
	d := backlog.NewDelivery(e, t.subscription.ID)
	d.Error = unspoken
	if err := t.cfg.Backlog.Record(ctx, backlog.Note{Delivery: d, State: backlog.Dead}); err != nil {
		t.cfg.Log.ErrorContext(ctx, "event cannot be laid aside", "event", e.ID, "webhook", t.subscription.ID, "err", err)
	}
}

const unspoken = "the event cannot be put into the webhook's format"

// calls are those that an event makes at a subscription.
func (h *Handler) calls(e event.Event, s webhook.Subscription) ([]format.Call, error) {
	name := s.Format
	if name == "" {
		name = webhook.FormatEvolution
	}
	translate, ok := h.formats[name]
	if !ok {
		return nil, fmt.Errorf("nobody speaks the format %q", name)
	}
	return translate(e)
}

func wantsAny(s webhook.Subscription, calls []format.Call) bool {
	for _, c := range calls {
		if s.Wants(c.Name) {
			return true
		}
	}
	return false
}

// run answers how many of the batch's events are done for this subscription.
func (t *teller) run(ctx context.Context, known backlog.Known, all int) (int, error) {
	t.failing = known.Failing(t.health)
	// One that has taken nothing for a while is tried by wake-ups only, of which
	// few are worked on at once: with the chats of a large instance it would keep
	// everybody busy who takes events, each for its time limit.
	waits := known.Waits(t.lane) || known.FailedSince(t.health, t.now().Add(-detour))
	until := t.now().Add(patience)
	for n, l := range t.letters {
		if known.Has(l.delivery.ID) {
			continue
		}
		if waits { // and so does all that follows
			var rest []backlog.Delivery
			for _, l := range t.letters[n:] {
				if !known.Has(l.delivery.ID) {
					rest = append(rest, l.delivery)
				}
			}
			if err := t.wait(ctx, rest, 0); err != nil {
				return l.index, err
			}
			break
		}
		attempt, verdict := t.call(ctx, l.delivery, l.calls, t.subscription, until)
		switch verdict.outcome {
		case told:
			// Nothing is told before its forerunner is noted: else a process
			// that dies here would tell the two again the other way round.
			if err := t.notes.Do(ctx, backlog.Note{Delivery: l.delivery.Tried(attempt), State: backlog.Delivered}); err != nil {
				return l.index, err
			}
			t.recovered(ctx)
		case unfinished, early: // without a failure
			l.delivery.Told = attempt.Told
			var pause time.Duration
			if verdict.outcome == early {
				pause = filePause
			}
			if err := t.wait(ctx, []backlog.Delivery{l.delivery}, pause); err != nil {
				return l.index, err
			}
			waits = true
		case failed:
			if err := t.failed(ctx, l.delivery.Tried(attempt), verdict); err != nil {
				return l.index, err
			}
			waits = true
		}
		if t.now().After(until) {
			waits = true
		}
	}
	return all, nil
}

// detour is after how long of nothing but failures first calls are left to
// wake-ups.
const detour = time.Minute

// wait puts deliveries behind those that wait already, or first, and then for so
// long.
func (t *teller) wait(ctx context.Context, all []backlog.Delivery, pause time.Duration) error {
	due, err := t.cfg.Backlog.AppendAll(ctx, all, t.now().Add(pause))
	if err != nil {
		return err
	}
	t.wake(ctx, t.lane, due)
	return nil
}

// failed opens a lane with a delivery that has failed.
func (t *teller) failed(ctx context.Context, d backlog.Delivery, v verdict) error {
	pause, _ := t.pause(d.Attempts, v.retryAfter)
	if t.ailing(ctx, d, t.subscription, t.health, v) {
		pause = 0 // to become a dead letter
	}
	due, err := t.cfg.Backlog.Append(ctx, d, t.now().Add(pause))
	if err != nil {
		return err
	}
	t.wake(ctx, t.lane, due)
	return nil
}

func (t *teller) recovered(ctx context.Context) {
	if !t.failing {
		return
	}
	if err := t.cfg.Backlog.Recover(ctx, t.health); err != nil {
		t.cfg.Log.WarnContext(ctx, "recovery cannot be noted", "webhook", t.subscription.ID, "err", err)
		return
	}
	t.failing = false
}
