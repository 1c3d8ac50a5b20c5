package companion

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/store"
)

// Store is everything one whatsmeow client keeps, in memory: the device itself
// and every store interface of whatsmeow. It behaves as whatsmeow's sqlstore
// does, with these differences:
//
//   - prekey ids are never used twice, even if the highest was removed;
//   - DeleteAllIdentities and DeleteAllSessions with the bare user of a LID find
//     its addresses too (sqlstore looks for "user:" where they read "user_1:");
//   - an entry without a message secret, or a write to no privacy tokens, is
//     ignored rather than an SQL error;
//   - nothing is kept outside the transaction, so a rollback leaves no trace.
//
// Isolation is read committed: reads outside a decryption transaction do not
// see it, writes outside do not wait for it, and the later write wins. That is
// what a database gives a client as well, and what makes sending to and
// receiving from one contact at the same time a hazard.
//
// The zero value is an empty store. It is safe for concurrent use. It must not
// be copied; see [Store.Clone].
type Store struct {
	// Compact forgets what grows with every message and only rare features
	// ask for: message secrets (poll votes, encrypted edits and reactions).
	// For load. Set it before first use.
	Compact bool

	hooks atomic.Pointer[Hooks]
	txn   sync.Mutex // held by a transaction; taken before mu

	mu         sync.Mutex // guards all below
	base       state
	lastPreKey uint32           // like an SQL sequence: not rolled back
	now        func() time.Time // time.Now if nil
}

// Hooks watch and disturb the calls of a store. Methods are named as in
// whatsmeow's interfaces. The functions may be called concurrently and must not
// use the store.
type Hooks struct {
	// Calls, if set, counts every call.
	Calls *Counter
	// Delay is how long each call takes before it has its effect. For
	// DoDecryptionTxn it comes before the function runs.
	Delay time.Duration
	// Fail, if set, may return an error instead of the call's effect.
	Fail func(method string) error
	// FailAfter, if set, may return an error although the call had its effect:
	// the answer that got lost. For DoDecryptionTxn that is after the commit.
	FailAfter func(method string) error
}

var (
	_ store.AllStores       = (*Store)(nil)
	_ store.DeviceContainer = (*Store)(nil)
)

var errTransactionOver = errors.New("the decryption transaction is over")

// Hook replaces the hooks of s. It may be called at any time.
func (s *Store) Hook(h Hooks) { s.hooks.Store(&h) }

// Clone returns a store with the rows of s as they are now, without an open
// transaction and without hooks: what another process finds after a crash. An
// older clone is a backup put back.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Store{Compact: s.Compact, lastPreKey: s.lastPreKey, now: s.now, base: *s.base.clone()}
	// sqlstore keeps this in memory only, so that a restart looks again.
	c.base.migrated.clear()
	return c
}

// DoDecryptionTxn runs fn in a transaction: what fn does to s with the context
// it gets counts only if fn returns nil and that context has not ended.
// Transactions run one at a time; one inside another joins it.
func (s *Store) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(txnKey{s}) != nil {
		return fn(ctx)
	}
	hooks := s.hooks.Load()
	if err := hooks.before(ctx, "DoDecryptionTxn"); err != nil {
		return err
	}
	if err := s.transact(ctx, fn); err != nil {
		return err
	}
	return hooks.after("DoDecryptionTxn")
}

func (s *Store) transact(ctx context.Context, fn func(context.Context) error) error {
	s.txn.Lock()
	defer s.txn.Unlock()
	s.mu.Lock()
	tx := &transaction{changes: s.base.begin()}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		tx.over = true
		s.mu.Unlock()
	}()
	if err := fn(context.WithValue(ctx, txnKey{s}, tx)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx.changes.commit()
	return nil
}

type txnKey struct{ store *Store }

type transaction struct {
	changes *state
	over    bool
}

// call is the way of every other method to the rows. An effect that returns an
// error must not have changed anything.
func (s *Store) call(ctx context.Context, method string, effect func(*state) error) error {
	hooks := s.hooks.Load()
	if err := hooks.before(ctx, method); err != nil {
		return err
	}
	if err := s.apply(ctx, effect); err != nil {
		return err
	}
	return hooks.after(method)
}

func (s *Store) apply(ctx context.Context, effect func(*state) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, ok := ctx.Value(txnKey{s}).(*transaction)
	switch {
	case !ok:
		return effect(&s.base)
	case tx.over:
		return errTransactionOver
	default:
		return effect(tx.changes)
	}
}

// do is call for an effect that cannot fail.
func (s *Store) do(ctx context.Context, method string, effect func(*state)) error {
	return s.call(ctx, method, func(st *state) error {
		effect(st)
		return nil
	})
}

// clock must be called with mu held.
func (s *Store) clock() time.Time {
	if s.now != nil {
		return s.now()
	}
	return time.Now()
}

func (h *Hooks) before(ctx context.Context, method string) error {
	if h != nil {
		h.Calls.add(method)
		if h.Delay > 0 {
			timer := time.NewTimer(h.Delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if h.Fail != nil {
			if err := h.Fail(method); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (h *Hooks) after(method string) error {
	if h == nil || h.FailAfter == nil {
		return nil
	}
	return h.FailAfter(method)
}
