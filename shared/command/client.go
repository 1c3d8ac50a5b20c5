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
)

// Options are those of every command queue. A command that no host has answered
// is not worth much: a few tries and it goes to the dead letters.
var Options = queue.Options{MaxReceives: 5, DeadLetter: "commands-dead", Visibility: time.Minute}

// QueueOf names the queue of a host's own commands.
func QueueOf(host string) string { return Shared + "-" + host }

// Client asks session hosts. It is safe for concurrent use.
type Client struct {
	table  table.Table
	bucket blob.Bucket
	opener queue.Opener

	mu     sync.Mutex
	queues map[string]queue.Queue
}

// NewClient asks over the queues of o, and gets its answers from t.
func NewClient(t table.Table, b blob.Bucket, o queue.Opener) *Client {
	return &Client{table: t, bucket: b, opener: o, queues: map[string]queue.Queue{}}
}

// Do asks for kind and waits for the answer until ctx ends, which must have a
// deadline: hosts drop what nobody waits for any more. The answer is decoded
// into out, which may be nil. Errors are those of the host, or Unavailable when
// none has answered.
func (c *Client) Do(ctx context.Context, i instance.Instance, kind Kind, args, out any) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return fault.New(fault.Internal, "a command without a deadline")
	}
	cmd := Command{ID: uuid.NewString(), Instance: i.ID, Kind: kind, Deadline: deadline}
	if err := c.setArgs(ctx, &cmd, args); err != nil {
		return err
	}
	changed, stop := table.Watch(c.table, resultKey(cmd.ID))
	defer stop()
	if err := c.send(ctx, i.Host, cmd); err != nil {
		return err
	}
	result, err := c.await(ctx, cmd.ID, changed)
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

func (c *Client) send(ctx context.Context, host string, cmd Command) error {
	name := Shared
	if host != "" {
		name = QueueOf(host)
	}
	q, err := c.queue(ctx, name)
	if err != nil {
		return err
	}
	body, err := json.Marshal(cmd)
	if err != nil {
		return fmt.Errorf("marshal command: %w", err)
	}
	err = q.Send(ctx, queue.Message{Group: string(cmd.Instance), Deduplication: cmd.ID, Body: body})
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
// back-off where the table cannot tell.
func (c *Client) await(ctx context.Context, id string, changed <-chan struct{}) (Result, error) {
	for pause := firstLook; ; pause = min(pause*2, longestLook) {
		item, err := c.table.Get(ctx, resultKey(id))
		if err == nil {
			var r Result
			if err := json.Unmarshal(item.Body, &r); err != nil {
				return Result{}, fmt.Errorf("read result %s: %w", id, err)
			}
			return r, nil
		}
		if !errors.Is(err, table.ErrNotFound) && ctx.Err() == nil {
			return Result{}, fmt.Errorf("look for result %s: %w", id, err)
		}
		if table.Wait(ctx, changed, pause) != nil {
			return Result{}, fault.Coded(fault.Unavailable, "no_answer", "no session host has answered in time")
		}
	}
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
