package companion

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/util/keys"
)

// preKeyBatch is the prekeys made by one call. They are derived from a seed, so
// that the 812 keys of a paired client take some hundred bytes rather than the
// 40 kB of a map of keys: load runs with ten thousand clients. Each batch has a
// seed of its own, so a client put back to an older state makes different keys
// under the same ids, as it would with any store.
type preKeyBatch struct {
	count    uint32
	uploaded bool // handed out on its own (GenOnePreKey), not by upload
	seed     [32]byte
}

func (b preKeyBatch) key(id uint32) *keys.PreKey {
	material := binary.BigEndian.AppendUint32(b.seed[:], id)
	private := sha256.Sum256(material)
	private[0] &= 248
	private[31] = private[31]&127 | 64
	return &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey(private), KeyID: id}
}

// GetOrGenPreKeys implements store.PreKeyStore: keys that were made but not
// uploaded come first, by id, then new ones.
func (s *Store) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	var found []*keys.PreKey
	err := s.do(ctx, "GetOrGenPreKeys", func(st *state) {
		found = make([]*keys.PreKey, 0, count)
		for _, first := range slices.Sorted(maps.Keys(maps.Collect(st.preKeys.all()))) {
			batch := st.preKeys.value(first)
			for id := first; id < first+batch.count && uint32(len(found)) < count; id++ {
				if !st.preKeyUploaded(batch, id) && !st.preKeyUsed(id) {
					found = append(found, batch.key(id))
				}
			}
		}
		if missing := count - uint32(len(found)); missing > 0 {
			first, batch := s.makePreKeys(st, missing, false)
			for id := first; id < first+missing; id++ {
				found = append(found, batch.key(id))
			}
		}
	})
	return found, err
}

// GenOnePreKey implements store.PreKeyStore. The key counts as uploaded.
func (s *Store) GenOnePreKey(ctx context.Context) (*keys.PreKey, error) {
	var key *keys.PreKey
	err := s.do(ctx, "GenOnePreKey", func(st *state) {
		id, batch := s.makePreKeys(st, 1, true)
		key = batch.key(id)
	})
	return key, err
}

// GetPreKey implements store.PreKeyStore. A missing key is nil.
func (s *Store) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	var key *keys.PreKey
	err := s.do(ctx, "GetPreKey", func(st *state) {
		if st.preKeyUsed(id) {
			return
		}
		for first, batch := range st.preKeys.all() {
			if first <= id && id < first+batch.count {
				key = batch.key(id)
			}
		}
	})
	return key, err
}

// RemovePreKey implements store.PreKeyStore.
func (s *Store) RemovePreKey(ctx context.Context, id uint32) error {
	return s.do(ctx, "RemovePreKey", func(st *state) { st.usedPreKeys.put(id, struct{}{}) })
}

// MarkPreKeysAsUploaded implements store.PreKeyStore: all keys made so far with
// ids up to upToID.
func (s *Store) MarkPreKeysAsUploaded(ctx context.Context, upToID uint32) error {
	return s.do(ctx, "MarkPreKeysAsUploaded", func(st *state) {
		upTo := min(upToID, s.lastPreKey)
		st.uploadedTo.put(one{}, max(upTo, st.uploadedTo.value(one{})))
	})
}

// UploadedPreKeyCount implements store.PreKeyStore: keys that are uploaded and
// not used.
func (s *Store) UploadedPreKeyCount(ctx context.Context) (int, error) {
	count := 0
	err := s.do(ctx, "UploadedPreKeyCount", func(st *state) {
		for first, batch := range st.preKeys.all() {
			for id := first; id < first+batch.count; id++ {
				if st.preKeyUploaded(batch, id) && !st.preKeyUsed(id) {
					count++
				}
			}
		}
	})
	return count, err
}

func (s *Store) makePreKeys(st *state, count uint32, uploaded bool) (uint32, preKeyBatch) {
	first := s.lastPreKey + 1
	s.lastPreKey += count
	batch := preKeyBatch{count: count, uploaded: uploaded, seed: [32]byte(random.Bytes(32))}
	st.preKeys.put(first, batch)
	return first, batch
}

func (s *state) preKeyUploaded(batch preKeyBatch, id uint32) bool {
	return batch.uploaded || id <= s.uploadedTo.value(one{})
}

func (s *state) preKeyUsed(id uint32) bool {
	_, used := s.usedPreKeys.get(id)
	return used
}
