// Package coalesce lets callers share requests: those that come while one is
// under way go together in the next. Who comes alone waits for nothing.
package coalesce

import (
	"context"
	"sync"
)

// Coalescer makes one request of the jobs of several callers. It is safe for
// concurrent use.
type Coalescer[T any] struct {
	do    func(ctx context.Context, jobs []T) error
	limit int

	mu      sync.Mutex // guards what follows
	busy    bool       // somebody leads
	waiting []*caller[T]
}

// caller waits for its turn.
type caller[T any] struct {
	job  T
	turn chan turn
}

// turn is what a caller has waited for.
type turn int

const (
	done  turn = iota + 1 // its job is
	alone                 // the request with the others has failed: now each for itself
	lead                  // make a request of your job and those that wait
)

// New makes a coalescer of a function that does up to so many jobs in one
// request, all or some of them. Doing one again must do no harm.
func New[T any](limit int, do func(ctx context.Context, jobs []T) error) *Coalescer[T] {
	return &Coalescer[T]{do: do, limit: max(limit, 1)}
}

// Do returns when the job is done, with that of others or alone. A request of
// several that fails, for whatever reason, is made again for each job alone: an
// error is of this job and this context.
func (c *Coalescer[T]) Do(ctx context.Context, job T) error {
	c.mu.Lock()
	if !c.busy {
		c.busy = true
		c.mu.Unlock()
		return c.lead(ctx, job)
	}
	me := &caller[T]{job, make(chan turn, 1)}
	c.waiting = append(c.waiting, me)
	c.mu.Unlock()
	switch <-me.turn {
	case lead:
		return c.lead(ctx, job)
	case alone:
		return c.do(ctx, []T{job})
	case done:
	}
	return nil
}

// lead makes one request and hands the lead on.
func (c *Coalescer[T]) lead(ctx context.Context, job T) error {
	c.mu.Lock()
	with := c.waiting[:min(len(c.waiting), c.limit-1)]
	c.waiting = c.waiting[len(with):]
	c.mu.Unlock()
	jobs := []T{job}
	for _, other := range with {
		jobs = append(jobs, other.job)
	}
	err := c.together(ctx, jobs, with)
	if err == nil || len(jobs) == 1 {
		return err
	}
	return c.do(ctx, jobs[:1])
}

// together makes the request of a leader and others, and tells them. A panic is
// the leader's: the others go on alone.
func (c *Coalescer[T]) together(ctx context.Context, jobs []T, with []*caller[T]) error {
	outcome := alone
	defer func() {
		for _, other := range with {
			other.turn <- outcome
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.waiting) == 0 {
			c.busy = false
			return
		}
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		next.turn <- lead
	}()
	if err := c.do(ctx, jobs); err != nil {
		return err
	}
	outcome = done
	return nil
}
