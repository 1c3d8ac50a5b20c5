package signal

import (
	"errors"
	"math/rand/v2"
	"sync"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/whatsmeow/util/keys"
)

// Errors that callers tell apart. All others mean a fault of this package.
var (
	// ErrBadSignature is a bundle's or a group message's signature that does
	// not belong to its key.
	ErrBadSignature = errors.New("bad signature")
	// ErrDuplicate is a message whose key was used already.
	ErrDuplicate = errors.New("duplicate message")
	// ErrNoSession is a message to or from an address without a session.
	ErrNoSession = errors.New("no session")
	// ErrNoPreKey is a first message for a prekey this device does not hold.
	ErrNoPreKey = errors.New("no such prekey")
	// ErrNoSenderKey is a group message without the key it was made with.
	ErrNoSenderKey = errors.New("no sender key")
	// ErrMalformed is input that is no message of the kind it was said to be.
	ErrMalformed = errors.New("malformed message")
	// ErrUndecryptable is a message that no session with its sender opens.
	ErrUndecryptable = errors.New("undecryptable message")
)

// Address names a device; types.JID.SignalAddress makes it. The name of a LID
// user is "<lid>_1".
type Address = *protocol.SignalAddress

// Device is the Signal state of one device. Its methods may be called from
// several goroutines. Make one with New.
type Device struct {
	mu sync.Mutex // guards everything below

	identity       *keys.KeyPair
	registrationID uint32
	signed         *keys.PreKey
	oneTime        map[uint32]*keys.KeyPair
	lastPreKey     uint32

	peers   map[peerKey]*peer
	own     map[senderName]*ownSenderKey
	senders map[senderName]*senderKeys
}

// peerKey is an Address that compares by value.
type peerKey struct {
	name   string
	device uint32
}

func keyOf(a Address) peerKey { return peerKey{a.Name(), a.DeviceID()} }

// New makes a device as after an installation: a fresh identity, a
// registration id, signed prekey 1, and neither one-time prekeys nor sessions.
func New() *Device {
	d := new(Device)
	d.reset()
	return d
}

// Reinstall makes the device forget everything and take a new identity, as
// when a contact reinstalls WhatsApp.
func (d *Device) Reinstall() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reset()
}

func (d *Device) reset() {
	d.identity = keys.NewKeyPair()
	// The range is libsignal's (state/store.IdentityKey).
	d.registrationID = rand.Uint32N(16380) + 1 //nolint:gosec // an id, not a secret
	d.signed = d.identity.CreateSignedPreKey(1)
	d.oneTime = make(map[uint32]*keys.KeyPair)
	d.lastPreKey = 0
	d.peers = make(map[peerKey]*peer)
	d.own = make(map[senderName]*ownSenderKey)
	d.senders = make(map[senderName]*senderKeys)
}

// IdentityKey returns the identity key pair; the caller must not change it.
func (d *Device) IdentityKey() *keys.KeyPair {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.identity
}

// IdentityPublic returns the public half of the identity.
func (d *Device) IdentityPublic() [32]byte { return *d.IdentityKey().Pub }

// RegistrationID returns the registration id, 1 to 16380.
func (d *Device) RegistrationID() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registrationID
}

// HasSession reports whether Encrypt to this address can work.
func (d *Device) HasSession(to Address) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peers[keyOf(to)] != nil
}

// Forget drops the sessions with an address and its identity. Sender keys
// stay: they belong to the group.
func (d *Device) Forget(to Address) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.peers, keyOf(to))
}

// PeerIdentity returns the identity an address last proved to have, or the one
// of the bundle a session was begun with. False if there is no session.
func (d *Device) PeerIdentity(of Address) ([32]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[keyOf(of)]
	if p == nil {
		return [32]byte{}, false
	}
	return p.states[0].RemoteIdentityKey().PublicKey().PublicKey(), true
}

func (d *Device) identityPair() *identity.KeyPair {
	return identity.NewKeyPair(
		identity.NewKey(ecc.NewDjbECPublicKey(*d.identity.Pub)),
		ecc.NewDjbECPrivateKey(*d.identity.Priv),
	)
}

func curvePair(k *keys.KeyPair) *ecc.ECKeyPair {
	return ecc.NewECKeyPair(ecc.NewDjbECPublicKey(*k.Pub), ecc.NewDjbECPrivateKey(*k.Priv))
}
