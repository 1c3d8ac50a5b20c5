package appstate

import (
	"bytes"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
)

// encode makes the patch that follows on s, without a version: the server
// gives that.
func (p *Phone) encode(s *state, changes []Change) (*waServerSync.SyncdPatch, error) {
	key, err := p.newestKey()
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	stamp := now()
	written := map[string]bool{}
	var mutations []*waServerSync.SyncdMutation
	for _, change := range changes {
		if change.Collection != s.name {
			return nil, fmt.Errorf("encode patch: change of %s in a patch of %s", change.Collection, s.name)
		}
		for _, op := range change.Ops {
			made, err := p.encodeOp(s, key.ID, op, stamp, written)
			if err != nil {
				return nil, err
			}
			mutations = append(mutations, made...)
		}
	}
	keys, err := p.subkeys(key.ID)
	if err != nil {
		return nil, err
	}
	next := s.next(mutations)
	snapshotMAC := keys.macSnapshot(s.name, next.Version, next.Hash[:])
	return &waServerSync.SyncdPatch{
		Mutations:   mutations,
		SnapshotMAC: snapshotMAC,
		PatchMAC:    keys.macPatch(s.name, next.Version, snapshotMAC, mutations),
		KeyID:       &waServerSync.KeyId{ID: key.ID},
	}, nil
}

// encodeOp gives one mutation, or two where the index lives under an older key:
// its index MAC differs then, so the old record must go by itself. written
// holds the indexes that this patch has already touched.
func (p *Phone) encodeOp(s *state, keyID []byte, op Op, stamp time.Time, written map[string]bool) ([]*waServerSync.SyncdMutation, error) {
	operation := waServerSync.SyncdMutation_SET
	if op.Remove {
		operation = waServerSync.SyncdMutation_REMOVE
	}
	index := []byte(indexKey(op.Index))
	old, exists := s.lookup(op.Index)
	first := !written[string(index)]
	written[string(index)] = true
	if exists {
		index = old.index
	}

	var out []*waServerSync.SyncdMutation
	if exists && first && !bytes.Equal(old.mutation.KeyID, keyID) {
		m, err := p.seal(waServerSync.SyncdMutation_REMOVE, old.mutation.KeyID, index, op, stamp)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
		if op.Remove {
			return out, nil
		}
	}
	m, err := p.seal(operation, keyID, index, op, stamp)
	if err != nil {
		return nil, err
	}
	return append(out, m), nil
}

func (p *Phone) seal(operation waServerSync.SyncdMutation_SyncdOperation, keyID, index []byte, op Op, stamp time.Time) (*waServerSync.SyncdMutation, error) {
	keys, err := p.subkeys(keyID)
	if err != nil {
		return nil, err
	}
	// Cloned, since the same Change may be pushed again or by another phone.
	value, _ := proto.Clone(op.Value).(*waSyncAction.SyncActionValue)
	if value == nil {
		value = &waSyncAction.SyncActionValue{}
	}
	value.Timestamp = new(stamp.UnixMilli())
	plain, err := proto.Marshal(&waSyncAction.SyncActionData{
		Index:   index,
		Value:   value,
		Padding: []byte{},
		Version: new(op.Version),
	})
	if err != nil {
		return nil, fmt.Errorf("encode action %v: %w", op.Index, err)
	}
	encrypted, err := keys.encrypt(plain)
	if err != nil {
		return nil, err
	}
	return &waServerSync.SyncdMutation{
		Operation: operation.Enum(),
		Record: &waServerSync.SyncdRecord{
			Index: &waServerSync.SyncdIndex{Blob: keys.macIndex(index)},
			Value: &waServerSync.SyncdValue{Blob: append(encrypted, keys.macValue(operation, keyID, encrypted)...)},
			KeyID: &waServerSync.KeyId{ID: keyID},
		},
	}, nil
}

// moveOut is patch with its mutations uploaded. The MACs stay: they are over
// the mutations wherever these are.
func moveOut(patch *waServerSync.SyncdPatch, upload Upload) (*waServerSync.SyncdPatch, error) {
	plain, err := proto.Marshal(&waServerSync.SyncdMutations{Mutations: patch.GetMutations()})
	if err != nil {
		return nil, fmt.Errorf("encode external mutations: %w", err)
	}
	ref, err := upload(plain)
	if err != nil {
		return nil, fmt.Errorf("upload external mutations: %w", err)
	}
	return &waServerSync.SyncdPatch{
		ExternalMutations: ref,
		SnapshotMAC:       patch.GetSnapshotMAC(),
		PatchMAC:          patch.GetPatchMAC(),
		KeyID:             patch.GetKeyID(),
	}, nil
}
