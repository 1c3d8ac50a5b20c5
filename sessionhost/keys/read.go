package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"roost/shared/table"
)

// read returns the value under a sort key, nil for none: as ctx's transaction
// sees it if there is one. The value is shared and must not be changed.
func (k *Keys) read(ctx context.Context, sort string) ([]byte, error) {
	if tx := k.joined(ctx); tx != nil {
		return tx.read(ctx, sort)
	}
	k.mu.Lock()
	if k.failed == nil && !k.stale {
		if value, ok := k.peek(sort); ok {
			k.mu.Unlock()
			return value, nil
		}
	}
	k.mu.Unlock()
	var value []byte
	err := k.exclusively(ctx, func() error {
		var err error
		value, err = k.fetch(ctx, sort)
		return err
	})
	return value, err
}

// readMany is read for several sort keys, with one request at most.
func (k *Keys) readMany(ctx context.Context, sorts []string) (map[string][]byte, error) {
	if tx := k.joined(ctx); tx != nil {
		return tx.readMany(ctx, sorts)
	}
	values := make(map[string][]byte, len(sorts))
	k.mu.Lock()
	fresh := k.failed == nil && !k.stale
	k.mu.Unlock()
	if fresh && len(k.peekMany(sorts, values)) == 0 {
		return values, nil
	}
	err := k.exclusively(ctx, func() error {
		var err error
		values, err = k.fetchMany(ctx, sorts)
		return err
	})
	return values, err
}

// peek looks in memory; false is not to know. mu is held.
func (k *Keys) peek(sort string) ([]byte, bool) {
	if e, ok := k.pending[sort]; ok {
		return e.value, true
	}
	if value, ok := k.cache.get(sort); ok {
		return value, true
	}
	switch {
	case strings.HasPrefix(sort, prefixOpen):
		return nil, !k.open[sort]
	case strings.HasPrefix(sort, prefixNativePeer), strings.HasPrefix(sort, prefixNativeSender):
		return nil, !k.natives[sort]
	case strings.HasPrefix(sort, prefixLoaded):
		return nil, true
	}
	return nil, k.complete[rangeOf(sort)]
}

// rangeOf is the range that the first miss loads, "" for none.
func rangeOf(sort string) string {
	for _, prefix := range [...]string{prefixPeer, prefixKnown} {
		if strings.HasPrefix(sort, prefix) {
			return prefix
		}
	}
	return ""
}

// fetch is read without a transaction. io is held.
func (k *Keys) fetch(ctx context.Context, sort string) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	k.mu.Lock()
	value, known := k.peek(sort)
	k.mu.Unlock()
	if known {
		return value, nil
	}
	values, err := k.fetchMany(ctx, []string{sort})
	return values[sort], err
}

// fetchMany reads several values with one request, or none. io is held.
func (k *Keys) fetchMany(ctx context.Context, sorts []string) (map[string][]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(sorts))
	missing := k.peekMany(sorts, values)
	for _, prefix := range [...]string{prefixPeer, prefixKnown} {
		if k.warmed[prefix] || !slices.ContainsFunc(missing, func(s string) bool { return rangeOf(s) == prefix }) {
			continue
		}
		if err := k.warm(ctx, prefix); err != nil {
			return nil, err
		}
		missing = k.peekMany(missing, values)
	}
	switch len(missing) {
	case 0:
		return values, nil
	case 1:
		item, err := k.table.Get(ctx, k.key(missing[0]))
		if errors.Is(err, table.ErrNotFound) {
			item, err = table.Item{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", kindOf(missing[0]), err)
		}
		return values, k.take(ctx, missing[0], item, values)
	}
	wanted := make([]table.Key, len(missing))
	for i, sort := range missing {
		wanted[i] = k.key(sort)
	}
	found, err := k.table.BatchGet(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("read %d items: %w", len(wanted), err)
	}
	for _, key := range wanted {
		if err := k.take(ctx, key.Sort, found[key], values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// peekMany fills values from memory and returns what it lacks.
func (k *Keys) peekMany(sorts []string, values map[string][]byte) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var missing []string
	for _, sort := range sorts {
		if value, ok := k.peek(sort); ok {
			values[sort] = value
		} else {
			missing = append(missing, sort)
		}
	}
	return missing
}

// take decodes what the table has under sort, a zero item for nothing, and
// remembers it.
func (k *Keys) take(ctx context.Context, sort string, item table.Item, values map[string][]byte) error {
	var value []byte
	if item.Sort != "" {
		var err error
		if value, err = k.decode(ctx, item); err != nil {
			return err
		}
	}
	values[sort] = value
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := partsOf(item); n > 0 {
		k.parts[sort] = n
	}
	k.cache.put(sort, value)
	return nil
}

// warm loads a range until its share of memory is nearly full. What it cannot
// open is left for whoever asks for it.
func (k *Keys) warm(ctx context.Context, prefix string) error {
	query := table.Query{Partition: k.partition, Prefix: prefix}
	complete := true
	for {
		page, err := k.table.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("load %s: %w", prefix, err)
		}
		k.mu.Lock()
		for _, item := range page.Items {
			if k.cache.full(classOf(item.Sort)) {
				complete = false
				break
			}
			if _, known := k.peek(item.Sort); known {
				continue
			}
			if n := partsOf(item); n > 0 {
				k.parts[item.Sort], complete = n, false
				continue
			}
			value, err := k.decode(ctx, item)
			if err != nil {
				complete = false
				continue
			}
			k.cache.put(item.Sort, value)
		}
		if !complete && k.cache.full(classOf(prefix+"..")) || page.Cursor == "" {
			k.warmed[prefix], k.complete[prefix] = true, complete
			k.mu.Unlock()
			return nil
		}
		k.mu.Unlock()
		query.Cursor = page.Cursor
	}
}

// list returns the sort keys of loaded values with a prefix, in order, as the
// transaction sees them.
func (tx *txn) list(prefix string) []string {
	tx.k.mu.Lock()
	defer tx.k.mu.Unlock()
	var sorts []string
	for sort := range tx.k.cache.pinned {
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
