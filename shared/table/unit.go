package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Unit is a unit of work: a table whose writes wait until they are committed
// together, and in which nothing is read twice. Code that knows nothing of it
// works on it as on the table behind, and what it has written it reads back. So
// several steps that each read and write become one request of either kind.
//
// Conditions are judged at once where what they ask about has been read or
// written in the unit, and again by the table when the unit is committed: one
// that no longer holds then refuses the whole unit, which is to be dropped.
// Revisions of what was written in a unit mean nothing outside.
//
// A unit is kept in memory and is for little: [MaxTransactionOps]. It keeps the
// items that it was given, which must not be changed any more.
type Unit struct {
	inner Table

	mu      sync.Mutex    // guards what follows
	known   map[Key]*Item // as stored behind; nil for what is not there
	changes map[Key]*change
	order   []Key // of changes
	written int64 // how many puts there were
}

var _ Table = (*Unit)(nil)

// change is what a unit does to one item.
type change struct {
	op  Op
	now *Item // what is there then, nil for nothing; of a check it is not known
}

// firstRevision is far from those of tables, so that none is taken for another.
const firstRevision = 1 << 40

// NewUnit begins a unit of work on inner.
func NewUnit(inner Table) *Unit {
	return &Unit{inner: inner, known: map[Key]*Item{}, changes: map[Key]*change{}}
}

// Unwrap returns the table behind.
func (u *Unit) Unwrap() Table { return u.inner }

// Ops are what has been written, as one transaction does it. Conditions are
// among them.
func (u *Unit) Ops() []Op {
	u.mu.Lock()
	defer u.mu.Unlock()
	ops := make([]Op, len(u.order))
	for n, key := range u.order {
		ops[n] = u.changes[key].op
	}
	return ops
}

// Commit writes it to the table behind, all or nothing. Errors are those of
// Write, whose numbers of operations are of no use here.
func (u *Unit) Commit(ctx context.Context) error {
	ops := u.Ops()
	if len(ops) == 0 {
		return nil
	}
	return u.inner.Write(ctx, ops...)
}

// state is the item as the unit knows it, nil for none; false when it does not.
func (u *Unit) state(key Key) (*Item, bool) {
	if c, ok := u.changes[key]; ok && c.op.Kind != OpCheck {
		return c.now, true
	}
	item, ok := u.known[key]
	return item, ok
}

// Get implements [Table].
func (u *Unit) Get(ctx context.Context, key Key) (Item, error) {
	u.mu.Lock()
	item, ok := u.state(key)
	u.mu.Unlock()
	if ok {
		if item == nil {
			return Item{}, fmt.Errorf("get %s: %w", key, ErrNotFound)
		}
		return handed(item), nil
	}
	got, err := u.inner.Get(ctx, key)
	switch {
	case err == nil:
		u.learn(key, &got)
		return handed(&got), nil
	case errors.Is(err, ErrNotFound):
		u.learn(key, nil)
	}
	return Item{}, err
}

// learn remembers what was read behind, unless that is known by now.
func (u *Unit) learn(key Key, item *Item) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.known[key]; !ok {
		u.known[key] = item
	}
}

// BatchGet implements [Table].
func (u *Unit) BatchGet(ctx context.Context, keys []Key) (map[Key]Item, error) {
	found, err := u.find(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[Key]Item, len(keys))
	for n, item := range found {
		if item != nil {
			out[keys[n]] = handed(item)
		}
	}
	return out, nil
}

// Ahead reads items that are going to be asked for.
func (u *Unit) Ahead(ctx context.Context, keys []Key) error {
	_, err := u.find(ctx, keys)
	return err
}

// find returns the items under keys, nil for what is not there. They are the
// unit's own.
func (u *Unit) find(ctx context.Context, keys []Key) ([]*Item, error) {
	out := make([]*Item, len(keys))
	missing := u.fill(out, keys)
	if len(missing) == 0 {
		return out, nil
	}
	if under, ok := u.inner.(*Unit); ok {
		found, err := under.find(ctx, missing)
		if err != nil {
			return nil, err
		}
		for n, key := range missing {
			u.learn(key, found[n])
		}
	} else {
		got, err := u.inner.BatchGet(ctx, missing)
		if err != nil {
			return nil, err
		}
		for _, key := range missing {
			if item, ok := got[key]; ok {
				u.learn(key, &item)
			} else {
				u.learn(key, nil)
			}
		}
	}
	u.fill(out, keys)
	return out, nil
}

