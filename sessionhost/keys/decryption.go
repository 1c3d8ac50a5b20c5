package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"roost/shared/table"
)

// What a decryption has changed and the decrypted event are one transaction:
// never is a session stored without the event that it was taken on for. When
// nothing else comes first, the transaction is that in which the event counts as
// handled: the event itself need not be written then, and what the message left
// behind (its secret, names, pairs) is in it too. Until then the table, and
// WhatsApp, have what they had before the message: should this process die, it
// comes again and is decrypted again. Whatever else is written meanwhile, an
// answer that was encrypted with the new session above all, takes it along,
// event and all.

// kept is a decryption that is in memory and not in the table yet.
type kept struct {
	sorts []string // of its changes, which are in pending
	event string   // that of the event, if no write has had it: the table cannot have it
}

// keepBytes and keepEdits bound what is kept, so that there is room for it in
// whatever transaction comes next. What is more is written at once.
const (
	keepBytes = 256 << 10
	keepEdits = 12
)

// DoDecryptionTxn implements [store.EventBuffer]: what fn stores with the
// context it is given is kept, or written, in one piece at the end, or not at
// all. Every fault of the table, in fn too, wraps context.Canceled.
func (k *Keys) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if k.joined(ctx) != nil {
		return fn(ctx)
	}
	err := k.decrypt(ctx, fn)
	var fault *undecided
	if errors.As(err, &fault) && ctx.Err() == nil {
		k.report(fault.err)
	}
	return err
}

func (k *Keys) decrypt(ctx context.Context, fn func(context.Context) error) error {
	if !holding(ctx, k) {
		if err := k.ratchet.lock(ctx); err != nil {
			return leaveForLater(err)
		}
		defer k.ratchet.unlock()
	}
	if err := k.io.lock(ctx); err != nil {
		return leaveForLater(err)
	}
	defer k.io.unlock()
	if err := k.ready(ctx); err != nil {
		return leaveForLater(err)
	}
	tx := k.begin()
	tx.decrypting = true
	err := fn(context.WithValue(ctx, txnKey{}, tx))
	if tx.fault != nil {
		return tx.fault // whatever fn made of it
	}
	if err != nil || len(tx.order) == 0 {
		return err
	}
	if event := tx.event(); event != "" && len(k.kept.sorts) == 0 && tx.small() {
		k.kept = kept{sorts: tx.order, event: event}
		k.postpone(tx, lazily)
		return nil
	}
	return leaveForLater(k.commit(ctx, tx, true)) // with what was kept before, whose event nobody has taken
}

func (tx *txn) small() bool {
	size := 0
	for _, e := range tx.edits {
		size += len(e.value)
	}
	return size <= keepBytes && len(tx.order) <= keepEdits
}

// event is the sort key of the event that was decrypted, "" for none.
func (tx *txn) event() string {
	for _, sort := range tx.order {
		if strings.HasPrefix(sort, prefixOpen) && tx.edits[sort].value != nil {
			return sort
		}
	}
	return ""
}

// forget makes memory show that the kept event has been handled. It reports false
// when the table may have that event. io is held.
func (k *Keys) forget(sort string) bool {
	if sort != k.kept.event {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pending, sort)
	k.apply(sort, nil)
	k.kept.sorts = slices.DeleteFunc(k.kept.sorts, func(s string) bool { return s == sort })
	k.kept.event = ""
	return true
}

// addKept puts what is kept into b, but for what tx has newer. It is small
// enough for a transaction of its own.
func (k *Keys) addKept(b *batch, tx *txn) bool {
	for _, sort := range k.kept.sorts {
		e, waits := k.pending[sort]
		if _, newer := tx.edits[sort]; waits && !newer && !k.add(b, sort, e) {
			return false
		}
	}
	return true
}

// commitKept writes what is kept by itself. io is held.
func (k *Keys) commitKept(ctx context.Context) error {
	b, none := k.newBatch(), k.begin()
	if !k.addKept(b, none) {
		return fmt.Errorf("a decryption of %d changes: %w", len(k.kept.sorts), table.ErrTooLarge)
	}
	return k.writeBatch(ctx, b, none)
}
