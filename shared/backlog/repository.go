package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/blob"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

const (
	// MaxWaiting is how many deliveries one lane holds, unless Options say less.
	MaxWaiting = 1000
	// maxRaces is how often a change starts over when others change the same.
	maxRaces = 20
)

// Options of a repository. The zero value is for production.
type Options struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Scheduled is called whenever a lane has got a time, which may be past.
	Scheduled func(time.Time)
	// Waiting is how many deliveries one lane holds; MaxWaiting when 0.
	Waiting int
}

// Repository keeps deliveries. It is safe for concurrent use.
type Repository struct {
	table     table.Table
	bucket    blob.Bucket
	now       func() time.Time
	scheduled func(time.Time)
	waiting   int64
}

// NewRepository keeps deliveries on t, and large events in b.
func NewRepository(t table.Table, b blob.Bucket, o Options) *Repository {
	r := &Repository{table: t, bucket: b, now: o.Now, scheduled: o.Scheduled, waiting: int64(o.Waiting)}
	if r.now == nil {
		r.now = time.Now
	}
	if r.waiting <= 0 {
		r.waiting = MaxWaiting
	}
	if r.scheduled == nil {
		r.scheduled = func(time.Time) {}
	}
	return r
}

// Known is what is there already about some events.
type Known struct {
	deliveries map[ID]State
	lanes      map[Lane]bool
	failing    map[string]time.Time // since when
}

// Has reports whether a delivery exists, in whichever state.
func (k Known) Has(id ID) bool { _, ok := k.deliveries[id]; return ok }

// Waits reports whether something waits in the lane.
func (k Known) Waits(l Lane) bool { return k.lanes[l] }

// Failing reports whether the last that was heard of a subscription is failure.
func (k Known) Failing(h Health) bool { _, ok := k.failing[h.key().String()]; return ok }

// FailedSince reports whether nothing has got through to a subscription since a
// time.
func (k Known) FailedSince(h Health, at time.Time) bool {
	since, ok := k.failing[h.key().String()]
	return ok && !since.After(at)
}

// Over is the same repository over another table, such as a unit of work.
func (r *Repository) Over(t table.Table) *Repository {
	other := *r
	other.table = t
	return &other
}

// Keys are the items that Look reads.
func Keys(i instance.ID, ids []ID, lanes []Lane, health []Health) []table.Key {
	keys := make([]table.Key, 0, len(ids)+len(lanes)+len(health))
	for _, id := range ids {
		keys = append(keys, id.key(i))
	}
	for _, l := range lanes {
		keys = append(keys, l.key())
	}
	for _, h := range health {
		keys = append(keys, h.key())
	}
	return keys
}

// Look finds out what is known of deliveries, lanes and health, in one request.
func (r *Repository) Look(ctx context.Context, i instance.ID, ids []ID, lanes []Lane, health []Health) (Known, error) {
	items, err := r.table.BatchGet(ctx, Keys(i, ids, lanes, health))
	if err != nil {
		return Known{}, fmt.Errorf("read what instance %s was told: %w", i, err)
	}
	k := Known{deliveries: map[ID]State{}, lanes: map[Lane]bool{}, failing: map[string]time.Time{}}
	for _, id := range ids {
		if item, ok := items[id.key(i)]; ok {
			k.deliveries[id] = State(item.Text("state"))
		}
	}
	for _, l := range lanes {
		if _, ok := items[l.key()]; ok {
			k.lanes[l] = true
		}
	}
	for _, h := range health {
		if item, ok := items[h.key()]; ok {
			k.failing[h.key().String()] = item.Time("since")
		}
	}
	return k, nil
}

// Note is a delivery that has not waited, with what has become of it.
type Note struct {
	Delivery Delivery
	State    State // Delivered or Dead
}

// Record notes deliveries that succeeded, or were given up, without having
// waited, in one request.
func (r *Repository) Record(ctx context.Context, notes ...Note) error {
	items := make([]table.Item, 0, 2*len(notes))
	for _, n := range notes {
		d := n.Delivery
		d.State = n.State
		item, err := r.encode(ctx, d)
		if err != nil {
			return err
		}
		items = append(items, item, listItem(d, item.Expires))
	}
	if err := r.table.BatchWrite(ctx, items, nil); err != nil {
		return fmt.Errorf("note %d deliveries: %w", len(notes), err)
	}
	return nil
}

// Append lets a delivery wait behind its lane, which it opens when there is
// none: then due is when it is tried. One that exists already is left alone. It
// returns when the lane is due.
func (r *Repository) Append(ctx context.Context, d Delivery, due time.Time) (time.Time, error) {
	return r.AppendAll(ctx, []Delivery{d}, due)
}

// appendedAtOnce is how many deliveries one transaction lets wait: each is three
// items, and one of them may be as large as a fifth of a transaction.
const appendedAtOnce = 16

