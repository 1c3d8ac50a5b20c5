package signal

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups/ratchet"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/util/keyhelper"
)

// maxSenderKeys is how many sender keys of one device in one group are kept,
// as in libsignal.
const maxSenderKeys = 5

const signatureLength = 64

var (
	distributionFormat serialize.ProtoBufSenderKeyDistributionMessageSerializer
	groupFormat        serialize.ProtoBufSenderKeyMessageSerializer
)

// senderName is whatsmeow's name of a sender key: the group's JID and the
// device that sends.
type senderName struct {
	group  string
	device peerKey
}

// ownSenderKey is a key this device sends with.
type ownSenderKey struct {
	id      uint32
	chain   *ratchet.SenderChainKey
	signing *ecc.ECKeyPair
}

// senderKeys are the keys another device has sent with, the newest first.
type senderKeys []*senderKey

type senderKey struct {
	id      uint32
	chain   *ratchet.SenderChainKey
	public  [32]byte
	skipped []*ratchet.SenderMessageKey // ascending iterations
}

// SenderKey returns the serialised SenderKeyDistributionMessage with which
// others can read what this device sends to the group from now on. It makes
// the sender key if there is none.
func (d *Device) SenderKey(group string, self Address) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := senderName{group, keyOf(self)}
	own := d.own[name]
	if own == nil {
		signing, err := ecc.GenerateKeyPair()
		if err != nil {
			return nil, fmt.Errorf("make sender key: %w", err)
		}
		own = &ownSenderKey{
			id:      rand.Uint32(), //nolint:gosec // an id, not a secret
			chain:   ratchet.NewSenderChainKey(0, keyhelper.GenerateSenderKey()),
			signing: signing,
		}
		d.own[name] = own
	}
	return distributionFormat.Serialize(&protocol.SenderKeyDistributionMessageStructure{
		Version:    protocol.CurrentVersion,
		ID:         own.id,
		Iteration:  own.chain.Iteration(),
		ChainKey:   own.chain.Seed(),
		SigningKey: own.signing.PublicKey().Serialize(),
	}), nil
}

// RotateSenderKey forgets the own sender key, as when a member has left.
func (d *Device) RotateSenderKey(group string, self Address) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.own, senderName{group, keyOf(self)})
}

// EncryptGroup pads and encrypts for all that have the sender key.
// ErrNoSenderKey if SenderKey was not called since the last rotation: nobody
// could read the message.
func (d *Device) EncryptGroup(group string, self Address, plaintext []byte) ([]byte, error) {
	padded := pad(plaintext)
	d.mu.Lock()
	defer d.mu.Unlock()
	own := d.own[senderName{group, keyOf(self)}]
	if own == nil {
		return nil, fmt.Errorf("encrypt to %s: %w", group, ErrNoSenderKey)
	}
	key, err := own.chain.SenderMessageKey()
	if err != nil {
		return nil, fmt.Errorf("derive message key: %w", err)
	}
	ciphertext, err := sealCBC(key.CipherKey(), key.Iv(), padded)
	if err != nil {
		return nil, fmt.Errorf("encrypt to %s: %w", group, err)
	}
	data := groupFormat.Serialize(&protocol.SenderKeyMessageStructure{
		Version:    protocol.CurrentVersion,
		ID:         own.id,
		Iteration:  key.Iteration(),
		CipherText: ciphertext,
	})
	signature := ecc.CalculateSignature(own.signing.PrivateKey(), data)
	own.chain = own.chain.Next()
	return append(data, signature[:]...), nil
}

