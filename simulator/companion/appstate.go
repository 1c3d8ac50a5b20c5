package companion

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/store"
)

type appStateVersion struct {
	version uint64
	hash    [128]byte
}

type macKey struct {
	collection string
	index      [32]byte
}

// mac is the newest value of an index and, rarely, the ones before it.
type mac struct {
	version uint64
	value   [32]byte
	older   *mac
}

var (
	errNoVersion = errors.New("app state collection has no version")
	errMACLength = errors.New("app state MACs have 32 bytes")
	errMACExists = errors.New("app state MAC exists in this version")
)

// PutAppStateSyncKey implements store.AppStateSyncKeyStore: only a newer key
// replaces one with the same id.
func (s *Store) PutAppStateSyncKey(ctx context.Context, id []byte, key store.AppStateSyncKey) error {
	return s.do(ctx, "PutAppStateSyncKey", func(st *state) {
		if old, ok := st.syncKeys.get(string(id)); !ok || key.Timestamp > old.Timestamp {
			st.syncKeys.put(string(id), *copySyncKey(key))
		}
	})
}

// GetAppStateSyncKey implements store.AppStateSyncKeyStore. A missing key is nil.
func (s *Store) GetAppStateSyncKey(ctx context.Context, id []byte) (*store.AppStateSyncKey, error) {
	var found *store.AppStateSyncKey
	err := s.do(ctx, "GetAppStateSyncKey", func(st *state) {
		if key, ok := st.syncKeys.get(string(id)); ok {
			found = copySyncKey(key)
		}
	})
	return found, err
}

// GetLatestAppStateSyncKeyID implements store.AppStateSyncKeyStore: the id of
// the key with the highest timestamp, nil if there is none.
func (s *Store) GetLatestAppStateSyncKeyID(ctx context.Context) ([]byte, error) {
	var latest []byte
	err := s.do(ctx, "GetLatestAppStateSyncKeyID", func(st *state) {
		var newest int64
		for id, key := range st.syncKeys.all() {
			if latest == nil || key.Timestamp > newest {
				latest, newest = []byte(id), key.Timestamp
			}
		}
	})
	return latest, err
}

// GetAllAppStateSyncKeys implements store.AppStateSyncKeyStore, newest first.
func (s *Store) GetAllAppStateSyncKeys(ctx context.Context) ([]*store.AppStateSyncKey, error) {
	var found []*store.AppStateSyncKey
	err := s.do(ctx, "GetAllAppStateSyncKeys", func(st *state) {
		for _, key := range st.syncKeys.all() {
			found = append(found, copySyncKey(key))
		}
		slices.SortFunc(found, func(a, b *store.AppStateSyncKey) int { return cmp.Compare(b.Timestamp, a.Timestamp) })
	})
	return found, err
}

func copySyncKey(k store.AppStateSyncKey) *store.AppStateSyncKey {
	k.Data, k.Fingerprint = bytes.Clone(k.Data), bytes.Clone(k.Fingerprint)
	return &k
}

// PutAppStateVersion implements store.AppStateStore.
func (s *Store) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	return s.do(ctx, "PutAppStateVersion", func(st *state) { st.versions.put(name, appStateVersion{version, hash}) })
}

// GetAppStateVersion implements store.AppStateStore. A missing version is 0 with
// an empty hash; one that was stored as 0 is an error.
func (s *Store) GetAppStateVersion(ctx context.Context, name string) (uint64, [128]byte, error) {
	var v appStateVersion
	err := s.call(ctx, "GetAppStateVersion", func(st *state) error {
		var ok bool
		if v, ok = st.versions.get(name); ok && v.version == 0 {
			v = appStateVersion{}
			return fmt.Errorf("app state collection %s was stored as version 0", name)
		}
		return nil
	})
	return v.version, v.hash, err
}

// DeleteAppStateVersion implements store.AppStateStore. The collection's MACs go
// with it.
func (s *Store) DeleteAppStateVersion(ctx context.Context, name string) error {
	return s.do(ctx, "DeleteAppStateVersion", func(st *state) {
		st.versions.remove(name)
		for key := range st.macs.all() {
			if key.collection == name {
				st.macs.remove(key)
			}
		}
	})
}

// PutAppStateMutationMACs implements store.AppStateStore. The collection must
// have a version, and an index none in this version yet.
func (s *Store) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []store.AppStateMutationMAC) error {
	return s.call(ctx, "PutAppStateMutationMACs", func(st *state) error {
		if len(mutations) == 0 {
			return nil
		}
		if _, ok := st.versions.get(name); !ok {
			return fmt.Errorf("%s: %w", name, errNoVersion)
		}
		rows := make(map[macKey]mac, len(mutations))
		for _, m := range mutations {
			if len(m.IndexMAC) != 32 || len(m.ValueMAC) != 32 {
				return errMACLength
			}
			key := macKey{name, [32]byte(m.IndexMAC)}
			old, ok := rows[key]
			if !ok {
				old, ok = st.macs.get(key)
			}
			row := mac{version: version, value: [32]byte(m.ValueMAC)}
			if ok {
				if old.has(version) {
					return fmt.Errorf("%s version %d: %w", name, version, errMACExists)
				}
				row = old.with(row)
			}
			rows[key] = row
		}
		for key, row := range rows {
			st.macs.put(key, row)
		}
		return nil
	})
}

func (m mac) has(version uint64) bool {
	return m.version == version || m.older != nil && m.older.has(version)
}

// with returns m and n, newest version first.
func (m mac) with(n mac) mac {
	if n.version > m.version {
		n.older = &m
		return n
	}
	if m.older != nil {
		n = m.older.with(n)
	}
	m.older = &n
	return m
}

// DeleteAppStateMutationMACs implements store.AppStateStore.
func (s *Store) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) error {
	return s.do(ctx, "DeleteAppStateMutationMACs", func(st *state) {
		for _, index := range indexMACs {
			if len(index) == 32 {
				st.macs.remove(macKey{name, [32]byte(index)})
			}
		}
	})
}

// GetAppStateMutationMAC implements store.AppStateStore: the value of the newest
// version, nil if there is none.
func (s *Store) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) ([]byte, error) {
	var value []byte
	err := s.do(ctx, "GetAppStateMutationMAC", func(st *state) {
		if len(indexMAC) != 32 {
			return
		}
		if m, ok := st.macs.get(macKey{name, [32]byte(indexMAC)}); ok {
			value = bytes.Clone(m.value[:])
		}
	})
	return value, err
}
