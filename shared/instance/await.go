package instance

import (
	"context"
	"time"

	"roost/shared/table"
)

// firstLook and longestLook bound the back-off of Await where the table cannot
// be watched.
const (
	firstLook   = 50 * time.Millisecond
	longestLook = time.Second
)

// Seen is what Await saw last: an instance and what its pairing shows, nil for
// nothing.
type Seen struct {
	Instance Instance
	Offer    *Offer
}

// Await looks at an instance and its offer until done says so or ctx ends, and
// returns what it saw last: check it again, since it may not be what done waits
// for. It looks when either is written, or with back-off where the table cannot
// tell. Errors: NotFound when the instance is or goes away, and faults of the
// table; the end of ctx is one only before the first look has succeeded.
func (r *Repository) Await(ctx context.Context, id ID, done func(Seen) bool) (Seen, error) {
	changed, stop := table.Watch(r.table, recordKey(id), offerKey(id))
	defer stop()
	var last Seen
	looked := false
	for pause := firstLook; ; pause = min(pause*2, longestLook) {
		seen, err := r.see(ctx, id)
		if err != nil {
			if looked && ctx.Err() != nil {
				return last, nil
			}
			return Seen{}, err
		}
		last, looked = seen, true
		if done(seen) || table.Wait(ctx, changed, pause) != nil {
			return last, nil
		}
	}
}

// see reads both. The offer comes first: a host drops it before it writes that
// the pairing is over, so a missing one with a record that is pairing means
// only that the next look will know.
func (r *Repository) see(ctx context.Context, id ID) (Seen, error) {
	offer, err := r.Offer(ctx, id)
	if err != nil {
		return Seen{}, err
	}
	i, err := r.Get(ctx, id)
	return Seen{Instance: i, Offer: offer}, err
}
