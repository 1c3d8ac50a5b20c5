package keys

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/store"
)

// PutAppStateSyncKey implements [store.AppStateSyncKeyStore]: an older key does
// not replace a newer one.
func (k *Keys) PutAppStateSyncKey(ctx context.Context, id []byte, key store.AppStateSyncKey) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		sort := prefixSyncKey + hex.EncodeToString(id)
		old, err := tx.read(ctx, sort)
		if err != nil {
			return err
		}
		var stored store.AppStateSyncKey
		if found, err := decodeJSON(sort, old, &stored); err != nil || found && key.Timestamp <= stored.Timestamp {
			return err
		}
		return tx.putJSON(sort, old, key)
	})
}

// GetAppStateSyncKey implements [store.AppStateSyncKeyStore]; nil if unknown.
func (k *Keys) GetAppStateSyncKey(ctx context.Context, id []byte) (*store.AppStateSyncKey, error) {
	sort := prefixSyncKey + hex.EncodeToString(id)
	value, err := k.read(ctx, sort)
	if err != nil {
		return nil, err
	}
	var key store.AppStateSyncKey
	if found, err := decodeJSON(sort, value, &key); err != nil || !found {
		return nil, err
	}
	return &key, nil
}

// GetLatestAppStateSyncKeyID implements [store.AppStateSyncKeyStore].
func (k *Keys) GetLatestAppStateSyncKeyID(ctx context.Context) ([]byte, error) {
	ids, _, err := k.syncKeys(ctx)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return ids[0], nil
}

// GetAllAppStateSyncKeys implements [store.AppStateSyncKeyStore], latest first.
func (k *Keys) GetAllAppStateSyncKeys(ctx context.Context) ([]*store.AppStateSyncKey, error) {
	_, found, err := k.syncKeys(ctx)
	return found, err
}

func (k *Keys) syncKeys(ctx context.Context) ([][]byte, []*store.AppStateSyncKey, error) {
	type named struct {
		id  []byte
		key store.AppStateSyncKey
	}
	var all []named
	err := k.update(ctx, lazily, func(tx *txn) error {
		for _, sort := range tx.list(prefixSyncKey) {
			value, err := tx.read(ctx, sort)
			if err != nil {
				return err
			}
			var n named
			if _, err := decodeJSON(sort, value, &n.key); err != nil {
				return err
			}
			if n.id, err = hex.DecodeString(strings.TrimPrefix(sort, prefixSyncKey)); err != nil {
				return fmt.Errorf("app state key id: %w", err)
			}
			all = append(all, n)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(all, func(a, b named) int { return int(max(-1, min(1, b.key.Timestamp-a.key.Timestamp))) })
	ids, found := make([][]byte, len(all)), make([]*store.AppStateSyncKey, len(all))
	for i := range all {
		ids[i], found[i] = all[i].id, &all[i].key
	}
	return ids, found, nil
}

// A version is 8 bytes and the hash.
const versionSize = 8 + 128

// PutAppStateVersion implements [store.AppStateStore].
func (k *Keys) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		value := binary.BigEndian.AppendUint64(make([]byte, 0, versionSize), version)
		return tx.put(prefixVersion+name, append(value, hash[:]...))
	})
}

// GetAppStateVersion implements [store.AppStateStore]; zero if unknown.
func (k *Keys) GetAppStateVersion(ctx context.Context, name string) (uint64, [128]byte, error) {
	value, err := k.read(ctx, prefixVersion+name)
	if err != nil || value == nil {
		return 0, [128]byte{}, err
	}
	if len(value) != versionSize {
		return 0, [128]byte{}, fmt.Errorf("app state version of %d bytes", len(value))
	}
	version := binary.BigEndian.Uint64(value)
	if version == 0 {
		return 0, [128]byte{}, fmt.Errorf("stored app state version of %s is 0", name)
	}
	return version, [128]byte(value[8:]), nil
}

// DeleteAppStateVersion implements [store.AppStateStore]: the collection's MACs
// go in the same transaction.
func (k *Keys) DeleteAppStateVersion(ctx context.Context, name string) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		old, err := tx.read(ctx, prefixVersion+name)
		if err != nil || old == nil {
			return err
		}
		tx.remove(prefixVersion + name)
		for bucket := range byte(macBuckets) {
			tx.remove(macSort(name, bucket))
		}
		return nil
	})
}

