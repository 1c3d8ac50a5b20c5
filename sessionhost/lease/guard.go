package lease

import (
	"context"
	"fmt"
	"io"
	"time"

	"roost/shared/queue"
	"roost/shared/table"
)

// Table is inner for as long as the lease is held: after that its writes fail
// with [ErrLapsed] and nothing is written. Reads go on.
func (t *Term) Table(inner table.Table) table.Table { return &heldTable{inner, t} }

type heldTable struct {
	table.Table
	term *Term
}

// Unwrap returns the table behind.
func (h *heldTable) Unwrap() table.Table { return h.Table }

func (h *heldTable) check() error {
	if h.term.Held() {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrLapsed, table.ErrUnavailable)
}

func (h *heldTable) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	return h.Table.Put(ctx, item, condition)
}

func (h *heldTable) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Table.Delete(ctx, key, condition)
}

func (h *heldTable) Write(ctx context.Context, ops ...table.Op) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Table.Write(ctx, ops...)
}

func (h *heldTable) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Table.BatchWrite(ctx, puts, deletes)
}

func (h *heldTable) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	return h.Table.Increment(ctx, key, attribute, delta)
}

// Queue is inner for as long as the lease is held: after that nothing is sent,
// received, taken off or given back.
func (t *Term) Queue(inner queue.Queue) queue.Queue { return &heldQueue{inner, t} }

type heldQueue struct {
	queue.Queue
	term *Term
}

func (h *heldQueue) check() error {
	if h.term.Held() {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrLapsed, queue.ErrUnavailable)
}

func (h *heldQueue) Send(ctx context.Context, messages ...queue.Message) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Queue.Send(ctx, messages...)
}

func (h *heldQueue) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]queue.Delivery, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return h.Queue.Receive(ctx, limit, wait, visibility)
}

func (h *heldQueue) Delete(ctx context.Context, receipts ...string) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Queue.Delete(ctx, receipts...)
}

func (h *heldQueue) ChangeVisibility(ctx context.Context, receipt string, visibility time.Duration) error {
	if err := h.check(); err != nil {
		return err
	}
	return h.Queue.ChangeVisibility(ctx, receipt, visibility)
}

// Opener opens queues that work for as long as the lease is held.
func (t *Term) Opener(inner queue.Opener) queue.Opener { return &heldOpener{inner, t} }

type heldOpener struct {
	inner queue.Opener
	term  *Term
}

func (h *heldOpener) Open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	q, err := h.inner.Open(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return h.term.Queue(q), nil
}

func (h *heldOpener) Drop(ctx context.Context, name string) error {
	if !h.term.Held() {
		return fmt.Errorf("%w: %w", ErrLapsed, queue.ErrUnavailable)
	}
	return h.inner.Drop(ctx, name)
}

// Conn is a socket that is open for as long as the lease is held.
func (t *Term) Conn(inner io.ReadWriteCloser) io.ReadWriteCloser {
	c := &conn{inner, t}
	t.mu.Lock()
	ended := t.ended
	if !ended {
		t.conns[c] = struct{}{}
	}
	t.mu.Unlock()
	if ended {
		_ = inner.Close()
	}
	return c
}

type conn struct {
	io.ReadWriteCloser
	term *Term
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if !c.term.Held() { // what had waited in the socket is for the next owner
		return 0, ErrLapsed
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if !c.term.Held() {
		return 0, ErrLapsed
	}
	return c.ReadWriteCloser.Write(p)
}

func (c *conn) Close() error {
	c.term.mu.Lock()
	delete(c.term.conns, c)
	c.term.mu.Unlock()
	return c.ReadWriteCloser.Close()
}
