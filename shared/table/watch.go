package table

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Watcher is what an adapter may offer beside [Table]: to tell at once that a
// key was written. The embedded adapter does; DynamoDB does not, and there
// callers poll with back-off. [Watch] and [Wait] do either.
type Watcher interface {
	// Watch returns a channel that receives after every write, deletion or
	// increment of key that commits after Watch returned, by any process.
	// Signals that meet an unread one are merged, and some may be false: read
	// the item, then wait. Expiry does not signal. cancel ends the watch, may
	// be called twice, and never closes the channel.
	Watch(key Key) (changed <-chan struct{}, cancel func())
}

// WatcherOf finds the Watcher of t, looking through decorators (anything with
// Unwrap() Table).
func WatcherOf(t Table) (Watcher, bool) {
	for t != nil {
		if w, ok := t.(Watcher); ok {
			return w, true
		}
		u, ok := t.(interface{ Unwrap() Table })
		if !ok {
			return nil, false
		}
		t = u.Unwrap()
	}
	return nil, false
}

// Watch is [Watcher.Watch] for any of several keys, whatever the table can:
// changed is nil where nobody tells, which [Wait] knows what to do about.
func Watch(t Table, keys ...Key) (changed <-chan struct{}, cancel func()) {
	w, ok := WatcherOf(t)
	if !ok {
		return nil, func() {}
	}
	if len(keys) == 1 {
		return w.Watch(keys[0])
	}
	merged := make(chan struct{}, 1)
	ended := make(chan struct{})
	var watches sync.WaitGroup
	for _, key := range keys {
		one, stop := w.Watch(key)
		watches.Go(func() {
			defer stop()
			for {
				select {
				case <-one:
				case <-ended:
					return
				}
				select {
				case merged <- struct{}{}:
				default:
				}
			}
		})
	}
	return merged, sync.OnceFunc(func() {
		close(ended)
		watches.Wait()
	})
}

// Wait returns when there is reason to read again: a signal on changed or, when
// that is nil, the end of a pause that is drawn around the given one so that
// callers do not look in step. It returns ctx's error when that ends before.
func Wait(ctx context.Context, changed <-chan struct{}, pause time.Duration) error {
	var look <-chan time.Time
	if changed == nil {
		timer := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // jitter
		defer timer.Stop()
		look = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-look:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