// The MACs of a collection stand in 64 buckets by the first bits of the index:
// the thousands of a first sync are one transaction, a later change is one item
// of some kilobytes. A bucket is a sequence of index, value and version; of an
// index only the latest version is kept, for nobody asks for another.
const (
	macBuckets = 64
	macSize    = 32 + 32 + 8
)

var errMAC = errors.New("app state MACs have 32 bytes")

func macSort(name string, bucket byte) string {
	return fmt.Sprintf("%s%s/%02x", prefixMutation, name, bucket)
}

func macBucket(index []byte) byte { return index[0] / (256 / macBuckets) }

// editBuckets changes the buckets of some indexes.
func (tx *txn) editBuckets(ctx context.Context, name string, indexes [][]byte, change func(bucket []byte, i int) []byte) error {
	var sorts []string
	for _, index := range indexes {
		if len(index) != 32 {
			return errMAC
		}
		if sort := macSort(name, macBucket(index)); !slices.Contains(sorts, sort) {
			sorts = append(sorts, sort)
		}
	}
	old, err := tx.readMany(ctx, sorts)
	if err != nil {
		return err
	}
	buckets := make(map[string][]byte, len(sorts))
	for sort, value := range old {
		buckets[sort] = bytes.Clone(value)
	}
	for i, index := range indexes {
		sort := macSort(name, macBucket(index))
		buckets[sort] = change(buckets[sort], i)
	}
	for _, sort := range sorts {
		switch value := buckets[sort]; {
		case bytes.Equal(value, old[sort]):
		case len(value) == 0:
			tx.remove(sort)
		default:
			if err := tx.put(sort, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// findMAC returns where an index stands in a bucket, -1 for nowhere.
func findMAC(bucket, index []byte) int {
	for at := 0; at+macSize <= len(bucket); at += macSize {
		if bytes.Equal(bucket[at:at+32], index) {
			return at
		}
	}
	return -1
}

// PutAppStateMutationMACs implements [store.AppStateStore].
func (k *Keys) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []store.AppStateMutationMAC) error {
	if len(mutations) == 0 {
		return nil
	}
	indexes := make([][]byte, len(mutations))
	for i, m := range mutations {
		if len(m.ValueMAC) != 32 {
			return errMAC
		}
		indexes[i] = m.IndexMAC
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		return tx.editBuckets(ctx, name, indexes, func(bucket []byte, i int) []byte {
			at := findMAC(bucket, indexes[i])
			if at < 0 {
				at = len(bucket)
				bucket = append(bucket, make([]byte, macSize)...)
			} else if binary.BigEndian.Uint64(bucket[at+64:]) > version {
				return bucket
			}
			copy(bucket[at:], indexes[i])
			copy(bucket[at+32:], mutations[i].ValueMAC)
			binary.BigEndian.PutUint64(bucket[at+64:], version)
			return bucket
		})
	})
}

// DeleteAppStateMutationMACs implements [store.AppStateStore].
func (k *Keys) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) error {
	if len(indexMACs) == 0 {
		return nil
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		return tx.editBuckets(ctx, name, indexMACs, func(bucket []byte, i int) []byte {
			if at := findMAC(bucket, indexMACs[i]); at >= 0 {
				return slices.Delete(bucket, at, at+macSize)
			}
			return bucket
		})
	})
}

// GetAppStateMutationMAC implements [store.AppStateStore]; nil if unknown. A
// patch asks for one after the other, so the first loads the collection.
func (k *Keys) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) ([]byte, error) {
	if len(indexMAC) != 32 {
		return nil, nil
	}
	wanted := macSort(name, macBucket(indexMAC))
	k.mu.Lock()
	_, known := k.peek(wanted)
	k.mu.Unlock()
	sorts := []string{wanted}
	if !known {
		for bucket := range byte(macBuckets) {
			if sort := macSort(name, bucket); sort != wanted {
				sorts = append(sorts, sort)
			}
		}
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return nil, err
	}
	at := findMAC(values[wanted], indexMAC)
	if at < 0 {
		return nil, nil
	}
	return bytes.Clone(values[wanted][at+32 : at+64]), nil
}