// fill puts what is known into out and returns the keys that are not.
func (u *Unit) fill(out []*Item, keys []Key) []Key {
	u.mu.Lock()
	defer u.mu.Unlock()
	var missing []Key
	for n, key := range keys {
		item, ok := u.state(key)
		if out[n] = item; !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

// handed is an item for a caller, who may change it.
func handed(item *Item) Item {
	out := *item
	out.Attributes = maps.Clone(item.Attributes)
	return out
}

// Put implements [Table].
func (u *Unit) Put(ctx context.Context, item Item, condition Condition) (int64, error) {
	if err := u.Write(ctx, PutOp(item, condition)); err != nil {
		return 0, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.changes[item.Key].now.Revision, nil
}

// Delete implements [Table].
func (u *Unit) Delete(ctx context.Context, key Key, condition Condition) error {
	return u.Write(ctx, DeleteOp(key, condition))
}

// BatchWrite implements [Table]. It is atomic here.
func (u *Unit) BatchWrite(ctx context.Context, puts []Item, deletes []Key) error {
	if err := ValidateBatch(puts, deletes); err != nil {
		return err
	}
	ops := make([]Op, 0, len(puts)+len(deletes))
	for _, item := range puts {
		ops = append(ops, PutOp(item, None()))
	}
	for _, key := range deletes {
		ops = append(ops, DeleteOp(key, None()))
	}
	return u.Write(ctx, ops...)
}

// Write implements [Table].
func (u *Unit) Write(_ context.Context, ops ...Op) error {
	if err := ValidateOps(ops); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for n, op := range ops {
		if item, ok := u.state(op.Item.Key); ok && !op.Condition.Met(item) {
			return &ConflictError{Op: n, Key: op.Item.Key}
		}
	}
	for _, op := range ops {
		u.apply(op)
	}
	return nil
}

// apply takes up an operation whose condition holds as far as the unit knows.
func (u *Unit) apply(op Op) {
	key := op.Item.Key
	c, again := u.changes[key]
	if !again {
		c = &change{op: op}
		u.changes[key] = c
		u.order = append(u.order, key)
	} else {
		if c.op.Kind == OpCheck && !equalConditions(c.op.Condition, op.Condition) {
			c.op.Condition = And(c.op.Condition, op.Condition) // of later ones the unit is the judge
		}
		if op.Kind != OpCheck {
			c.op.Kind, c.op.Item = op.Kind, op.Item
		}
	}
	switch op.Kind {
	case OpPut:
		item := op.Item
		u.written++
		item.Revision = firstRevision + u.written
		c.now = &item
	case OpDelete:
		c.now = nil
	case OpCheck:
	}
}

func equalConditions(a, b Condition) bool {
	return slices.EqualFunc(a.Terms, b.Terms, func(a, b Term) bool {
		return a.Value == nil && b.Value == nil && a.Kind == b.Kind && a.Attribute == b.Attribute && a.Number == b.Number
	})
}

// Query implements [Table]. A range in which the unit has written is read as one
// page: [ErrInvalid] when there would be more.
func (u *Unit) Query(ctx context.Context, query Query) (Page, error) {
	page, err := u.inner.Query(ctx, query)
	if err != nil {
		return page, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	changed := map[string]*Item{}
	for _, key := range u.order {
		c := u.changes[key]
		if c.op.Kind != OpCheck && key.Partition == query.Partition && query.covers(key.Sort) {
			changed[key.Sort] = c.now
		}
	}
	if len(changed) == 0 {
		return page, nil
	}
	if page.Cursor != "" || query.Cursor != "" || query.Limit > 0 {
		return Page{}, fmt.Errorf("query pages of what a unit of work has changed: %w", ErrInvalid)
	}
	items := slices.DeleteFunc(page.Items, func(item Item) bool { _, ok := changed[item.Sort]; return ok })
	for _, item := range changed {
		if item != nil {
			items = append(items, handed(item))
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		if query.Reverse {
			a, b = b, a
		}
		return cmp.Compare(a.Sort, b.Sort)
	})
	return Page{Items: items}, nil
}

// covers reports whether a sort key is in the query's range.
func (q Query) covers(sort string) bool {
	return strings.HasPrefix(sort, q.Prefix) && sort >= q.From && (q.To == "" || sort <= q.To)
}

// Increment implements [Table]: never, since its sum is the table's to know.
func (u *Unit) Increment(context.Context, Key, string, int64) (int64, error) {
	return 0, fmt.Errorf("increment in a unit of work: %w", ErrInvalid)
}
