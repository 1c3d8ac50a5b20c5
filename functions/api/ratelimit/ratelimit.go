// Package ratelimit counts calls in a sliding window on the table, so that all
// processes of an API count together.
package ratelimit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/table"
)

// maxRaces is how often Take starts over when others count at the same time.
const maxRaces = 20

// Limiter lets so many calls of a key pass in any window.
//
//	rate#<name>#<key>   log   JSON of the calls in the window, Unix ms
type Limiter struct {
	table  table.Table
	name   string
	limit  int
	window time.Duration
	now    func() time.Time
}

// New makes a limiter that lets limit calls pass in any window. now is the
// clock.
func New(t table.Table, name string, limit int, window time.Duration, now func() time.Time) *Limiter {
	return &Limiter{table: t, name: name, limit: limit, window: window, now: now}
}

// Take counts a call. It returns 0 when the call may pass, or else how long it
// is until one may; a call that may not is not counted. Unavailable when too
// many count at once.
func (l *Limiter) Take(ctx context.Context, key string) (time.Duration, error) {
	at := table.Key{Partition: "rate#" + l.name + "#" + key, Sort: "log"}
	for range maxRaces {
		item, err := l.table.Get(ctx, at)
		condition := table.Revision(item.Revision)
		if errors.Is(err, table.ErrNotFound) {
			condition = table.Absent()
		} else if err != nil {
			return 0, fmt.Errorf("read the calls of %s: %w", l.name, err)
		}
		var calls []int64
		if len(item.Body) > 0 {
			if err := json.Unmarshal(item.Body, &calls); err != nil {
				return 0, fmt.Errorf("read the calls of %s: %w", l.name, err)
			}
		}
		now := l.now()
		first := now.Add(-l.window).UnixMilli()
		for len(calls) > 0 && calls[0] <= first {
			calls = calls[1:]
		}
		if len(calls) >= l.limit {
			return time.UnixMilli(calls[0]).Add(l.window).Sub(now), nil
		}
		body, err := json.Marshal(append(calls, now.UnixMilli()))
		if err != nil {
			return 0, fmt.Errorf("write the calls of %s: %w", l.name, err)
		}
		_, err = l.table.Put(ctx, table.Item{Key: at, Body: body, Expires: now.Add(2 * l.window)}, condition)
		if err == nil || errors.Is(err, table.ErrUnknownOutcome) { // counted or not: the caller has asked once
			return 0, nil
		}
		if !errors.Is(err, table.ErrConflict) {
			return 0, fmt.Errorf("write the calls of %s: %w", l.name, err)
		}
	}
	return 0, fault.New(fault.Unavailable, "too many calls at once")
}