// AppendAll is Append for deliveries of one lane in their order, with two requests
// for many. After an error some may wait.
func (r *Repository) AppendAll(ctx context.Context, all []Delivery, due time.Time) (time.Time, error) {
	for race := 0; race < maxRaces; {
		if err := table.Pause(ctx, race); err != nil {
			return time.Time{}, err
		}
		some := all[:min(len(all), appendedAtOnce)]
		l := some[0].lane
		keys := []table.Key{l.key()}
		for _, d := range some {
			keys = append(keys, d.key(d.Instance))
		}
		items, err := r.table.BatchGet(ctx, keys)
		if err != nil {
			return time.Time{}, fmt.Errorf("read the lane of delivery %s: %w", some[0].ID, err)
		}
		lane := line{due: due.Truncate(time.Millisecond), since: r.now()}
		if item, ok := items[l.key()]; ok {
			lane = decodeLine(item)
		}
		before := lane
		entered, ops, err := r.enterAll(ctx, some, &lane, items)
		if err != nil {
			return time.Time{}, err
		}
		done := len(ops) == 0
		if !done {
			if done, err = r.write(ctx, l, before, lane, ops); err != nil {
				return time.Time{}, fmt.Errorf("let delivery %s wait: %w", some[0].ID, err)
			}
		}
		if !done {
			race++
			continue
		}
		if all = all[entered:]; len(all) == 0 {
			return lane.due, nil
		}
		race = 0
	}
	return time.Time{}, errRaces
}

// enterAll are the operations that put deliveries behind their lane, as many as
// one transaction takes: it tells how many that are. One that crowds out another
// is alone in it.
func (r *Repository) enterAll(ctx context.Context, some []Delivery, lane *line, items map[table.Key]table.Item) (int, []table.Op, error) {
	var ops []table.Op
	size, seen := 0, map[ID]bool{}
	for n, d := range some {
		if item, again := items[d.key(d.Instance)]; again && item.Revision != d.revision || seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		full := lane.waiting() >= r.waiting
		if size += len(d.Event.Body); len(ops) > 0 && (full || size > table.MaxTransactionSize/2) {
			return n, ops, nil
		}
		if full {
			out, err := r.crowdOut(ctx, d.lane, *lane)
			if err != nil {
				return 0, nil, err
			}
			ops = append(ops, out...)
			lane.head++
		}
		more, err := r.enter(ctx, &d, lane)
		if err != nil {
			return 0, nil, err
		}
		if ops = append(ops, more...); full {
			return n + 1, ops, nil
		}
	}
	return len(some), ops, nil
}

var errRaces = fault.New(fault.Unavailable, "the deliveries are being changed by too many at once")

// enter are the operations that put a delivery behind its lane.
func (r *Repository) enter(ctx context.Context, d *Delivery, lane *line) ([]table.Op, error) {
	before := *d
	d.State, d.number = Waiting, lane.next
	lane.next++
	item, err := r.encode(ctx, *d)
	if err != nil {
		return nil, err
	}
	condition := table.Absent()
	var ops []table.Op
	if before.revision > 0 {
		condition = table.Revision(before.revision)
		ops = append(ops, table.DeleteOp(before.listKey(), table.None()))
	}
	entry := table.Item{Key: d.lane.entryKey(d.number), Attributes: map[string]any{"event": d.ID.Event}, Expires: item.Expires}
	return append(ops,
		table.PutOp(item, condition), table.PutOp(listItem(*d, item.Expires), table.None()), table.PutOp(entry, table.None())), nil
}

// crowdOut are the operations that give up the first of a lane.
func (r *Repository) crowdOut(ctx context.Context, l Lane, lane line) ([]table.Op, error) {
	d, found, err := r.at(ctx, l, lane)
	if err != nil || !found {
		return []table.Op{table.DeleteOp(l.entryKey(lane.head), table.None())}, err
	}
	d.Error = fmt.Sprintf("%d later events were waiting behind it", r.waiting)
	return r.leave(ctx, d, Dead)
}

// leave are the operations that take a delivery out of its lane.
func (r *Repository) leave(ctx context.Context, d Delivery, state State) ([]table.Op, error) {
	ops := []table.Op{table.DeleteOp(d.listKey(), table.None()), table.DeleteOp(d.lane.entryKey(d.number), table.None())}
	d.State = state
	item, err := r.encode(ctx, d)
	if err != nil {
		return nil, err
	}
	return append(ops, table.PutOp(item, table.None()), table.PutOp(listItem(d, item.Expires), table.None())), nil
}

// write changes a lane together with what ops change. It reports false when
// others were faster or the answer was lost: the caller looks again.
func (r *Repository) write(ctx context.Context, l Lane, before, after line, ops []table.Op) (bool, error) {
	condition, old := table.Absent(), table.Key{}
	if before.revision > 0 {
		condition, old = table.Revision(before.revision), dueKey(l, before.due)
	}
	if after.waiting() <= 0 {
		ops = append(ops, table.DeleteOp(l.key(), condition), table.DeleteOp(old, table.None()))
	} else {
		ops = append(ops, table.PutOp(after.encode(l), condition))
		if due := dueKey(l, after.due); due != old {
			if old.Sort != "" {
				ops = append(ops, table.DeleteOp(old, table.None()))
			}
			ops = append(ops, table.PutOp(table.Item{Key: due, Attributes: map[string]any{
				"instance": string(l.Instance), "subscription": l.Subscription, "chat": l.Chat, "since": stamp(after.since),
			}}, table.None()))
		}
	}
	err := r.table.Write(ctx, ops...)
	switch {
	case err == nil:
		if after.waiting() > 0 && !after.due.Equal(before.due) || before.revision == 0 {
			r.scheduled(after.due)
		}
		return true, nil
	case errors.Is(err, table.ErrConflict), errors.Is(err, table.ErrUnknownOutcome):
		return false, nil
	default:
		return false, err
	}
}

func listItem(d Delivery, expires time.Time) table.Item {
	return table.Item{Key: d.listKey(), Attributes: map[string]any{"event": d.ID.Event, "subscription": d.Subscription}, Expires: expires}
}
