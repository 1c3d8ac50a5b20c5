// Package deployment is one Roost wherever it runs: its ports, what its
// operator has set, and the domain put together on them. The functions, the
// session host and the local process all start from a Deployment; only how it
// was opened differs (on AWS: package cloud).
package deployment

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/queue"
	"roost/shared/seal"
	"roost/shared/table"
)

// Deployment is what every part of one Roost shares.
type Deployment struct {
	Table  table.Table
	Queues queue.Opener
	Bucket blob.Bucket
	// Wrapper wraps data keys. Parts that neither seal nor open have none.
	Wrapper seal.Wrapper

	// ServerURL is where clients reach the API, without a slash at the end; ""
	// makes the API take it from each request and leaves it out of webhooks.
	ServerURL string
	// Networks are those beside the public internet that URLs of users may lead
	// to: webhooks, and files to send. What listens there is open to every user;
	// on Lambda, loopback is the function's own runtime.
	Networks []netip.Prefix
	// HTTP lets URLs of users be called over http, and not only over https. In
	// Networks they are anyway.
	HTTP bool
	Log  *slog.Logger
	// KeepArchives is how long archives of deleted instances and exports stay in
	// the bucket, 0 for ever. The sweep removes them, with their media.
	KeepArchives time.Duration

	// Scheduled is told whenever a webhook has something to wait for, where one
	// process is all there is; nil elsewhere.
	Scheduled func(time.Time)
}

// Sealer opens the data key of tokens and webhooks. It costs a read and an
// Unwrap, so keep it.
func (d Deployment) Sealer(ctx context.Context) (*seal.Sealer, error) {
	sealer, err := seal.DataKey(ctx, d.Table, d.Wrapper, "api")
	if err != nil {
		return nil, fmt.Errorf("open the data key: %w", err)
	}
	return sealer, nil
}

// Events opens the queue of events.
func (d Deployment) Events(ctx context.Context) (queue.Queue, error) {
	return d.open(ctx, event.Queue, event.Options)
}

// Publisher opens the queue of events for putting onto it.
func (d Deployment) Publisher(ctx context.Context) (*event.Publisher, error) {
	events, err := d.Events(ctx)
	if err != nil {
		return nil, err
	}
	return event.NewPublisher(events, d.Bucket), nil
}

// Backlog is what webhooks are still to be told.
func (d Deployment) Backlog() *backlog.Repository {
	return backlog.NewRepository(d.Table, d.Bucket, backlog.Options{Scheduled: d.Scheduled})
}

// Wakeups opens the queue of wake-ups for what webhooks are still to be told.
func (d Deployment) Wakeups(ctx context.Context) (queue.Queue, error) {
	return d.open(ctx, backlog.Queue, backlog.QueueOptions)
}

// Outside is what URLs of users may lead to.
func (d Deployment) Outside() egress.Policy { return egress.Policy{Allow: d.Networks, HTTP: d.HTTP} }

// ArchiveJobs opens the queue of archive jobs.
func (d Deployment) ArchiveJobs(ctx context.Context) (queue.Queue, error) {
	return d.open(ctx, archive.Queue, archive.Options)
}

// Commands asks the session hosts.
func (d Deployment) Commands() *command.Client {
	return command.NewClient(d.Table, d.Bucket, d.Queues)
}

func (d Deployment) open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	q, err := d.Queues.Open(ctx, name, options)
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	return q, nil
}
