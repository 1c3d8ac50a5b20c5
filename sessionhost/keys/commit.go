package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/shared/table"
)

// batch is a transaction being put together.
type batch struct {
	ops  []table.Op // but for the fence
	size int
	sort []string
	part []int // of each sort
	key  bool  // stores the data key
}

// sizeLimit leaves room for the fence and the data key.
const sizeLimit = table.MaxTransactionSize - 16<<10

// commit writes the changes of tx with what is kept of a decryption, and what
// else is pending if there is room. If all must be written together it fails with
// [table.ErrTooLarge] when they cannot; otherwise a failure leaves the first of
// them written. io is held.
func (k *Keys) commit(ctx context.Context, tx *txn, together bool) error {
	for next := 0; ; {
		b := k.newBatch()
		from := next
		room := k.addKept(b, tx)
		for next < len(tx.order) && k.add(b, tx.order[next], tx.edits[tx.order[next]]) {
			next++
		}
		if len(k.kept.sorts) > 0 && (!room || next < len(tx.order)) { // not both at once: in the order they came
			if err := k.commitKept(ctx); err != nil {
				return err
			}
			next = from
			continue
		}
		if next < len(tx.order) && (together || next == from) {
			return fmt.Errorf("%d changes: %w", len(tx.order), table.ErrTooLarge)
		}
		if next == len(tx.order) {
			k.addPending(b, tx)
		}
		if len(b.sort) == 0 {
			return nil
		}
		if err := k.writeBatch(ctx, b, tx); err != nil {
			return err
		}
		if next == len(tx.order) {
			return nil
		}
	}
}

// writeBatch writes a batch that has all that is kept.
func (k *Keys) writeBatch(ctx context.Context, b *batch, tx *txn) error {
	k.kept.event = "" // from now on the table may have it
	if err := k.write(ctx, b.ops); err != nil {
		return err
	}
	k.written(b, tx)
	return nil
}

// flush writes everything pending. io is held.
func (k *Keys) flush(ctx context.Context) error {
	if err := k.ready(ctx); err != nil {
		return err
	}
	for len(k.pending) > 0 {
		if err := k.commit(ctx, k.begin(), true); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keys) newBatch() *batch {
	b := &batch{}
	if !k.keySaved {
		item := table.Item{
			Key: k.key(sortDataKey), Body: k.wrapped,
			Attributes: map[string]any{attributeEpoch: k.epoch},
		}
		b.ops = append(b.ops, table.PutOp(item, k.condition()))
		b.key = true
	}
	return b
}

func (k *Keys) condition() table.Condition { return table.AtMost(attributeEpoch, k.epoch) }

func (k *Keys) addPending(b *batch, tx *txn) {
	for sort, e := range k.pending {
		if _, newer := tx.edits[sort]; !newer && !slices.Contains(k.kept.sorts, sort) {
			k.add(b, sort, e)
		}
	}
}

// add puts a change into b if it fits.
func (k *Keys) add(b *batch, sort string, e edit) bool {
	var ops []table.Op
	size, parts := 0, 0
	if e.value != nil {
		key := k.key(sort)
		bodies := split(k.sealer.Seal(pack(e.value), place(key)), key)
		parts = len(bodies) - 1
		for i, body := range bodies {
			item := table.Item{Key: key, Expires: e.expires, Body: body, Attributes: map[string]any{attributeEpoch: k.epoch}}
			if i > 0 {
				item.Sort = partSort(sort, i)
			} else if parts > 0 {
				item.Attributes[attributeParts] = int64(parts)
			}
			ops = append(ops, table.PutOp(item, k.condition()))
			size += table.Size(item)
		}
	} else {
		ops = append(ops, table.DeleteOp(k.key(sort), k.condition()))
	}
	for i := parts + 1; i <= k.parts[sort]; i++ {
		ops = append(ops, table.DeleteOp(k.key(partSort(sort, i)), k.condition()))
	}
	if 1+len(b.ops)+len(ops) > table.MaxTransactionOps || b.size+size > sizeLimit {
		return false
	}
	b.ops = append(b.ops, ops...)
	b.size += size
	b.sort = append(b.sort, sort)
	b.part = append(b.part, parts)
	return true
}

// written makes memory show what the table now holds.
func (k *Keys) written(b *batch, tx *txn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keySaved = k.keySaved || b.key
	for i, sort := range b.sort {
		if e, changed := tx.edits[sort]; changed {
			k.apply(sort, e.value)
		}
		delete(k.pending, sort)
		if b.part[i] > 0 {
			k.parts[sort] = b.part[i]
		} else {
			delete(k.parts, sort)
		}
	}
	k.kept = kept{}
	k.owed = k.owed && len(k.pending) > 0
}

// write sends a transaction behind the fence: it is put in order after all
// others of this owner, and refused once there is another.
func (k *Keys) write(ctx context.Context, changes []table.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k.seq++
	fence := table.PutOp(k.fenceItem(), table.And(
		k.condition(), table.Equals(attributeOwner, k.owner), table.AtMost(attributeSeq, k.seq)))
	ops := append([]table.Op{fence}, changes...)
	err := k.table.Write(ctx, ops...)
	if unknown(err) {
		err = k.settle(ctx, ops, err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, table.ErrConflict):
		return k.fenced()
	}
	return fmt.Errorf("write keys: %w", err)
}

// settle finds out whether ops were written, and writes them if they were not.
// The fence tells. What has not arrived may still be on its way, so the same
// transaction is sent until something is certain: twice is once. If nothing
// becomes certain, memory is stale.
func (k *Keys) settle(ctx context.Context, ops []table.Op, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	for wait := settlePause; wait < settlePause<<settleTries && pause(ctx, wait); wait *= 2 {
		item, readErr := k.table.Get(ctx, ops[0].Item.Key)
		switch {
		case readErr != nil:
			continue
		case item.Attributes[attributeOwner] != k.owner:
			return k.fenced()
		case item.Attributes[attributeSeq] == k.seq:
			return nil
		}
		again := k.table.Write(ctx, ops...)
		if again == nil || errors.Is(again, table.ErrConflict) {
			return again
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stale = true
	return err
}

// unknown tells whether a write may have happened. What the contract of the
// table does not name is not trusted, nor that a context ended in time.
func unknown(err error) bool {
	if err == nil || errors.Is(err, table.ErrUnknownOutcome) {
		return err != nil
	}
	for _, certain := range [...]error{table.ErrConflict, table.ErrTooLarge, table.ErrInvalid, table.ErrUnavailable} {
		if errors.Is(err, certain) {
			return false
		}
	}
	return true
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fenced ends these keys: whatever memory holds is no longer true.
func (k *Keys) fenced() error {
	k.end(ErrFenced)
	return ErrFenced
}
