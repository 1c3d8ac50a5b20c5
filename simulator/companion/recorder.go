package companion

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// unlimited is the limit of a recorder that forgets nothing by itself.
const unlimited = -1

// recorder keeps events in the order in which their handlers returned.
type recorder struct {
	mu      sync.Mutex
	limit   int // events kept; 0 for none
	events  []recorded
	waiters []*waiter
}

// recorded is an event and the types as which it was awaited.
type recorded struct {
	evt    any
	takers []reflect.Type
}

// waiter is an Await that found nothing yet.
type waiter struct {
	typ    reflect.Type
	accept func(evt any) bool
	found  chan any // has room for the one event it gets
}

// Await returns the first event of type T that match accepts and that no earlier
// Await of that type has returned: one that came already or the next that comes.
// T is the type whatsmeow dispatches, such as *events.Message. All of match must
// accept; the functions are called in the handler of an event and must not use
// the client.
func Await[T any](ctx context.Context, c *Client, match ...func(T) bool) (T, error) {
	accept := func(evt any) bool {
		e, ok := evt.(T)
		return ok && !slices.ContainsFunc(match, func(m func(T) bool) bool { return !m(e) })
	}
	typ := reflect.TypeFor[T]()
	evt, err := c.events.await(ctx, &waiter{typ: typ, accept: accept, found: make(chan any, 1)})
	if err != nil {
		var zero T
		return zero, fmt.Errorf("await %v: %w", typ, err)
	}
	return evt.(T), nil
}

// Events returns all recorded events in order, also those awaited.
func (c *Client) Events() []any {
	r := &c.events
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.kept()
	evts := make([]any, len(kept))
	for i, e := range kept {
		evts[i] = e.evt
	}
	return evts
}

// Forget drops the recorded events: the next Await waits for one that comes.
func (c *Client) Forget() {
	c.events.mu.Lock()
	defer c.events.mu.Unlock()
	c.events.events = nil
}

func (r *recorder) record(evt any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := recorded{evt: evt}
	r.waiters = slices.DeleteFunc(r.waiters, func(w *waiter) bool {
		taken := e.takenBy(w)
		if taken {
			w.found <- evt
		}
		return taken
	})
	if r.limit == 0 {
		return
	}
	r.events = append(r.events, e)
	// Trimmed at twice the limit, so that each event is moved once at most.
	if r.limit > 0 && len(r.events) >= 2*r.limit {
		r.events = slices.Delete(r.events, 0, len(r.events)-r.limit)
	}
}

func (r *recorder) await(ctx context.Context, w *waiter) (any, error) {
	if evt, ok := r.takeOrWait(w); ok {
		return evt, nil
	}
	select {
	case evt := <-w.found:
		return evt, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case evt := <-w.found: // came together with the end of ctx
		return evt, nil
	default:
	}
	r.waiters = slices.DeleteFunc(r.waiters, func(other *waiter) bool { return other == w })
	return nil, fmt.Errorf("%w; recorded: %s", context.Cause(ctx), r.summary())
}

func (r *recorder) takeOrWait(w *waiter) (any, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if evt, ok := r.take(w); ok {
		return evt, true
	}
	r.waiters = append(r.waiters, w)
	return nil, false
}

// take must be called with mu held.
func (r *recorder) take(w *waiter) (any, bool) {
	kept := r.kept()
	for i := range kept {
		if kept[i].takenBy(w) {
			return kept[i].evt, true
		}
	}
	return nil, false
}

// kept is the events within the limit.
func (r *recorder) kept() []recorded {
	if r.limit > 0 && len(r.events) > r.limit {
		return r.events[len(r.events)-r.limit:]
	}
	return r.events
}

func (e *recorded) takenBy(w *waiter) bool {
	if slices.Contains(e.takers, w.typ) || !w.accept(e.evt) {
		return false
	}
	e.takers = append(e.takers, w.typ)
	return true
}

// summary names the types of the kept events, for the error of an Await in vain.
func (r *recorder) summary() string {
	if len(r.events) == 0 {
		return "nothing"
	}
	var names []string
	for _, e := range r.kept() {
		names = append(names, fmt.Sprintf("%T", e.evt))
	}
	const shown = 20
	if len(names) > shown {
		names = append([]string{fmt.Sprintf("(%d more)", len(names)-shown)}, names[len(names)-shown:]...)
	}
	return strings.Join(names, " ")
}
