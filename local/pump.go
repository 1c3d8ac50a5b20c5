package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	batches "roost/shared/batch"
	"roost/shared/queue"
	"roost/shared/table"
)

// maxInvocations is how many batches of a queue are handled at once. Each
// holds at most ten messages, and no two of one group.
const maxInvocations = 32

// maxPollers is how many receive from a queue at once. Each receive is a commit
// of ten messages at most; those of several pollers share one.
const maxPollers = 8

// pump is what AWS does between a FIFO queue and a function: it invokes the
// handler with batches, takes off the queue what was handled, and gives back
// what failed.
type pump struct {
	name    string
	queue   queue.Queue
	invoke  func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	limit   int                              // messages a batch, 0 for as many as there may be
	hide    time.Duration                    // how long a batch is hidden while it is handled
	backoff func(receives int) time.Duration // how long a failure is hidden, nil when the handler sees to it
	log     *slog.Logger

	// again: what the handler writes it writes again for a message that comes back,
	// since it has taken away nothing that it would need.
	again bool

	slots   chan struct{} // taken by invocations
	helpers chan struct{} // taken by pollers beside run
	running sync.WaitGroup
}

// run pumps until ctx ends, and returns when the last handler has. A full batch
// means that more waits: then others receive as well, until nothing does.
func (p *pump) run(ctx context.Context) {
	if p.limit == 0 {
		p.limit = queue.MaxReceive
	}
	p.slots, p.helpers = make(chan struct{}, maxInvocations), make(chan struct{}, maxPollers-1)
	defer p.running.Wait()
	for ctx.Err() == nil {
		if p.receive(ctx, queue.MaxWait) {
			p.help(ctx)
		}
	}
}

// receive takes one batch and has it handled. It reports whether it was full.
func (p *pump) receive(ctx context.Context, patience time.Duration) bool {
	batch, err := p.queue.Receive(ctx, p.limit, patience, p.hide)
	if err != nil {
		if ctx.Err() == nil {
			p.log.ErrorContext(ctx, "queue cannot be received from", "queue", p.name, "err", err)
			wait(ctx, time.Second)
		}
		return false
	}
	if len(batch) == 0 {
		return false
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return false // the batch comes back when its visibility ends
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		p.handle(ctx, batch)
	})
	return len(batch) == p.limit
}

// help receives beside run until there is no full batch, unless enough do.
func (p *pump) help(ctx context.Context) {
	select {
	case p.helpers <- struct{}{}:
	default:
		return
	}
	p.running.Go(func() {
		defer func() { <-p.helpers }()
		for ctx.Err() == nil && p.receive(ctx, 0) {
			p.help(ctx)
		}
	})
}

func (p *pump) handle(ctx context.Context, batch []queue.Delivery) {
	working := ctx
	if p.again {
		working = table.Unsynced(ctx)
	}
	response, err := p.invoke(working, batches.Event(batch...))
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var done []string
	// What was handled is taken off the queue even if the process is asked to
	// end meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, d := range batch {
		if err == nil && !failed[d.ID] {
			done = append(done, d.Receipt)
			continue
		}
		if p.backoff == nil {
			continue
		}
		if err := p.queue.ChangeVisibility(ctx, d.Receipt, p.backoff(d.Receives)); err != nil {
			p.log.DebugContext(ctx, "message cannot be given back", "queue", p.name, "err", err)
		}
	}
	if err != nil {
		p.log.ErrorContext(ctx, "function failed", "queue", p.name, "err", err)
	}
	if len(done) == 0 {
		return
	}
	if err := p.queue.Delete(ctx, done...); err != nil {
		p.log.ErrorContext(ctx, "messages cannot be taken off the queue", "queue", p.name, "err", err)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
