package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"roost/shared/seal"
	"roost/shared/table"
)

// Attributes of items. Only the fence has owner and seq, only what is split has
// parts.
const (
	attributeEpoch = "epoch"
	attributeOwner = "owner"
	attributeSeq   = "seq"
	attributeParts = "parts"
)

// How long the outcome of one write is asked for: after 10, 20, 40, 80, 160 and
// 320 ms, at most 5 s in all.
const (
	settlePause   = 10 * time.Millisecond
	settleTries   = 6
	settleTimeout = 5 * time.Second
)

// ready loads the keys if memory does not hold what the table does. io is held.
func (k *Keys) ready(ctx context.Context) error {
	k.mu.Lock()
	failed, stale := k.failed, k.stale
	k.mu.Unlock()
	if failed != nil {
		return failed
	}
	if !stale {
		return nil
	}
	if err := k.claim(ctx); err != nil {
		return err
	}
	return k.load(ctx)
}

func (k *Keys) fenceItem() table.Item {
	return table.Item{Key: k.key(sortFence), Attributes: map[string]any{
		attributeEpoch: k.epoch, attributeOwner: k.owner, attributeSeq: k.seq,
	}}
}

// claim makes a new owner name the only one that can write, which also ends
// writes of the old name that are still on their way.
func (k *Keys) claim(ctx context.Context) error {
	k.owner, k.seq = rand.Text(), 0
	_, err := k.table.Put(ctx, k.fenceItem(), table.AtMost(attributeEpoch, k.epoch))
	switch {
	case errors.Is(err, table.ErrConflict):
		return k.fenced()
	case errors.Is(err, table.ErrUnknownOutcome):
		return nil // load meets the fence and looks
	case err != nil:
		return fmt.Errorf("claim: %w", err)
	}
	return nil
}

func (k *Keys) load(ctx context.Context) error {
	var items []table.Item
	for item, err := range table.All(ctx, k.table, table.Query{Partition: k.partition, Prefix: prefixLoaded}) {
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		items = append(items, item)
	}
	var dataKey []byte
	var owner any
	purge := false
	for _, item := range items {
		switch item.Sort {
		case sortDataKey:
			dataKey = item.Body
		case sortFence:
			owner = item.Attributes[attributeOwner]
		case sortPurge:
			purge = true
		}
	}
	if owner != k.owner {
		// Either the claim never arrived or somebody else's did since.
		return fmt.Errorf("claim: %w", table.ErrUnavailable)
	}
	if purge {
		if err := k.purge(ctx); err != nil {
			return err
		}
		return k.load(ctx)
	}
	if err := k.unlock(ctx, dataKey); err != nil {
		return err
	}
	values := make(map[string][]byte, len(items))
	parts := make(map[string]int)
	for _, item := range items {
		if n := partsOf(item); n > 0 {
			parts[item.Sort] = n
		}
		switch {
		case item.Sort == sortDataKey || item.Sort == sortFence:
		case strings.HasPrefix(item.Sort, prefixOpen):
			values[item.Sort] = nil // read again if it is asked for
		default:
			value, err := k.decode(ctx, item)
			if err != nil {
				return err
			}
			values[item.Sort] = value
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reset()
	k.parts = parts
	for sort, value := range values {
		if strings.HasPrefix(sort, prefixOpen) {
			k.open[sort] = true
			continue
		}
		k.apply(sort, value)
	}
	for sort, e := range k.pending {
		k.apply(sort, e.value)
	}
	k.stale = false
	return nil
}

// unlock unwraps the data key, or makes one that the first write stores.
func (k *Keys) unlock(ctx context.Context, stored []byte) error {
	if stored != nil && string(stored) == string(k.wrapped) || stored == nil && k.wrapped != nil {
		k.keySaved = stored != nil
		return nil
	}
	var key []byte
	var err error
	wrapped := stored
	if stored != nil {
		key, err = k.wrapper.Unwrap(ctx, stored)
	} else {
		key = seal.NewKey()
		wrapped, err = k.wrapper.Wrap(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("data key: %w", err)
	}
	sealer, err := seal.New(key)
	clear(key)
	if err != nil {
		return err
	}
	k.sealer, k.wrapped, k.keySaved = sealer, wrapped, stored != nil
	return nil
}

// decode opens an item, and fetches its parts.
func (k *Keys) decode(ctx context.Context, item table.Item) ([]byte, error) {
	body := item.Body
	if n := partsOf(item); n > 0 {
		wanted := make([]table.Key, n)
		for i := range wanted {
			wanted[i] = k.key(partSort(item.Sort, i+1))
		}
		found, err := k.table.BatchGet(ctx, wanted)
		if err != nil {
			return nil, fmt.Errorf("read parts of %s: %w", kindOf(item.Sort), err)
		}
		for _, key := range wanted {
			body = append(body, found[key].Body...)
		}
	}
	packed, err := k.sealer.Open(body, place(item.Key))
	if err != nil {
		return nil, fmt.Errorf("item of %s: %w", kindOf(item.Sort), err)
	}
	value, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("item of %s: %w", kindOf(item.Sort), err)
	}
	return value, nil
}

func partsOf(item table.Item) int {
	n, _ := item.Attributes[attributeParts].(int64)
	return int(n)
}

// apply makes memory show a value, nil for none. mu is held.
func (k *Keys) apply(sort string, value []byte) {
	switch {
	case strings.HasPrefix(sort, prefixOpen):
		setOrDelete(k.open, sort, value != nil)
	case strings.HasPrefix(sort, prefixPair):
		k.pairs.replace(sort, value)
	case strings.HasPrefix(sort, prefixDone):
		k.done.replace(sort, value)
	case strings.HasPrefix(sort, prefixNativePeer), strings.HasPrefix(sort, prefixNativeSender):
		setOrDelete(k.natives, sort, value != nil)
		k.cache.put(sort, value)
	default:
		k.cache.put(sort, value)
	}
}

func setOrDelete(set map[string]bool, key string, in bool) {
	if in {
		set[key] = true
	} else {
		delete(set, key)
	}
}
