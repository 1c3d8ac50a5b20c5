package appstate

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/appstate/lthash"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
)

// ErrVersionGap means that a patch does not follow on the state it was applied to.
var ErrVersionGap = errors.New("app state version gap")

// Mutation is one decoded record of a patch or a snapshot: what a device did.
type Mutation struct {
	Collection Name
	// Version is the version of the patch that brought it.
	Version uint64
	Removed bool
	// Kind is the first element of Index, such as "archive".
	Kind  string
	Index []string
	// Action may be nil if Removed.
	Action        *waSyncAction.SyncActionValue
	ActionVersion int32
	KeyID         []byte
}

// keyring finds the subkeys of a key id; wastate.ErrKeyNotFound if there is none.
type keyring func(id []byte) (subkeys, error)

// record is a live entry: its ciphertext for snapshots, its meaning for reading.
type record struct {
	raw *waServerSync.SyncdRecord
	// index is the JSON as its author wrote it: authors escape differently, and
	// the index MAC is over the bytes.
	index    []byte
	mutation Mutation
}

// state is one collection as a phone has decoded it.
type state struct {
	name    Name
	hash    wastate.HashState
	records map[string]record // by index MAC
	byIndex map[string]string // index as JSON → index MAC
}

func newState(name Name) *state {
	return &state{name: name, records: map[string]record{}, byIndex: map[string]string{}}
}

// next is the hash state after the mutations, one version on. Each SET adds
// its value MAC; each SET or REMOVE takes away the value MAC that the index had
// before, be it from this same patch.
func (s *state) next(mutations []*waServerSync.SyncdMutation) wastate.HashState {
	var added, removed [][]byte
	inPatch := make(map[string][]byte, len(mutations))
	for _, m := range mutations {
		index := string(m.GetRecord().GetIndex().GetBlob())
		previous, seen := inPatch[index]
		if !seen {
			if r, ok := s.records[index]; ok {
				previous = valueMAC(r.raw)
			}
		}
		if previous != nil {
			removed = append(removed, previous)
		}
		// nil, for a REMOVE, hides an older value from the mutations that follow.
		inPatch[index] = nil
		if m.GetOperation() == waServerSync.SyncdMutation_SET {
			value := valueMAC(m.GetRecord())
			added = append(added, value)
			inPatch[index] = value
		}
	}
	hash := s.hash
	hash.Version++
	lthash.WAPatchIntegrity.SubtractThenAddInPlace(hash.Hash[:], removed, added)
	return hash
}

// apply checks and decodes a patch and, only if all is well, moves the state on.
// The errors are whatsmeow's (wastate.ErrMismatching…, ErrKeyNotFound),
// ErrMalformed and ErrVersionGap.
func (s *state) apply(patch *waServerSync.SyncdPatch, keys keyring) ([]Mutation, error) {
	if v := patch.GetVersion().GetVersion(); v != s.hash.Version+1 {
		return nil, fmt.Errorf("%w: patch %d on state %d", ErrVersionGap, v, s.hash.Version)
	}
	for i, m := range patch.GetMutations() {
		if err := checkRecord(m.GetRecord()); err != nil {
			return nil, fmt.Errorf("mutation %d: %w", i, err)
		}
	}
	patchKeys, err := keys(patch.GetKeyID().GetID())
	if err != nil {
		return nil, err
	}
	next := s.next(patch.GetMutations())
	if !hmac.Equal(patchKeys.macSnapshot(s.name, next.Version, next.Hash[:]), patch.GetSnapshotMAC()) {
		return nil, wastate.ErrMismatchingLTHash
	}
	if !hmac.Equal(patchKeys.macPatch(s.name, next.Version, patch.GetSnapshotMAC(), patch.GetMutations()), patch.GetPatchMAC()) {
		return nil, wastate.ErrMismatchingPatchMAC
	}
	decoded := make([]record, 0, len(patch.GetMutations()))
	for i, m := range patch.GetMutations() {
		r, err := s.decode(m.GetOperation(), m.GetRecord(), next.Version, keys)
		if err != nil {
			return nil, fmt.Errorf("mutation %d: %w", i, err)
		}
		decoded = append(decoded, r)
	}

	s.hash = next
	out := make([]Mutation, 0, len(decoded))
	for _, r := range decoded {
		s.put(r)
		out = append(out, r.mutation)
	}
	return out, nil
}

// decode opens one record. The caller has checked its shape.
func (s *state) decode(op waServerSync.SyncdMutation_SyncdOperation, r *waServerSync.SyncdRecord, version uint64, keys keyring) (record, error) {
	keyID := r.GetKeyID().GetID()
	k, err := keys(keyID)
	if err != nil {
		return record{}, err
	}
	blob := r.GetValue().GetBlob()
	encrypted := blob[:len(blob)-macSize]
	if !hmac.Equal(k.macValue(op, keyID, encrypted), valueMAC(r)) {
		return record{}, wastate.ErrMismatchingContentMAC
	}
	plain, err := k.decrypt(encrypted)
	if err != nil {
		return record{}, err
	}
	var data waSyncAction.SyncActionData
	if err := proto.Unmarshal(plain, &data); err != nil {
		return record{}, fmt.Errorf("%w: action: %w", ErrMalformed, err)
	}
	if !hmac.Equal(k.macIndex(data.GetIndex()), r.GetIndex().GetBlob()) {
		return record{}, wastate.ErrMismatchingIndexMAC
	}
	var index []string
	if err := json.Unmarshal(data.GetIndex(), &index); err != nil {
		return record{}, fmt.Errorf("%w: index: %w", ErrMalformed, err)
	}
	if len(index) == 0 {
		return record{}, fmt.Errorf("%w: empty index", ErrMalformed)
	}
	return record{raw: r, index: data.GetIndex(), mutation: Mutation{
		Collection:    s.name,
		Version:       version,
		Removed:       op == waServerSync.SyncdMutation_REMOVE,
		Kind:          index[0],
		Index:         index,
		Action:        data.GetValue(),
		ActionVersion: data.GetVersion(),
		KeyID:         keyID,
	}}, nil
}

func (s *state) put(r record) {
	mac, index := string(r.raw.GetIndex().GetBlob()), indexKey(r.mutation.Index)
	if !r.mutation.Removed {
		s.records[mac] = r
		s.byIndex[index] = mac
		return
	}
	delete(s.records, mac)
	// After a change of keys the index may already live on under another MAC.
	if s.byIndex[index] == mac {
		delete(s.byIndex, index)
	}
}

func (s *state) lookup(index []string) (record, bool) {
	r, ok := s.records[s.byIndex[indexKey(index)]]
	return r, ok
}

func indexKey(index []string) string {
	// A []string always marshals.
	b, _ := json.Marshal(index)
	return string(b)
}
