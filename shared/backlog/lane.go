package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/table"
)

// Head returns the first delivery of a lane, with its event and when it is due;
// false when nothing waits.
func (r *Repository) Head(ctx context.Context, l Lane) (Delivery, bool, error) {
	for range maxRaces {
		item, err := r.table.Get(ctx, l.key())
		if errors.Is(err, table.ErrNotFound) {
			return Delivery{}, false, nil
		}
		if err != nil {
			return Delivery{}, false, fmt.Errorf("read a lane of instance %s: %w", l.Instance, err)
		}
		lane := decodeLine(item)
		d, found, err := r.at(ctx, l, lane)
		if err != nil {
			return Delivery{}, false, err
		}
		if found {
			d.Due, d.line = lane.due, lane
			return d, true, nil
		}
		// What was to be told is there no more: it has waited for too long.
		after := lane
		after.head++
		if _, err := r.write(ctx, l, lane, after, []table.Op{table.DeleteOp(l.entryKey(lane.head), table.None())}); err != nil {
			return Delivery{}, false, fmt.Errorf("skip in a lane of instance %s: %w", l.Instance, err)
		}
	}
	return Delivery{}, false, errRaces
}

// at reads the first delivery of a lane.
func (r *Repository) at(ctx context.Context, l Lane, lane line) (Delivery, bool, error) {
	entry, err := r.table.Get(ctx, l.entryKey(lane.head))
	if errors.Is(err, table.ErrNotFound) {
		return Delivery{}, false, nil
	}
	if err != nil {
		return Delivery{}, false, fmt.Errorf("read a lane of instance %s: %w", l.Instance, err)
	}
	id := ID{Event: entry.Text("event"), Subscription: l.Subscription}
	item, err := r.table.Get(ctx, id.key(l.Instance))
	if errors.Is(err, table.ErrNotFound) {
		return Delivery{}, false, nil
	}
	if err != nil {
		return Delivery{}, false, fmt.Errorf("read delivery %s: %w", id, err)
	}
	d, err := r.withEvent(ctx, item)
	if err != nil {
		return Delivery{}, false, err
	}
	return d, d.State == Waiting && d.number == lane.head && d.lane == l, nil
}

// Succeeded takes a delivery that Head returned out of its lane. The next one
// is due at once.
func (r *Repository) Succeeded(ctx context.Context, d Delivery, a Attempt) error {
	return r.finish(ctx, d.Tried(a), Delivered)
}

// Bury gives a delivery up that Head returned. The next one is due at once.
func (r *Repository) Bury(ctx context.Context, d Delivery, why string) error {
	d.Error = why
	return r.finish(ctx, d, Dead)
}

// Exhausted is Bury after a last try.
func (r *Repository) Exhausted(ctx context.Context, d Delivery, a Attempt) error {
	return r.finish(ctx, d.Tried(a), Dead)
}

func (r *Repository) finish(ctx context.Context, d Delivery, state State) error {
	ops, err := r.leave(ctx, d, state)
	if err != nil {
		return err
	}
	return r.settle(ctx, d, ops, func(lane line) line {
		lane.head++
		lane.due = earlier(lane.due, r.now())
		return lane
	}, func(now line) bool { return now.head != d.number })
}

// Failed lets a delivery that Head returned, and all behind it, wait until due.
func (r *Repository) Failed(ctx context.Context, d Delivery, a Attempt, due time.Time) error {
	d = d.Tried(a)
	item, err := r.encode(ctx, d)
	if err != nil {
		return err
	}
	due = due.Truncate(time.Millisecond)
	return r.settle(ctx, d, []table.Op{table.PutOp(item, table.None())}, func(lane line) line {
		lane.due = due
		return lane
	}, func(now line) bool { return now.head != d.number || now.due.Equal(due) })
}

// settle changes a lane of which d is still the first. Others may have added to
// its end or hurried it meanwhile; done tells whether the change is there
// already, by a write whose answer was lost.
func (r *Repository) settle(ctx context.Context, d Delivery, ops []table.Op, change func(line) line, done func(now line) bool) error {
	lane := d.line
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		written, err := r.write(ctx, d.lane, lane, change(lane), ops)
		if err != nil {
			return fmt.Errorf("settle delivery %s: %w", d.ID, err)
		}
		if written {
			return nil
		}
		item, err := r.table.Get(ctx, d.lane.key())
		if errors.Is(err, table.ErrNotFound) {
			return nil // it was the last
		}
		if err != nil {
			return fmt.Errorf("settle delivery %s: %w", d.ID, err)
		}
		if lane = decodeLine(item); done(lane) {
			return nil
		}
	}
	return errRaces
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b.Truncate(time.Millisecond)
	}
	return a
}

// Postpone lets a delivery that Head returned go on later, without having
// failed, after so many of its calls; zero is at once.
func (r *Repository) Postpone(ctx context.Context, d Delivery, told int, due time.Time) error {
	d.Told = told
	item, err := r.encode(ctx, d)
	if err != nil {
		return err
	}
	due = due.Truncate(time.Millisecond)
	return r.settle(ctx, d, []table.Op{table.PutOp(item, table.None())}, func(lane line) line {
		if !due.IsZero() {
			lane.due = due
		}
		return lane
	}, func(now line) bool { return now.head != d.number || now.due.Equal(due) })
}
