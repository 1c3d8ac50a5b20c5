package transcript

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// earlyLife is how long a status waits for its message.
const earlyLife = 24 * time.Hour

// order is the order of package message.
var order = []message.Status{
	message.StatusError, message.StatusPending, message.StatusServer, message.StatusDelivered,
	message.StatusRead, message.StatusPlayed, message.StatusDeleted,
}

// rank is a status' place in the order, -1 for none or one that is unknown.
func rank(s message.Status) int { return slices.Index(order, s) }

// later is the one that comes later.
func later(a, b message.Status) message.Status {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// advance moves the status of a chat's message forward, which is the account's
// own or may be anybody's, and stores the receipt that says so, nil for none. A
// status that comes before its message waits for it.
func (r *Repository) advance(ctx context.Context, i instance.ID, c Chat, messageID string, own bool, to message.Status, receipt *table.Item) error {
	if rank(to) < 0 {
		return nil
	}
	return r.amend(ctx, i, c, messageID, own, forward(to), receipt)
}

// forward moves an entry's status on, and reports whether it has.
func forward(to message.Status) func(*table.Item) bool {
	return func(item *table.Item) bool {
		if rank(to) <= rank(message.Status(item.Text("status"))) {
			return false
		}
		item.Attributes["status"] = string(to)
		return true
	}
}

// amend changes the entry of a chat's message, or the item in which what was
// said about it waits, and stores the receipt that says so, nil for none. change
// reports whether it has changed the item.
func (r *Repository) amend(ctx context.Context, i instance.ID, c Chat, messageID string, own bool, change func(*table.Item) bool, receipt *table.Item) error {
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		ops, err := r.amended(ctx, i, c, messageID, own, change)
		if err != nil {
			return err
		}
		if receipt != nil {
			ops = append(ops, table.PutOp(*receipt, table.None()))
		}
		if len(ops) == 0 {
			return nil
		}
		err = r.table.Write(ctx, append([]table.Op{table.CheckOp(sealKey(i), table.Absent())}, ops...)...)
		if err == nil {
			return nil
		}
		conflict, ok := errors.AsType[*table.ConflictError](err)
		if ok && conflict.Op == 0 {
			return ErrSealed
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return fmt.Errorf("amend message %s: %w", messageID, err)
		}
	}
	return fault.New(fault.Unavailable, "the message is being changed by too many at once")
}

// amended are the operations that change the entry of a chat's message, or the
// item in which what was said about it waits.
func (r *Repository) amended(ctx context.Context, i instance.ID, c Chat, messageID string, own bool, change func(*table.Item) bool) ([]table.Op, error) {
	if messageID == "" {
		return nil, nil
	}
	items, err := r.entriesOf(ctx, i, c, messageID, own)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		if items, err = r.early(ctx, i, messageID); err != nil {
			return nil, err
		}
	}
	var ops []table.Op
	for _, item := range items {
		if change(&item) {
			ops = append(ops, table.PutOp(item, asRead(item.Revision)))
		}
	}
	return ops, nil
}

// entriesOf are the entries of a chat's message. Of the account's own messages the
// chat knows where the last one is, and nobody else can have given its id to
// another.
func (r *Repository) entriesOf(ctx context.Context, i instance.ID, c Chat, messageID string, own bool) ([]table.Item, error) {
	if own && messageID == c.LastID && c.lastSort != "" {
		last, err := r.table.Get(ctx, c.lastKey(i))
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return nil, fmt.Errorf("read message %s: %w", messageID, err)
		}
		if err == nil && last.Flag("from_me") && last.Text("message") == messageID {
			return []table.Item{last}, nil
		}
	}
	items, err := r.find(ctx, i, messageID)
	if err != nil {
		return nil, err
	}
	partitions := c.partitions(i)
	return slices.DeleteFunc(items, func(item table.Item) bool { return !slices.Contains(partitions, item.Partition) }), nil
}

// early is the item in which a status waits for its message, new or stored.
func (r *Repository) early(ctx context.Context, i instance.ID, messageID string) ([]table.Item, error) {
	key := earlyKey(i, messageID)
	item, err := r.table.Get(ctx, key)
	if errors.Is(err, table.ErrNotFound) {
		// Most that wait are about messages from before Roost, which never come.
		return []table.Item{{Key: key, Attributes: map[string]any{}, Expires: r.now().Add(earlyLife)}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read status of message %s: %w", messageID, err)
	}
	return []table.Item{item}, nil
}
