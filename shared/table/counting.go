package table

import (
	"context"
	"maps"
	"sync"
)

// Count is the traffic of one operation.
type Count struct {
	Requests int // calls of the method
	Items    int // items and keys in its arguments, items in its answers
	Bytes    int // their size as [Size] counts
	Errors   int
}

// Counting wraps a Table and counts its traffic by operation name ("Get",
// "Write" ...), for metrics and for tests that hold what a flow costs.
type Counting struct {
	inner Table

	mu     sync.Mutex // guards counts
	counts map[string]Count
}

var _ Table = (*Counting)(nil)

// NewCounting counts the traffic to inner.
func NewCounting(inner Table) *Counting {
	return &Counting{inner: inner, counts: make(map[string]Count)}
}

// Unwrap returns the table behind.
func (c *Counting) Unwrap() Table { return c.inner }

// Counts returns what was counted since the start or the last Reset.
func (c *Counting) Counts() map[string]Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Total sums all operations.
func (c *Counting) Total() Count {
	var total Count
	for _, n := range c.Counts() {
		total.Requests += n.Requests
		total.Items += n.Items
		total.Bytes += n.Bytes
		total.Errors += n.Errors
	}
	return total
}

// Reset starts again from zero.
func (c *Counting) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.counts)
}

// Get implements [Table].
func (c *Counting) Get(ctx context.Context, key Key) (Item, error) {
	item, err := c.inner.Get(ctx, key)
	if err != nil {
		c.count("Get", err)
		return item, err
	}
	c.count("Get", nil, item)
	return item, nil
}

// BatchGet implements [Table].
func (c *Counting) BatchGet(ctx context.Context, keys []Key) (map[Key]Item, error) {
	items, err := c.inner.BatchGet(ctx, keys)
	found := make([]Item, 0, len(items))
	for _, item := range items {
		found = append(found, item)
	}
	c.count("BatchGet", err, found...)
	return items, err
}

// Put implements [Table].
func (c *Counting) Put(ctx context.Context, item Item, condition Condition) (int64, error) {
	revision, err := c.inner.Put(ctx, item, condition)
	c.count("Put", err, item)
	return revision, err
}

// Delete implements [Table].
func (c *Counting) Delete(ctx context.Context, key Key, condition Condition) error {
	err := c.inner.Delete(ctx, key, condition)
	c.count("Delete", err, Item{Key: key})
	return err
}

// Write implements [Table].
func (c *Counting) Write(ctx context.Context, ops ...Op) error {
	err := c.inner.Write(ctx, ops...)
	items := make([]Item, len(ops))
	for i, op := range ops {
		items[i] = op.Item
	}
	c.count("Write", err, items...)
	return err
}

// BatchWrite implements [Table].
func (c *Counting) BatchWrite(ctx context.Context, puts []Item, deletes []Key) error {
	err := c.inner.BatchWrite(ctx, puts, deletes)
	items := make([]Item, 0, len(puts)+len(deletes))
	items = append(items, puts...)
	for _, key := range deletes {
		items = append(items, Item{Key: key})
	}
	c.count("BatchWrite", err, items...)
	return err
}

// Query implements [Table].
func (c *Counting) Query(ctx context.Context, query Query) (Page, error) {
	page, err := c.inner.Query(ctx, query)
	c.count("Query", err, page.Items...)
	return page, err
}

// Increment implements [Table].
func (c *Counting) Increment(ctx context.Context, key Key, attribute string, delta int64) (int64, error) {
	sum, err := c.inner.Increment(ctx, key, attribute, delta)
	c.count("Increment", err, Item{Key: key})
	return sum, err
}

func (c *Counting) count(operation string, err error, items ...Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts[operation]
	n.Requests++
	n.Items += len(items)
	for _, item := range items {
		n.Bytes += Size(item)
	}
	if err != nil {
		n.Errors++
	}
	c.counts[operation] = n
}
