package backlog

import (
	"context"
	"log/slog"
	"time"

	"roost/shared/queue"
)

// lost is after how long an alarm looks again for lanes that it has woken: their
// wake-up may have been lost with whoever was to send it.
const lost = time.Minute

// Alarm wakes lanes when they are due, in a system of one process. While nothing
// waits it sleeps for good.
type Alarm struct {
	queue queue.Queue
	log   *slog.Logger
	ring  chan struct{}
}

// NewAlarm makes an alarm. Its Set belongs into [Options].Scheduled of the
// repository that it is to Run with.
func NewAlarm(q queue.Queue, log *slog.Logger) *Alarm {
	return &Alarm{queue: q, log: log, ring: make(chan struct{}, 1)}
}

// Set tells that something is due at a time.
func (a *Alarm) Set(time.Time) {
	select {
	case a.ring <- struct{}{}:
	default:
	}
}

// Run wakes lanes until ctx ends.
func (a *Alarm) Run(ctx context.Context, r *Repository) {
	for {
		wait, err := a.wake(ctx, r)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			a.log.ErrorContext(ctx, "deliveries cannot be woken", "err", err)
			wait = lost
		}
		if !a.sleep(ctx, wait) {
			return
		}
	}
}

// sleep returns when it is time to look again, false when ctx has ended.
func (a *Alarm) sleep(ctx context.Context, wait time.Duration) bool {
	var rings <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		rings = timer.C
	}
	select {
	case <-rings:
		return true
	case <-a.ring:
		return true
	case <-ctx.Done():
		return false
	}
}

// wake returns how long to sleep; 0 for good.
func (a *Alarm) wake(ctx context.Context, r *Repository) (time.Duration, error) {
	now := r.now()
	woken, err := r.Wake(ctx, a.queue)
	if err != nil {
		return 0, err
	}
	next, err := r.Next(ctx, now)
	if err != nil {
		return 0, err
	}
	var wait time.Duration
	if !next.IsZero() {
		wait = max(next.Sub(now), time.Millisecond)
	}
	if woken.Lanes > 0 && (wait == 0 || wait > lost) {
		wait = lost
	}
	return wait, nil
}
