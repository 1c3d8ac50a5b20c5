package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"roost/shared/seal"
)

// device is the stored form of a paired device. These keys are the account.
type device struct {
	ID                    types.JID `json:"id"`
	LID                   types.JID `json:"lid"`
	RegistrationID        uint32    `json:"registration_id"`
	NoiseKey              [32]byte  `json:"noise_key"`
	IdentityKey           [32]byte  `json:"identity_key"`
	SignedPreKey          [32]byte  `json:"signed_prekey"`
	SignedPreKeyID        uint32    `json:"signed_prekey_id"`
	SignedPreKeySignature []byte    `json:"signed_prekey_signature"`
	AdvSecretKey          []byte    `json:"adv_secret_key"`
	Account               []byte    `json:"account"`
	Platform              string    `json:"platform,omitempty"`
	BusinessName          string    `json:"business_name,omitempty"`
	PushName              string    `json:"push_name,omitempty"`
	FacebookUUID          uuid.UUID `json:"facebook_uuid"`
	LIDMigrationTimestamp int64     `json:"lid_migration_ts,omitempty"`
	CompanionMetaNonce    string    `json:"companion_meta_nonce,omitempty"`
}

var errDevice = errors.New("stored device is damaged")

// Device returns the instance's device, ready for whatsmeow.NewClient: the
// stored one, or a new one that nothing is stored of until it is paired. ctx is
// used if the keys must be read again.
func (k *Keys) Device(ctx context.Context) (*store.Device, error) {
	value, err := k.read(ctx, sortDevice)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return k.newDevice(), nil
	}
	var stored device
	if err := json.Unmarshal(value, &stored); err != nil {
		return nil, errDevice // the cause would quote keys
	}
	account := new(waAdv.ADVSignedDeviceIdentity)
	if err := proto.Unmarshal(stored.Account, account); err != nil || len(stored.SignedPreKeySignature) != 64 {
		return nil, errDevice
	}
	d := &store.Device{
		NoiseKey:       keys.NewKeyPairFromPrivateKey(stored.NoiseKey),
		IdentityKey:    keys.NewKeyPairFromPrivateKey(stored.IdentityKey),
		RegistrationID: stored.RegistrationID,
		AdvSecretKey:   stored.AdvSecretKey,
		SignedPreKey: &keys.PreKey{
			KeyPair:   *keys.NewKeyPairFromPrivateKey(stored.SignedPreKey),
			KeyID:     stored.SignedPreKeyID,
			Signature: (*[64]byte)(stored.SignedPreKeySignature),
		},
		ID: &stored.ID, LID: stored.LID,
		Account:  account,
		Platform: stored.Platform, BusinessName: stored.BusinessName, PushName: stored.PushName,
		FacebookUUID:          stored.FacebookUUID,
		LIDMigrationTimestamp: stored.LIDMigrationTimestamp,
		CompanionMetaNonce:    stored.CompanionMetaNonce,
		Initialized:           true,
	}
	return k.attach(d), nil
}

func (k *Keys) newDevice() *store.Device {
	d := &store.Device{
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    keys.NewKeyPair(),
		RegistrationID: rand.Uint32(), //nolint:gosec // not a secret: a name among devices
		AdvSecretKey:   seal.NewKey(),
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	return k.attach(d)
}

func (k *Keys) attach(d *store.Device) *store.Device {
	d.Log = k.options.Log
	d.Container, d.LIDs = k, k
	d.SetAllStores(k)
	return d
}

// PutDevice implements [store.DeviceContainer]. A device of another account
// replaces the stored one and all that belongs to it.
func (k *Keys) PutDevice(ctx context.Context, d *store.Device) error {
	if d.ID == nil {
		return errors.New("device has no JID yet")
	}
	account, err := proto.Marshal(d.Account)
	if err != nil {
		return fmt.Errorf("encode account: %w", err)
	}
	value, err := json.Marshal(device{
		ID: *d.ID, LID: d.LID, RegistrationID: d.RegistrationID,
		NoiseKey: *d.NoiseKey.Priv, IdentityKey: *d.IdentityKey.Priv,
		SignedPreKey: *d.SignedPreKey.Priv, SignedPreKeyID: d.SignedPreKey.KeyID,
		SignedPreKeySignature: d.SignedPreKey.Signature[:],
		AdvSecretKey:          d.AdvSecretKey, Account: account,
		Platform: d.Platform, BusinessName: d.BusinessName, PushName: d.PushName,
		FacebookUUID:          d.FacebookUUID,
		LIDMigrationTimestamp: d.LIDMigrationTimestamp, CompanionMetaNonce: d.CompanionMetaNonce,
	})
	if err != nil {
		return errors.New("encode device")
	}
	err = k.apart(ctx, promptly, func(tx *txn) error {
		if err := k.makeRoom(ctx, d.IdentityKey); err != nil {
			return err
		}
		return tx.put(sortDevice, value)
	})
	if err != nil {
		return err
	}
	d.Initialized = true
	return nil
}

// makeRoom removes what another device has left.
func (k *Keys) makeRoom(ctx context.Context, identity *keys.KeyPair) error {
	old, err := k.fetch(ctx, sortDevice)
	if err != nil || old == nil {
		return err
	}
	var stored device
	if json.Unmarshal(old, &stored) == nil && stored.IdentityKey == *identity.Priv {
		return nil
	}
	if err := k.removeAll(ctx); err != nil {
		return err
	}
	return k.ready(ctx)
}

// DeleteDevice implements [store.DeviceContainer]: everything of the instance
// goes, the data key first, so that what a crash leaves cannot be read and the
// next Open removes it. The Keys stay usable, for a new device.
func (k *Keys) DeleteDevice(ctx context.Context, _ *store.Device) error {
	return k.apart(ctx, promptly, func(*txn) error { return k.removeAll(ctx) })
}

// Delete removes everything of the instance and closes the Keys. It may be
// repeated after an error. Only the fence stays, for 30 days.
func (k *Keys) Delete(ctx context.Context) error {
	return k.exclusively(ctx, func() error {
		if err := k.ready(ctx); err != nil {
			return err
		}
		if err := k.removeAll(ctx); err != nil {
			return err
		}
		k.seq++
		item := k.fenceItem()
		item.Expires = k.options.Now().Add(fenceLife)
		if _, err := k.table.Put(ctx, item, k.condition()); err != nil {
			return fmt.Errorf("delete keys: %w", err)
		}
		k.end(ErrClosed)
		return nil
	})
}