// ProcessSenderKey takes the SenderKeyDistributionMessage of another device.
// One that is known already changes nothing, so that repeating it neither
// reopens old messages nor closes those on their way.
func (d *Device) ProcessSenderKey(group string, from Address, skdm []byte) (err error) {
	defer refuse(&err)
	m, err := distributionFormat.Deserialize(skdm)
	if err != nil {
		return fmt.Errorf("sender key of %s: %w: %w", from, ErrMalformed, err)
	}
	public, err := decodePoint(m.SigningKey)
	if err != nil {
		return fmt.Errorf("sender key of %s: %w", from, err)
	}
	if m.Version != protocol.CurrentVersion || len(m.ChainKey) != 32 {
		return fmt.Errorf("sender key of %s: %w: version %d, chain key of %d bytes", from, ErrMalformed, m.Version, len(m.ChainKey))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := senderName{group, keyOf(from)}
	held := d.senders[name]
	if held == nil {
		held = new(senderKeys)
		d.senders[name] = held
	}
	chain := ratchet.NewSenderChainKey(m.Iteration, m.ChainKey)
	for _, key := range *held {
		if key.id == m.ID && key.public == public.PublicKey() {
			// Out of reach of the chain that is held: the device was away.
			if at := key.chain.Iteration(); m.Iteration > at && m.Iteration-at > maxSkip {
				key.chain = chain
			}
			return nil
		}
	}
	*held = slices.Insert(*held, 0, &senderKey{id: m.ID, chain: chain, public: public.PublicKey()})
	if len(*held) > maxSenderKeys {
		*held = slices.Delete(*held, maxSenderKeys, len(*held))
	}
	return nil
}

// DecryptGroup opens a group message and removes the padding. A message that is
// not authentic changes nothing.
//
// Errors wrap ErrNoSenderKey, ErrBadSignature, ErrDuplicate, ErrMalformed or
// ErrUndecryptable.
func (d *Device) DecryptGroup(group string, from Address, data []byte) (plaintext []byte, err error) {
	defer refuse(&err)
	d.mu.Lock()
	defer d.mu.Unlock()
	plaintext, err = d.openGroup(senderName{group, keyOf(from)}, data)
	if err == nil {
		plaintext, err = unpad(plaintext)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt group message of %s in %s: %w", from, group, err)
	}
	return plaintext, nil
}

func (d *Device) openGroup(name senderName, data []byte) ([]byte, error) {
	if len(data) <= signatureLength+1 {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	m, err := groupFormat.Deserialize(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if m.Version != protocol.CurrentVersion {
		return nil, fmt.Errorf("%w: version %d", ErrMalformed, m.Version)
	}
	held := d.senders[name]
	if held == nil {
		return nil, ErrNoSenderKey
	}
	i := slices.IndexFunc(*held, func(k *senderKey) bool { return k.id == m.ID })
	if i < 0 {
		return nil, fmt.Errorf("key %d: %w", m.ID, ErrNoSenderKey)
	}
	key := (*held)[i]
	if !Verify(key.public, data[:len(data)-signatureLength], [64]byte(m.Signature)) {
		return nil, ErrBadSignature
	}
	return key.open(m)
}

func (k *senderKey) open(m *protocol.SenderKeyMessageStructure) ([]byte, error) {
	if m.Iteration < k.chain.Iteration() {
		i, found := slices.BinarySearchFunc(k.skipped, m.Iteration, func(s *ratchet.SenderMessageKey, at uint32) int {
			return cmp.Compare(s.Iteration(), at)
		})
		if !found {
			return nil, fmt.Errorf("%w: iteration %d, expected %d", ErrDuplicate, m.Iteration, k.chain.Iteration())
		}
		plaintext, err := openCBC(k.skipped[i].CipherKey(), k.skipped[i].Iv(), m.CipherText)
		if err == nil {
			k.skipped = slices.Delete(k.skipped, i, i+1)
		}
		return plaintext, err
	}
	if m.Iteration-k.chain.Iteration() > maxSkip {
		return nil, fmt.Errorf("%w: iteration %d is too far ahead of %d", ErrUndecryptable, m.Iteration, k.chain.Iteration())
	}
	chain := k.chain
	var skipped []*ratchet.SenderMessageKey
	for chain.Iteration() < m.Iteration {
		key, err := chain.SenderMessageKey()
		if err != nil {
			return nil, fmt.Errorf("derive message key: %w", err)
		}
		skipped = append(skipped, key)
		chain = chain.Next()
	}
	key, err := chain.SenderMessageKey()
	if err != nil {
		return nil, fmt.Errorf("derive message key: %w", err)
	}
	plaintext, err := openCBC(key.CipherKey(), key.Iv(), m.CipherText)
	if err != nil {
		return nil, err
	}
	k.chain = chain.Next()
	k.skipped = append(k.skipped, skipped...)
	if over := len(k.skipped) - maxSkip; over > 0 {
		k.skipped = slices.Delete(k.skipped, 0, over)
	}
	return plaintext, nil
}
