package appstate

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/appstate/lthash"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/proto/waSyncdSnapshotRecovery"
)

// Snapshot is all live records of a collection in one piece, as far as the
// phone has read it.
func (p *Phone) Snapshot(name Name) (*waServerSync.SyncdSnapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snapshot(p.state(name))
}

// PublishSnapshot reads c to its end, uploads a snapshot of it and makes it the
// one that the server refers to.
func (p *Phone) PublishSnapshot(c *Collection, upload Upload) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.catchUp(c); err != nil {
		return err
	}
	snapshot, err := p.snapshot(p.state(c.Name()))
	if err != nil {
		return err
	}
	plain, err := proto.Marshal(snapshot)
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	ref, err := upload(plain)
	if err != nil {
		return fmt.Errorf("upload snapshot: %w", err)
	}
	return c.SetSnapshot(snapshot.GetVersion().GetVersion(), ref)
}

// ApplySnapshot replaces what the phone knows of a collection by a marshalled
// SyncdSnapshot and returns all its records. Errors are as with Apply.
func (p *Phone) ApplySnapshot(name Name, plain []byte) ([]Mutation, error) {
	var snapshot waServerSync.SyncdSnapshot
	if err := proto.Unmarshal(plain, &snapshot); err != nil {
		return nil, fmt.Errorf("%w: parse snapshot: %w", ErrMalformed, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := newState(name)
	s.hash.Version = snapshot.GetVersion().GetVersion()
	values := make([][]byte, 0, len(snapshot.GetRecords()))
	for i, r := range snapshot.GetRecords() {
		if err := checkRecord(r); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		values = append(values, valueMAC(r))
	}
	lthash.WAPatchIntegrity.SubtractThenAddInPlace(s.hash.Hash[:], nil, values)
	keys, err := p.subkeys(snapshot.GetKeyID().GetID())
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(keys.macSnapshot(name, s.hash.Version, s.hash.Hash[:]), snapshot.GetMac()) {
		return nil, wastate.ErrMismatchingLTHash
	}
	out := make([]Mutation, 0, len(snapshot.GetRecords()))
	for i, r := range snapshot.GetRecords() {
		decoded, err := s.decode(waServerSync.SyncdMutation_SET, r, s.hash.Version, p.subkeys)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		s.put(decoded)
		out = append(out, decoded.mutation)
	}
	p.states[name] = s
	return out, nil
}

// Recovery is a collection in plain text: the phone's answer to a companion
// whose state is broken (COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY). id is the
// stanza id of the request.
func (p *Phone) Recovery(name Name, id string) (*waE2E.Message, error) {
	p.mu.Lock()
	s := p.state(name)
	recovery := &waSyncdSnapshotRecovery.SyncdSnapshotRecovery{
		Version:          &waSyncdSnapshotRecovery.SyncdVersion{Version: new(s.hash.Version)},
		CollectionName:   new(string(name)),
		CollectionLthash: bytes.Clone(s.hash.Hash[:]),
	}
	for _, r := range s.live() {
		recovery.MutationRecords = append(recovery.MutationRecords, &waSyncdSnapshotRecovery.SyncdPlainTextRecord{
			Value: &waSyncAction.SyncActionData{
				Index:   r.index,
				Value:   r.mutation.Action,
				Version: new(r.mutation.ActionVersion),
			},
			KeyID: r.mutation.KeyID,
			Mac:   valueMAC(r.raw),
		})
	}
	p.mu.Unlock()

	plain, err := proto.Marshal(recovery)
	if err != nil {
		return nil, fmt.Errorf("encode recovery: %w", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("compress recovery: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress recovery: %w", err)
	}
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(),
		PeerDataOperationRequestResponseMessage: &waE2E.PeerDataOperationRequestResponseMessage{
			PeerDataOperationRequestType: waE2E.PeerDataOperationRequestType_COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY.Enum(),
			StanzaID:                     new(id),
			PeerDataOperationResult: []*waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult{{
				SyncdSnapshotFatalRecoveryResponse: &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_SyncDSnapshotFatalRecoveryResponse{
					CollectionSnapshot: packed.Bytes(),
					IsCompressed:       new(true),
				},
			}},
		},
	}}, nil
}

func (p *Phone) snapshot(s *state) (*waServerSync.SyncdSnapshot, error) {
	key, err := p.newestKey()
	if err != nil {
		return nil, fmt.Errorf("make snapshot: %w", err)
	}
	keys, err := p.subkeys(key.ID)
	if err != nil {
		return nil, err
	}
	out := &waServerSync.SyncdSnapshot{
		Version: &waServerSync.SyncdVersion{Version: new(s.hash.Version)},
		Mac:     keys.macSnapshot(s.name, s.hash.Version, s.hash.Hash[:]),
		KeyID:   &waServerSync.KeyId{ID: key.ID},
	}
	for _, r := range s.live() {
		out.Records = append(out.Records, r.raw)
	}
	return out, nil
}

// live returns the records in the order of their index MACs, so that equal
// states make equal snapshots.
func (s *state) live() []record {
	out := make([]record, 0, len(s.records))
	for _, mac := range slices.Sorted(maps.Keys(s.records)) {
		out = append(out, s.records[mac])
	}
	return out
}
