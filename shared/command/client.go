package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"roost/shared/blob"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/table"
)

const (
	// Shared is the queue of commands for instances that no host holds.
	Shared = "commands"
	// maxInline is how large arguments may be on the queue; larger ones go
	// through the bucket.
	maxInline = 200 << 10
	// firstLook and longestLook bound the back-off of a caller that cannot
	// watch the table.
	firstLook   = 10 * time.Millisecond
	longestLook = 400 * time.Millisecond
	// ownerLook is how often a caller that waits looks whether the instance has
	// another owner meanwhile.
	ownerLook = 2 * time.Second
	// MaxWait bounds how long an answer is waited for, and with it the life of a
	// command on a queue.
	MaxWait = 30 * time.Second
	// nudgeLife is how long a host may take to hear of a nudge. The instance is
	// found without it, only later.
	nudgeLife = time.Minute
)

// Options are those of every command queue. A command that no host has answered
// is not worth much: a few tries and it goes to the dead letters.
var Options = queue.Options{MaxReceives: 5, DeadLetter: "commands-dead", Visibility: time.Minute}

// QueueOf names the queue of a host's own commands.
func QueueOf(host string) string { return Shared + "-" + host }

// Client asks session hosts. It is safe for concurrent use.
type Client struct {
	table     table.Table
	instances *instance.Repository
	bucket    blob.Bucket
	opener    queue.Opener

	mu     sync.Mutex
	queues map[string]queue.Queue
}

// NewClient asks over the queues of o, and gets its answers from t.
func NewClient(t table.Table, b blob.Bucket, o queue.Opener) *Client {
	return &Client{table: t, instances: instance.NewRepository(t), bucket: b, opener: o, queues: map[string]queue.Queue{}}
}

// Do asks for kind and waits for the answer until ctx ends, which must have a
// deadline, and for MaxWait at most: hosts drop what nobody waits for any more. The answer is decoded
// into out, which may be nil. Errors are those of the host, or Unavailable when
// none has answered. When the instance goes to another host meanwhile the
// command follows it: it has one id, and so one answer.
func (c *Client) Do(ctx context.Context, i instance.Instance, kind Kind, args, out any) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return fault.New(fault.Internal, "a command without a deadline")
	}
	if limit := time.Now().Add(MaxWait); deadline.After(limit) {
		limited, cancel := context.WithDeadline(ctx, limit)
		defer cancel()
		ctx, deadline = limited, limit
	}
	cmd := Command{ID: uuid.NewString(), Instance: i.ID, Kind: kind, Deadline: deadline}
	if send, is := args.(SendArgs); is {
		cmd.Aside = send.Delay > 0
	}
	if err := c.setArgs(ctx, &cmd, args); err != nil {
		return err
	}
	changed, stop := table.Watch(c.table, resultKey(cmd.ID))
	defer stop()
	if err := c.send(ctx, i.Host, cmd); err != nil {
		return err
	}
	result, err := c.await(ctx, i.Host, cmd, changed)
	if err != nil {
		return err
	}
	if err := result.Err(); err != nil {
		return err
	}
	if out == nil || len(result.Value) == 0 {
		return nil
	}
	if err := json.Unmarshal(result.Value, out); err != nil {
		return fmt.Errorf("read the answer to %s: %w", kind, err)
	}
	return nil
}

func (c *Client) setArgs(ctx context.Context, cmd *Command, args any) error {
	if args == nil {
		return nil
	}
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("marshal the arguments of %s: %w", cmd.Kind, err)
	}
	if len(body) <= maxInline {
		cmd.Args = body
		return nil
	}
	cmd.ArgsBlob = "commands/" + cmd.ID
	if _, err := c.bucket.Put(ctx, cmd.ArgsBlob, bytes.NewReader(body), int64(len(body)), "application/json"); err != nil {
		return fmt.Errorf("store the arguments of %s: %w", cmd.Kind, err)
	}
	return nil
}

// Forward passes a command on to the host that it should have gone to, or with
// "" to whichever hears of it first.
func (c *Client) Forward(ctx context.Context, host string, cmd Command) error {
	cmd.Hops++
	return c.send(ctx, host, cmd)
}

