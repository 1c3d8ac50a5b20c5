package backlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

// MaxPage is how many deliveries a page holds.
const MaxPage = 100

// Filter chooses deliveries of an instance.
type Filter struct {
	State         State     // "" for all: those that wait, then those that succeeded, then the dead
	Subscriptions []string  // none for all
	From, To      time.Time // of the events, inclusive; zero for open ends. They need a state
	Cursor        string    // of the page before
	Limit         int       // 1 to MaxPage, 0 for 50
}

func (f Filter) wants(id ID) bool {
	return len(f.Subscriptions) == 0 || slices.Contains(f.Subscriptions, id.Subscription)
}

// Page are deliveries, the newest of a state first. It may have fewer than the
// limit and still not be the last: only an empty cursor ends the list.
type Page struct {
	Deliveries []Delivery // without their events
	Cursor     string
}

// bounds puts the filter into a range of keys.
func (f Filter) bounds(i instance.ID) (table.Query, error) {
	query := table.Query{Partition: listPartition(i)}
	if f.State == "" {
		if !f.From.IsZero() || !f.To.IsZero() {
			return query, fault.New(fault.Invalid, "a range of times needs a state")
		}
		return query, nil
	}
	query.From, query.To = string(f.State)+"#", string(f.State)+"$" // "$" follows "#"
	if !f.From.IsZero() {
		query.From += stamp(f.From)
	}
	if !f.To.IsZero() {
		query.To = string(f.State) + "#" + stamp(f.To) + "$"
	}
	if query.From > query.To {
		return query, fault.New(fault.Invalid, "the range ends before it begins")
	}
	return query, nil
}

// List returns a page of an instance's deliveries. A cursor that is none is
// Invalid.
func (r *Repository) List(ctx context.Context, i instance.ID, f Filter) (Page, error) {
	query, err := f.bounds(i)
	if err != nil {
		return Page{}, err
	}
	if query.Limit = f.Limit; query.Limit <= 0 {
		query.Limit = MaxPage / 2
	}
	query.Limit = min(query.Limit, MaxPage)
	query.Reverse, query.Cursor = true, f.Cursor
	listed, err := r.table.Query(ctx, query)
	if errors.Is(err, table.ErrInvalid) {
		return Page{}, fault.Wrap(fault.Invalid, err, "the cursor is not one of this list")
	}
	if err != nil {
		return Page{}, fmt.Errorf("list deliveries of instance %s: %w", i, err)
	}
	page := Page{Cursor: listed.Cursor}
	page.Deliveries, err = r.read(ctx, i, listed.Items, f)
	return page, err
}

// read reads the deliveries that items of the list name, in their order.
func (r *Repository) read(ctx context.Context, i instance.ID, listed []table.Item, f Filter) ([]Delivery, error) {
	var keys []table.Key
	for _, item := range listed {
		id := ID{item.Text("event"), item.Text("subscription")}
		if f.wants(id) {
			keys = append(keys, id.key(i))
		}
	}
	items, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read deliveries of instance %s: %w", i, err)
	}
	out := make([]Delivery, 0, len(keys))
	for _, key := range keys {
		item, ok := items[key]
		// One that has moved on since is listed where it is now.
		if ok && (f.State == "" || State(item.Text("state")) == f.State) {
			out = append(out, decode(item))
		}
	}
	return out, nil
}

// Owed reports whether somebody is still to be told of an event, or could not be.
func (r *Repository) Owed(ctx context.Context, i instance.ID, event string) (bool, error) {
	for item, err := range table.All(ctx, r.table, table.Query{Partition: ID{Event: event}.key(i).Partition}) {
		if err != nil {
			return false, fmt.Errorf("look who was told of event %s: %w", event, err)
		}
		if State(item.Text("state")) != Delivered {
			return true, nil
		}
	}
	return false, nil
}

// Get returns a delivery, with the event and the time of its next try where it
// has them. NotFound when it is not known (any more).
func (r *Repository) Get(ctx context.Context, i instance.ID, id ID) (Delivery, error) {
	missing := fault.New(fault.NotFound, "There is no delivery %q", id.String())
	if id.key(i).Validate() != nil || strings.Contains(id.Event, "#") {
		return Delivery{}, missing
	}
	item, err := r.table.Get(ctx, id.key(i))
	if errors.Is(err, table.ErrNotFound) {
		return Delivery{}, missing
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("read delivery %s: %w", id, err)
	}
	d := decode(item)
	if d.State == Delivered {
		return d, nil
	}
	if d, err = r.withEvent(ctx, item); err != nil || d.State != Waiting {
		return d, err
	}
	lane, err := r.table.Get(ctx, d.lane.key())
	if errors.Is(err, table.ErrNotFound) {
		return d, nil
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("read the lane of delivery %s: %w", id, err)
	}
	if now := decodeLine(lane); now.head == d.number {
		d.Due = now.due
	}
	return d, nil
}
