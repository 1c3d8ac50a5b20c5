package tabletest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"roost/shared/table"
)

// Fault is what happens to one call.
type Fault int

// The faults. Lost and Persisted look the same to the caller, who must settle
// by reading back; a read that meets either of them was refused.
const (
	Works     Fault = iota // goes through
	Refused                // ErrUnavailable, nothing done
	Lost                   // ErrUnknownOutcome, nothing done
	Persisted              // ErrUnknownOutcome, done
	Slow                   // goes through after Delay
)

// Faulty wraps a table and makes calls fail. Set Plan for a script; without one
// the shares decide by chance, reproducibly by Seed as long as the calls come in
// one order.
type Faulty struct {
	Inner table.Table
	// Plan chooses for each call, numbered from 0, by operation ("Put") and
	// first key. Called by one goroutine at a time.
	Plan func(call int, operation string, key table.Key) Fault
	// Seed of the chance. Print it in a test that fails.
	Seed uint64
	// Shares of calls, 0 to 1 each and in sum.
	RefusedShare, LostShare, PersistedShare, SlowShare float64
	// Delay of a slow call.
	Delay time.Duration

	mu    sync.Mutex // guards what follows
	calls int
	dice  *rand.Rand
}

var _ table.Table = (*Faulty)(nil)

// Unwrap returns the table behind.
func (f *Faulty) Unwrap() table.Table { return f.Inner }

// Get implements [table.Table].
func (f *Faulty) Get(ctx context.Context, key table.Key) (table.Item, error) {
	return read(ctx, f, "Get", key, func() (table.Item, error) { return f.Inner.Get(ctx, key) })
}

// BatchGet implements [table.Table].
func (f *Faulty) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	var first table.Key
	if len(keys) > 0 {
		first = keys[0]
	}
	return read(ctx, f, "BatchGet", first, func() (map[table.Key]table.Item, error) { return f.Inner.BatchGet(ctx, keys) })
}

// Query implements [table.Table].
func (f *Faulty) Query(ctx context.Context, query table.Query) (table.Page, error) {
	key := table.Key{Partition: query.Partition}
	return read(ctx, f, "Query", key, func() (table.Page, error) { return f.Inner.Query(ctx, query) })
}

// Put implements [table.Table].
func (f *Faulty) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	return write(ctx, f, "Put", item.Key, func() (int64, error) { return f.Inner.Put(ctx, item, condition) })
}

// Delete implements [table.Table].
func (f *Faulty) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	_, err := write(ctx, f, "Delete", key, func() (struct{}, error) {
		return struct{}{}, f.Inner.Delete(ctx, key, condition)
	})
	return err
}

// Write implements [table.Table].
func (f *Faulty) Write(ctx context.Context, ops ...table.Op) error {
	var first table.Key
	if len(ops) > 0 {
		first = ops[0].Item.Key
	}
	_, err := write(ctx, f, "Write", first, func() (struct{}, error) {
		return struct{}{}, f.Inner.Write(ctx, ops...)
	})
	return err
}

// BatchWrite implements [table.Table].
func (f *Faulty) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	var first table.Key
	switch {
	case len(puts) > 0:
		first = puts[0].Key
	case len(deletes) > 0:
		first = deletes[0]
	}
	_, err := write(ctx, f, "BatchWrite", first, func() (struct{}, error) {
		return struct{}{}, f.Inner.BatchWrite(ctx, puts, deletes)
	})
	return err
}

// Increment implements [table.Table].
func (f *Faulty) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	return write(ctx, f, "Increment", key, func() (int64, error) {
		return f.Inner.Increment(ctx, key, attribute, delta)
	})
}

func (f *Faulty) next(operation string, key table.Key) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := f.calls
	f.calls++
	if f.Plan != nil {
		return f.Plan(call, operation, key)
	}
	if f.dice == nil {
		f.dice = rand.New(rand.NewPCG(f.Seed, 0)) //nolint:gosec // reproducible on purpose
	}
	p := f.dice.Float64()
	for _, c := range []struct {
		share float64
		fault Fault
	}{{f.RefusedShare, Refused}, {f.LostShare, Lost}, {f.PersistedShare, Persisted}, {f.SlowShare, Slow}} {
		if p < c.share {
			return c.fault
		}
		p -= c.share
	}
	return Works
}

func (f *Faulty) pause(ctx context.Context) error {
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func read[T any](ctx context.Context, f *Faulty, operation string, key table.Key, call func() (T, error)) (T, error) {
	var none T
	switch f.next(operation, key) {
	case Refused, Lost, Persisted:
		return none, fmt.Errorf("faulty %s: %w", operation, table.ErrUnavailable)
	case Slow:
		if err := f.pause(ctx); err != nil {
			return none, err
		}
	case Works:
	}
	return call()
}

func write[T any](ctx context.Context, f *Faulty, operation string, key table.Key, call func() (T, error)) (T, error) {
	var none T
	switch f.next(operation, key) {
	case Refused:
		return none, fmt.Errorf("faulty %s: %w", operation, table.ErrUnavailable)
	case Lost:
		return none, fmt.Errorf("faulty %s: %w", operation, table.ErrUnknownOutcome)
	case Persisted:
		// Whatever the table said, the answer never arrived.
		_, _ = call()
		return none, fmt.Errorf("faulty %s: %w", operation, table.ErrUnknownOutcome)
	case Slow:
		if err := f.pause(ctx); err != nil {
			return none, err
		}
	case Works:
	}
	return call()
}