// Nudge tells a host, or with "" any, that an instance was released and waits
// for it.
func (c *Client) Nudge(ctx context.Context, host string, id instance.ID) error {
	return c.send(ctx, host, Command{ID: uuid.NewString(), Instance: id, Kind: Take, Deadline: time.Now().Add(nudgeLife)})
}

// send puts a command onto a host's queue. One that is not there any more
// belonged to a host that has ended: whoever hears of the command then knows
// better.
func (c *Client) send(ctx context.Context, host string, cmd Command) error {
	body, err := json.Marshal(cmd)
	if err != nil {
		return fmt.Errorf("marshal command: %w", err)
	}
	m := queue.Message{Group: string(cmd.Instance), Deduplication: cmd.deduplication(), Body: body}
	if host != "" {
		if err = c.put(ctx, QueueOf(host), m); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return c.put(ctx, Shared, m)
}

func (c *Client) put(ctx context.Context, name string, m queue.Message) error {
	q, err := c.queue(ctx, name)
	if err != nil {
		return err
	}
	err = q.Send(ctx, m)
	if errors.Is(err, queue.ErrNotFound) {
		c.forget(name, q)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the session hosts cannot be reached")
	}
	return nil
}

func (c *Client) queue(ctx context.Context, name string) (queue.Queue, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.queues[name]; q != nil {
		return q, nil
	}
	q, err := c.opener.Open(ctx, name, Options)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the session hosts cannot be reached")
	}
	c.queues[name] = q
	return q, nil
}

// forget drops a queue that is gone, so that the next caller opens it again.
func (c *Client) forget(name string, gone queue.Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queues[name] == gone {
		delete(c.queues, name)
	}
}

// await looks for the result when the table says that it has come, or with
// back-off where the table cannot tell. The command was sent just now: there is
// nothing to look for before the first of either.
func (c *Client) await(ctx context.Context, host string, cmd Command, changed <-chan struct{}) (Result, error) {
	followed := time.Now()
	for pause := firstLook; ; pause = min(pause*2, longestLook) {
		step, cancel := context.WithDeadline(ctx, followed.Add(ownerLook))
		_ = table.Wait(step, changed, pause)
		cancel()
		item, err := c.table.Get(ctx, resultKey(cmd.ID))
		if err == nil {
			var r Result
			if err := json.Unmarshal(item.Body, &r); err != nil {
				return Result{}, fmt.Errorf("read result %s: %w", cmd.ID, err)
			}
			return r, nil
		}
		if !errors.Is(err, table.ErrNotFound) && ctx.Err() == nil {
			return Result{}, fmt.Errorf("look for result %s: %w", cmd.ID, err)
		}
		if ctx.Err() != nil {
			return Result{}, fault.Coded(fault.Unavailable, "no_answer", "no session host has answered in time")
		}
		if time.Since(followed) >= ownerLook {
			host = c.follow(ctx, host, &cmd)
			followed = time.Now()
		}
	}
}

// follow sends a command after its instance, when that has another owner than
// host since, and returns the owner. The one before may have died with the
// command in its hands.
func (c *Client) follow(ctx context.Context, host string, cmd *Command) string {
	i, err := c.instances.Get(ctx, cmd.Instance)
	if err != nil || i.Host == host {
		return host
	}
	cmd.Try++
	if c.send(ctx, i.Host, *cmd) != nil {
		return host // looked at again
	}
	return i.Host
}

// ReadArgs decodes a command's arguments into args, from wherever they are.
func ReadArgs(ctx context.Context, b blob.Bucket, cmd Command, args any) error {
	body := []byte(cmd.Args)
	if cmd.ArgsBlob != "" {
		stored, _, err := b.Get(ctx, cmd.ArgsBlob, blob.Range{})
		if err != nil {
			return fmt.Errorf("fetch the arguments of %s: %w", cmd.Kind, err)
		}
		defer stored.Close()
		if body, err = io.ReadAll(stored); err != nil {
			return fmt.Errorf("fetch the arguments of %s: %w", cmd.Kind, err)
		}
	}
	if err := json.Unmarshal(body, args); err != nil {
		return fault.Wrap(fault.Invalid, err, "the arguments of %s are garbled", cmd.Kind)
	}
	return nil
}
