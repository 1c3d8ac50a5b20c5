package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/table"
)

// maxReplay is how many deliveries one call replays: what fits into a request.
// It is less than a lane holds.
const maxReplay = 200

// Replayed says what a replay has done.
type Replayed struct {
	Deliveries int  // dead letters that are told again
	Hurried    int  // lanes whose next try is now
	More       bool // there are more: call again
}

// Replay has dead letters told again, the oldest first, beside what is new in
// their chats and with all tries ahead of them; and what waits for its next
// try is tried now. Wake-ups go onto q; without it the next Wake sees to them.
// The filter's state, cursor and limit are not looked at.
func (r *Repository) Replay(ctx context.Context, q queue.Queue, i instance.ID, f Filter) (Replayed, error) {
	var out Replayed
	f.State = Dead
	query, err := f.bounds(i)
	if err != nil {
		return out, err
	}
	due := map[Lane]time.Time{}
	for item, err := range table.All(ctx, r.table, query) {
		if err != nil {
			return out, fmt.Errorf("list dead letters of instance %s: %w", i, err)
		}
		id := ID{item.Text("event"), item.Text("subscription")}
		if !f.wants(id) {
			continue
		}
		if out.Deliveries == maxReplay {
			out.More = true
			break
		}
		lane, at, err := r.replay(ctx, i, id)
		if fault.KindOf(err) == fault.NotFound || fault.KindOf(err) == fault.Conflict {
			continue // another replay was faster
		}
		if err != nil {
			return out, err
		}
		due[lane] = at
		out.Deliveries++
	}
	if err := r.hurry(ctx, i, f, due, &out); err != nil {
		return out, err
	}
	return out, r.wakeAll(ctx, q, due)
}

// ReplayOne is Replay for one delivery, which may be waiting. One that has
// succeeded is a Conflict: its event is not kept.
func (r *Repository) ReplayOne(ctx context.Context, q queue.Queue, i instance.ID, id ID) (Replayed, error) {
	d, err := r.Get(ctx, i, id)
	if err != nil {
		return Replayed{}, err
	}
	due, out := map[Lane]time.Time{}, Replayed{}
	switch d.State {
	case Delivered:
		return out, fault.New(fault.Conflict, "Delivery %q has succeeded", id.String())
	case Waiting:
		if err := r.hurryLane(ctx, d.lane, due, &out); err != nil {
			return out, err
		}
	case Dead:
		lane, at, err := r.replay(ctx, i, id)
		if err != nil {
			return out, err
		}
		due[lane] = at
		out.Deliveries++
	}
	return out, r.wakeAll(ctx, q, due)
}

func (r *Repository) replay(ctx context.Context, i instance.ID, id ID) (Lane, time.Time, error) {
	d, err := r.Get(ctx, i, id)
	if err != nil {
		return Lane{}, time.Time{}, err
	}
	if d.State != Dead {
		return Lane{}, time.Time{}, fault.New(fault.Conflict, "Delivery %q is not dead", id.String())
	}
	d.lane.Chat, d.Attempts, d.Told = replayed, 0, 0
	at, err := r.Append(ctx, d, r.now())
	return d.lane, at, err
}

// hurry makes the lanes due in which something waits that the filter lets
// through.
func (r *Repository) hurry(ctx context.Context, i instance.ID, f Filter, due map[Lane]time.Time, out *Replayed) error {
	f.State = Waiting
	query, err := f.bounds(i)
	if err != nil {
		return err
	}
	seen := map[Lane]bool{}
	query.Limit = MaxPage
	for {
		page, err := r.table.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("list what waits of instance %s: %w", i, err)
		}
		waiting, err := r.read(ctx, i, page.Items, f)
		if err != nil {
			return err
		}
		for _, d := range waiting {
			if seen[d.lane] {
				continue
			}
			if out.Hurried == maxReplay {
				out.More = true
				return nil
			}
			seen[d.lane] = true
			if err := r.hurryLane(ctx, d.lane, due, out); err != nil {
				return err
			}
		}
		if page.Cursor == "" {
			return nil
		}
		query.Cursor = page.Cursor
	}
}

func (r *Repository) hurryLane(ctx context.Context, l Lane, due map[Lane]time.Time, out *Replayed) error {
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		item, err := r.table.Get(ctx, l.key())
		if errors.Is(err, table.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a lane of instance %s: %w", l.Instance, err)
		}
		before := decodeLine(item)
		after := before
		after.due = earlier(before.due, r.now())
		if after.due.Equal(before.due) { // on its way
			due[l] = before.due
			return nil
		}
		done, err := r.write(ctx, l, before, after, nil)
		if err != nil {
			return fmt.Errorf("hurry a lane of instance %s: %w", l.Instance, err)
		}
		if done {
			due[l] = after.due
			out.Hurried++
			return nil
		}
	}
	return errRaces
}

func (r *Repository) wakeAll(ctx context.Context, q queue.Queue, due map[Lane]time.Time) error {
	messages := make([]queue.Message, 0, len(due))
	for lane, at := range due {
		if !r.Soon(at) {
			continue
		}
		m, err := wakeup(lane, at)
		if err != nil {
			return err
		}
		messages = append(messages, m)
	}
	if q == nil || len(messages) == 0 {
		return nil
	}
	if err := q.Send(ctx, messages...); err != nil {
		return fmt.Errorf("send wake-ups: %w", err)
	}
	return nil
}
