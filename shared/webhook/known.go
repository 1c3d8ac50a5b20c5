package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
)

const (
	// maxKnown is of how many owners a repository remembers the subscriptions.
	maxKnown = 10_000
	// knownFor is how long it does without reading them anew. What is changed is
	// seen by its version at once: this is for a table that was put back to an
	// earlier time.
	knownFor = 10 * time.Minute
)

// version is the item that changes whenever a subscription of an owner does:
//
//	webhooks#<owner>   version   random
func (o owner) version() table.Key {
	return table.Key{Partition: "webhooks#" + string(o), Sort: "version"}
}

// changed is the operation that goes with every change of a subscription. expires
// is when the last of the owner's ends, zero for never.
func (o owner) changed(expires time.Time) table.Op {
	return table.PutOp(table.Item{Key: o.version(), Attributes: map[string]any{"version": rand.Text()}, Expires: expires}, table.None())
}

// reading is what was read of an owner, after its version.
type reading struct {
	version       string
	subscriptions []Subscription
	until         time.Time
}

// Over is the same repository over another table, such as a unit of work.
func (r *Repository) Over(t table.Table) *Repository {
	other := *r
	other.table = t
	return &other
}

// Versions are the keys by which For sees whether it has to read more.
func Versions(t tenant.ID, i instance.ID) []table.Key {
	return []table.Key{ofInstance(i).version(), ofTenant(t).version()}
}

// Likely returns what For has returned last, nothing when that is forgotten: for
// guessing what will be read next. It asks nobody.
func (r *Repository) Likely(t tenant.ID, i instance.ID) []Subscription {
	own, _ := r.known.Get(ofInstance(i))
	shared, _ := r.known.Get(ofTenant(t))
	return slices.Concat(own.subscriptions, shared.subscriptions)
}

// For returns all who are told of an instance: its own subscriptions, and the
// tenant's. Those that have not changed since it read them last it remembers: it
// reads their version. Nobody may change what is returned.
func (r *Repository) For(ctx context.Context, t tenant.ID, i instance.ID) ([]Subscription, error) {
	versions, err := r.table.BatchGet(ctx, Versions(t, i))
	if err != nil {
		return nil, fmt.Errorf("read the version of the webhooks of %s: %w", i, err)
	}
	var all []Subscription
	for _, o := range []owner{ofInstance(i), ofTenant(t)} {
		item := versions[o.version()]
		now, ok := r.known.Get(o)
		if version := item.Text("version"); !ok || now.version != version || !r.now().Before(now.until) {
			if now, err = r.readAll(ctx, o, version); err != nil {
				return nil, err
			}
		}
		all = append(all, now.subscriptions...)
	}
	return all, nil
}

// readAll reads the subscriptions of an owner, whose version was read before.
func (r *Repository) readAll(ctx context.Context, o owner, version string) (reading, error) {
	found := reading{version: version, until: r.now().Add(knownFor)}
	take := func(item table.Item) error {
		s, err := r.decode(o, item)
		if err != nil {
			return err
		}
		if !item.Expires.IsZero() && item.Expires.Before(found.until) {
			found.until = item.Expires
		}
		found.subscriptions = append(found.subscriptions, s)
		return nil
	}
	if o.shared() {
		item, err := r.table.Get(ctx, o.key(Default))
		switch {
		case errors.Is(err, table.ErrNotFound):
		case err != nil:
			return reading{}, fmt.Errorf("read the webhook of %s: %w", o, err)
		default:
			if err := take(item); err != nil {
				return reading{}, err
			}
		}
	} else {
		for item, err := range table.All(ctx, r.table, table.Query{Partition: o.partition()}) {
			if err != nil {
				return reading{}, fmt.Errorf("list webhooks of %s: %w", o, err)
			}
			if err := take(item); err != nil {
				return reading{}, err
			}
		}
	}
	r.known.Put(o, found)
	return found, nil
}
