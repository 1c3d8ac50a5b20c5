package companion

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

var errNoDeviceID = errors.New("device JID must be known before it can be stored")

// NewDevice returns an unpaired device with new keys whose rows will be in st.
// As with sqlstore nothing is stored, and no store is set, before pairing has
// given it a JID.
func NewDevice(st *Store) *store.Device {
	d := &store.Device{
		Log:            waLog.Noop,
		Container:      st,
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    keys.NewKeyPair(),
		RegistrationID: rand.Uint32(), //nolint:gosec // an id, not a secret
		AdvSecretKey:   random.Bytes(32),
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	return d
}

// Device returns the paired device stored in s, ready for a client, or nil if
// there is none. Every call returns a device of its own.
func (s *Store) Device() *store.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := s.base.device.value(one{})
	if saved == nil {
		return nil
	}
	d := copyDevice(saved)
	d.Log = waLog.Noop
	s.attach(d)
	return d
}

// PutDevice implements store.DeviceContainer. A device that is stored already
// keeps its keys: only what changes after pairing is updated, as in sqlstore.
func (s *Store) PutDevice(ctx context.Context, d *store.Device) error {
	return s.call(ctx, "PutDevice", func(st *state) error {
		if d.ID == nil {
			return errNoDeviceID
		}
		saved := copyDevice(d)
		if old := st.device.value(one{}); old != nil && *old.ID == *d.ID {
			saved = copyDevice(old)
			saved.LID = d.LID
			saved.Platform, saved.BusinessName, saved.PushName = d.Platform, d.BusinessName, d.PushName
			saved.LIDMigrationTimestamp, saved.CompanionMetaNonce = d.LIDMigrationTimestamp, d.CompanionMetaNonce
		}
		st.device.put(one{}, saved)
		if !d.Initialized {
			s.attach(d)
		}
		return nil
	})
}

// DeleteDevice implements store.DeviceContainer: it empties s but for the known
// pairs of phone numbers and LIDs. Another device may then be paired into it.
func (s *Store) DeleteDevice(ctx context.Context, d *store.Device) error {
	return s.call(ctx, "DeleteDevice", func(st *state) error {
		if d.ID == nil {
			return errNoDeviceID
		}
		for _, t := range st.deviceTables() {
			t.clear()
		}
		return nil
	})
}

func (s *Store) attach(d *store.Device) {
	d.SetAllStores(s)
	d.LIDs = s
	d.Container = s
	d.Initialized = true
}

// copyDevice copies what a database would hold of d.
func copyDevice(d *store.Device) *store.Device {
	id := *d.ID
	return &store.Device{
		NoiseKey:              keys.NewKeyPairFromPrivateKey(*d.NoiseKey.Priv),
		IdentityKey:           keys.NewKeyPairFromPrivateKey(*d.IdentityKey.Priv),
		SignedPreKey:          copySignedPreKey(d.SignedPreKey),
		RegistrationID:        d.RegistrationID,
		AdvSecretKey:          slices.Clone(d.AdvSecretKey),
		ID:                    &id,
		LID:                   d.LID,
		Account:               proto.Clone(d.Account).(*waAdv.ADVSignedDeviceIdentity),
		Platform:              d.Platform,
		BusinessName:          d.BusinessName,
		PushName:              d.PushName,
		LIDMigrationTimestamp: d.LIDMigrationTimestamp,
		CompanionMetaNonce:    d.CompanionMetaNonce,
		FacebookUUID:          d.FacebookUUID,
	}
}

func copySignedPreKey(k *keys.PreKey) *keys.PreKey {
	signature := *k.Signature
	return &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey(*k.Priv), KeyID: k.KeyID, Signature: &signature}
}

// JID returns the JID of the device stored in s, or an empty one.
func (s *Store) JID() types.JID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base.device.value(one{}).GetJID()
}
