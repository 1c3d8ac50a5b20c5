package keys

import (
	"context"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// MigratePNToLID implements [store.SessionStore]: what is stored for a phone
// number becomes its LID's, replacing that. whatsmeow asks for it with every
// message addressed by number, and there is next to never anything to move:
// memory knows all such addresses, so that asking costs nothing. It waits for a
// send: one that began before the LID was known stores its session for the
// number, which would stay behind and later replace the LID's. An answer asks
// for it itself.
func (k *Keys) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	if k.joined(ctx) == nil && !holding(ctx, k) && !k.answering() {
		if err := k.ratchet.lock(ctx); err != nil {
			return err
		}
		defer k.ratchet.unlock()
	}
	k.mu.Lock()
	nothing := len(k.natives) == 0 && !k.stale && k.failed == nil
	k.mu.Unlock()
	if nothing && k.joined(ctx) == nil {
		return nil
	}
	from, to := pn.SignalAddressUser()+":", lid.SignalAddressUser()+":"
	for {
		moved := 0
		err := k.update(ctx, promptly, func(tx *txn) error {
			var err error
			moved, err = tx.migrate(ctx, from, to)
			return err
		})
		if err != nil || moved < migrateSlice || k.joined(ctx) != nil {
			return err
		}
	}
}

// migrateSlice is how many addresses move in one transaction: each is two
// operations, more if it is split.
const migrateSlice = 20

func (tx *txn) migrate(ctx context.Context, from, to string) (int, error) {
	sorts := append(tx.nativesOf(prefixNativePeer+from), tx.nativesOf(prefixNativeSender+from)...)
	if len(sorts) > migrateSlice && !tx.decrypting {
		sorts = sorts[:migrateSlice]
	}
	for _, sort := range sorts {
		value, err := tx.read(ctx, sort)
		if err != nil {
			return 0, err
		}
		if group, ok := strings.CutPrefix(sort, prefixNativeSender+from); ok {
			err = tx.put(prefixSender+to+group, value)
		} else {
			err = tx.migratePeer(ctx, value, prefixPeer+to+strings.TrimPrefix(sort, prefixNativePeer+from))
		}
		if err != nil {
			return 0, err
		}
		tx.remove(sort)
	}
	return len(sorts), nil
}

func (tx *txn) migratePeer(ctx context.Context, value []byte, sort string) error {
	moved, err := decodePeer(value)
	if err != nil {
		return err
	}
	return tx.editPeer(ctx, sort, func(p *peer) {
		if moved.identity != nil {
			p.identity = moved.identity
		}
		if moved.session != nil {
			p.session = moved.session
		}
	})
}

// nativesOf returns the sort keys of addresses without LID that begin with
// prefix, in order.
func (tx *txn) nativesOf(prefix string) []string {
	tx.k.mu.Lock()
	defer tx.k.mu.Unlock()
	var sorts []string
	for sort := range tx.k.natives {
		if _, changed := tx.edits[sort]; !changed && strings.HasPrefix(sort, prefix) {
			sorts = append(sorts, sort)
		}
	}
	for sort, e := range tx.edits {
		if e.value != nil && strings.HasPrefix(sort, prefix) {
			sorts = append(sorts, sort)
		}
	}
	slices.Sort(sorts)
	return sorts
}
