package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/table"
)

// edit is a new value for a sort key, nil to remove it.
type edit struct {
	value   []byte
	expires time.Time
}

// txn collects changes that are written together. It belongs to one goroutine,
// which holds io.
type txn struct {
	k          *Keys
	edits      map[string]edit
	order      []string // of edits
	decrypting bool
	fault      error // of the table, met while decrypting
}

type txnKey struct{}

func (k *Keys) begin() *txn {
	return &txn{k: k, edits: make(map[string]edit)}
}

// joined returns the transaction that ctx carries, nil for none.
func (k *Keys) joined(ctx context.Context) *txn {
	if tx, ok := ctx.Value(txnKey{}).(*txn); ok && tx.k == k {
		return tx
	}
	return nil
}

func (tx *txn) read(ctx context.Context, sort string) ([]byte, error) {
	if e, ok := tx.edits[sort]; ok {
		return e.value, nil
	}
	value, err := tx.k.fetch(ctx, sort)
	return value, tx.note(err)
}

func (tx *txn) readMany(ctx context.Context, sorts []string) (map[string][]byte, error) {
	values, err := tx.k.fetchMany(ctx, sorts)
	if err != nil {
		return nil, tx.note(err)
	}
	for _, sort := range sorts {
		if e, ok := tx.edits[sort]; ok {
			values[sort] = e.value
		}
	}
	return values, nil
}

// note remembers a fault of the table, which must not count as a message that
// cannot be decrypted.
func (tx *txn) note(err error) error {
	if err == nil || !tx.decrypting {
		return err
	}
	tx.fault = leaveForLater(err)
	return tx.fault
}

func (tx *txn) put(sort string, value []byte) error {
	return tx.putUntil(sort, value, time.Time{})
}

func (tx *txn) putUntil(sort string, value []byte, expires time.Time) error {
	if err := tx.k.key(sort).Validate(); err != nil {
		return err
	}
	if len(value) == 0 {
		return fmt.Errorf("empty value for %s: %w", kindOf(sort), table.ErrInvalid)
	}
	tx.set(sort, edit{value, expires})
	return nil
}

func (tx *txn) remove(sort string) { tx.set(sort, edit{}) }

func (tx *txn) set(sort string, e edit) {
	if _, again := tx.edits[sort]; !again {
		tx.order = append(tx.order, sort)
	}
	tx.edits[sort] = e
}

// urgency is how long a change may wait for company.
type urgency int

const (
	promptly      urgency = iota // written on return, all or nothing
	inPieces                     // written on return, many transactions if it must be
	beforeReceipt                // written before the message it came with is acknowledged
	lazily                       // a crash may forget it
)

// update runs fn as one step and writes what it changed. Inside a transaction
// it becomes part of it, whatever its urgency.
func (k *Keys) update(ctx context.Context, when urgency, fn func(*txn) error) error {
	if tx := k.joined(ctx); tx != nil {
		return fn(tx)
	}
	return k.exclusively(ctx, func() error { return k.step(ctx, when, fn) })
}

// apart is update that never joins a transaction.
func (k *Keys) apart(ctx context.Context, when urgency, fn func(*txn) error) error {
	if k.joined(ctx) != nil {
		return k.step(ctx, when, fn) // which holds io
	}
	return k.exclusively(ctx, func() error { return k.step(ctx, when, fn) })
}

func (k *Keys) step(ctx context.Context, when urgency, fn func(*txn) error) error {
	if err := k.ready(ctx); err != nil {
		return err
	}
	tx := k.begin()
	if err := fn(tx); err != nil || len(tx.order) == 0 {
		return err
	}
	if when == promptly || when == inPieces || len(tx.order) > pendingLimit {
		return k.commit(ctx, tx, when == promptly)
	}
	k.postpone(tx, when)
	if len(k.pending) > pendingLimit {
		return k.flush(ctx)
	}
	return nil
}

// fresh makes sure that memory may be trusted.
func (k *Keys) fresh(ctx context.Context) error {
	k.mu.Lock()
	failed, stale := k.failed, k.stale
	k.mu.Unlock()
	switch {
	case failed != nil || !stale:
		return failed
	case k.joined(ctx) != nil:
		return k.ready(ctx)
	}
	return k.exclusively(ctx, func() error { return k.ready(ctx) })
}

// exclusively runs fn with io held.
func (k *Keys) exclusively(ctx context.Context, fn func() error) error {
	if err := k.io.lock(ctx); err != nil {
		return err
	}
	err := func() error {
		defer k.io.unlock()
		return fn()
	}()
	if errors.Is(err, ErrFenced) {
		k.report(err)
	}
	return err
}

// report tells the host, of a fence only once. No lock is held.
func (k *Keys) report(err error) {
	if errors.Is(err, ErrFenced) && k.told.Swap(true) {
		return
	}
	k.options.OnFailure(err)
}

// pendingLimit keeps room in the next transaction for the change it carries.
const pendingLimit = 40

func (k *Keys) postpone(tx *txn, when urgency) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sort := range tx.order {
		e := tx.edits[sort]
		k.pending[sort] = e
		k.apply(sort, e.value)
	}
	k.owed = k.owed || when == beforeReceipt
}
