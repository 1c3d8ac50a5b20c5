package signal

import (
	"bytes"
	"errors"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/ratchet"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow/util/keys"
)

// PreKey is the public half of a prekey, as it is uploaded.
type PreKey struct {
	ID        uint32
	Public    [32]byte
	Signature *[64]byte // only on signed prekeys, over 05 ‖ Public
}

// Bundle is what one needs of a device to begin a session with it.
type Bundle struct {
	RegistrationID uint32
	Device         uint32
	Identity       [32]byte
	Signed         PreKey
	OneTime        *PreKey // nil when the device has run out of them
}

// SignedPreKey returns the current signed prekey.
func (d *Device) SignedPreKey() PreKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	signature := *d.signed.Signature
	return PreKey{ID: d.signed.KeyID, Public: *d.signed.Pub, Signature: &signature}
}

// NewPreKeys makes n one-time prekeys. Ids run from 1 upward without gaps over
// all calls. The private halves are kept until a first message consumes them.
func (d *Device) NewPreKeys(n int) []PreKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := make([]PreKey, n)
	for i := range made {
		d.lastPreKey++
		pair := keys.NewKeyPair()
		d.oneTime[d.lastPreKey] = pair
		made[i] = PreKey{ID: d.lastPreKey, Public: *pair.Pub}
	}
	return made
}

// Begin starts a session with an address. A session that exists is replaced
// for sending, but still opens messages that are on their way. The bundle's
// identity is trusted. ErrBadSignature if its signed prekey is not signed by
// its identity.
func (d *Device) Begin(to Address, b Bundle) error {
	signed := ecc.NewDjbECPublicKey(b.Signed.Public)
	if b.Signed.Signature == nil || !Verify(b.Identity, signed.Serialize(), *b.Signed.Signature) {
		return fmt.Errorf("begin session with %s: signed prekey %d: %w", to, b.Signed.ID, ErrBadSignature)
	}
	theirs := identity.NewKey(ecc.NewDjbECPublicKey(b.Identity))
	// A nil *DjbECPublicKey in the interface would not be nil to libsignal.
	var oneTime ecc.ECPublicKeyable
	oneTimeID := optional.NewEmptyUint32()
	if b.OneTime != nil {
		if b.OneTime.ID == 0 {
			return fmt.Errorf("begin session with %s: %w: one-time prekey id 0 means none on the wire", to, ErrMalformed)
		}
		oneTime = ecc.NewDjbECPublicKey(b.OneTime.Public)
		oneTimeID = optional.NewOptionalUint32(b.OneTime.ID)
	}
	base, err := ecc.GenerateKeyPair()
	if err != nil {
		return fmt.Errorf("make base key: %w", err)
	}
	sending, err := ecc.GenerateKeyPair()
	if err != nil {
		return fmt.Errorf("make ratchet key: %w", err)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	us := d.identityPair()
	derived, err := ratchet.CalculateSenderSession(ratchet.NewSenderParameters(us, base, theirs, signed, signed, oneTime))
	if err != nil {
		return fmt.Errorf("derive session: %w", err)
	}
	chain, err := derived.RootKey.CreateChain(signed, sending)
	if err != nil {
		return fmt.Errorf("derive sending chain: %w", err)
	}
	state := record.NewState(nil)
	state.SetVersion(protocol.CurrentVersion)
	state.SetRemoteIdentityKey(theirs)
	state.SetLocalIdentityKey(us.PublicKey())
	state.AddReceiverChain(signed, derived.ChainKey.Current())
	state.SetSenderChain(sending, chain.ChainKey)
	state.SetRootKey(chain.RootKey)
	state.SetUnacknowledgedPreKeyMessage(oneTimeID, b.Signed.ID, base.PublicKey())
	state.SetLocalRegistrationID(d.registrationID)
	state.SetRemoteRegistrationID(b.RegistrationID)
	state.SetSenderBaseKey(base.PublicKey().Serialize())
	d.add(to, state)
	return nil
}

// answer makes the session state that a first message asks for. It changes
// nothing in the device.
func (d *Device) answer(m *protocol.PreKeySignalMessageStructure) (*record.State, error) {
	if m.SignedPreKeyID != d.signed.KeyID {
		return nil, fmt.Errorf("signed prekey %d: %w", m.SignedPreKeyID, ErrNoPreKey)
	}
	base, err := decodePoint(m.BaseKey)
	if err != nil {
		return nil, fmt.Errorf("base key: %w", err)
	}
	remote, err := decodePoint(m.IdentityKey)
	if err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	var oneTime *ecc.ECKeyPair
	if !m.PreKeyID.IsEmpty {
		pair := d.oneTime[m.PreKeyID.Value]
		if pair == nil {
			return nil, fmt.Errorf("one-time prekey %d: %w", m.PreKeyID.Value, ErrNoPreKey)
		}
		oneTime = curvePair(pair)
	}
	us, theirs, signed := d.identityPair(), identity.NewKey(remote), curvePair(&d.signed.KeyPair)
	derived, err := ratchet.CalculateReceiverSession(ratchet.NewReceiverParameters(us, signed, oneTime, signed, base, theirs))
	if err != nil {
		return nil, fmt.Errorf("derive session: %w", err)
	}
	state := record.NewState(nil)
	state.SetVersion(protocol.CurrentVersion)
	state.SetRemoteIdentityKey(theirs)
	state.SetLocalIdentityKey(us.PublicKey())
	state.SetSenderChain(signed, derived.ChainKey)
	state.SetRootKey(derived.RootKey)
	state.SetLocalRegistrationID(d.registrationID)
	state.SetRemoteRegistrationID(m.RegistrationID)
	state.SetSenderBaseKey(m.BaseKey)
	return state, nil
}

var errPoint = errors.New("not a Curve25519 public key")

// decodePoint is strict where libsignal's would panic on an empty key and fill
// a short one with zeros.
func decodePoint(b []byte) (ecc.ECPublicKeyable, error) {
	if len(b) != ecc.KeySize || !bytes.HasPrefix(b, []byte{ecc.DjbType}) {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errPoint)
	}
	return ecc.NewDjbECPublicKey([32]byte(b[1:])), nil
}
