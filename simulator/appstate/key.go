package appstate

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// Key is an app state sync key. The phone makes it and hands it to companions
// in an APP_STATE_SYNC_KEY_SHARE; the newest one protects new patches.
type Key struct {
	// ID is 6 bytes: the making device (2 bytes, 0 for the phone) and an epoch.
	ID []byte
	// Data is the 32 byte secret.
	Data []byte
	// Timestamp decides which of several keys is the newest. Sent in milliseconds.
	Timestamp time.Time
	// Fingerprint names the companions the key was made for. May be nil.
	Fingerprint *waE2E.AppStateSyncKeyFingerprint
}

// NewKey makes a random key of the phone, with the present time.
func NewKey() Key {
	id := make([]byte, 6)
	data := make([]byte, 32)
	var rawID [4]byte
	// crypto/rand.Read never fails: it ends the process instead.
	rand.Read(id[2:])
	rand.Read(data)
	rand.Read(rawID[:])
	return Key{
		ID:        id,
		Data:      data,
		Timestamp: time.Now(),
		Fingerprint: &waE2E.AppStateSyncKeyFingerprint{
			RawID:         new(binary.BigEndian.Uint32(rawID[:])),
			CurrentIndex:  proto.Uint32(1),
			DeviceIndexes: []uint32{0, 1},
		},
	}
}

// Proto is the key as it stands in an AppStateSyncKeyShare.
func (k Key) Proto() *waE2E.AppStateSyncKey {
	return &waE2E.AppStateSyncKey{
		KeyID: &waE2E.AppStateSyncKeyId{KeyID: k.ID},
		KeyData: &waE2E.AppStateSyncKeyData{
			KeyData:     k.Data,
			Fingerprint: k.Fingerprint,
			Timestamp:   new(k.Timestamp.UnixMilli()),
		},
	}
}

// Share is the content of a key share with this key only. A client that gets
// it stores the key and then fetches the five collections.
func (k Key) Share() *waE2E.AppStateSyncKeyShare {
	return Share(k)
}

// Share is the content of a key share. Without keys it is an empty share: the
// answer of a phone that was asked for keys it does not have.
func Share(keys ...Key) *waE2E.AppStateSyncKeyShare {
	share := &waE2E.AppStateSyncKeyShare{}
	for _, k := range keys {
		share.Keys = append(share.Keys, k.Proto())
	}
	return share
}

// ShareMessage wraps a share as the peer message the phone sends.
func ShareMessage(share *waE2E.AppStateSyncKeyShare) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type:                 waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(),
		AppStateSyncKeyShare: share,
	}}
}

// RequestedKeyIDs reads a companion's APP_STATE_SYNC_KEY_REQUEST; ok is false
// for every other message.
func RequestedKeyIDs(message *waE2E.Message) (ids [][]byte, ok bool) {
	request := message.GetProtocolMessage().GetAppStateSyncKeyRequest()
	if request == nil {
		return nil, false
	}
	for _, id := range request.GetKeyIDs() {
		ids = append(ids, id.GetKeyID())
	}
	return ids, true
}

// subkeys are the five keys one app state sync key expands to.
type subkeys struct {
	index, encryption, valueMAC, snapshotMAC, patchMAC []byte
}

func (k Key) expand() (subkeys, error) {
	// Info text and order of the five: whatsmeow appstate/keys.go.
	b, err := hkdf.Key(sha256.New, k.Data, nil, "WhatsApp Mutation Keys", 160)
	if err != nil {
		return subkeys{}, fmt.Errorf("expand key %x: %w", k.ID, err)
	}
	return subkeys{index: b[:32], encryption: b[32:64], valueMAC: b[64:96], snapshotMAC: b[96:128], patchMAC: b[128:]}, nil
}
