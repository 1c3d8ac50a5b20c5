package signal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/chain"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/message"
	"go.mau.fi/libsignal/keys/session"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/state/record"
)

const (
	// maxStates is how many sessions with one address are kept, and maxSkip
	// how many messages may be missing before one; both are libsignal's.
	maxStates = 41
	maxSkip   = 2000
)

var whisperFormat serialize.ProtoBufSignalMessageSerializer

// peer is what a device knows of another: its session states, the one used
// last first. There is always at least one.
type peer struct {
	states []*record.State
}

// add puts a new state in front of those with an address.
func (d *Device) add(to Address, state *record.State) {
	p := d.peers[keyOf(to)]
	if p == nil {
		p = new(peer)
		d.peers[keyOf(to)] = p
	}
	p.states = slices.Insert(p.states, 0, state)
	if len(p.states) > maxStates {
		p.states = slices.Delete(p.states, maxStates, len(p.states))
	}
}

// promote makes the i-th state the one to send with.
func (p *peer) promote(i int) {
	if i == 0 {
		return
	}
	state := p.states[i]
	copy(p.states[1:], p.states[:i])
	p.states[0] = state
}

// find returns the index of the state a base key made, or -1.
func (p *peer) find(baseKey []byte) int {
	if p == nil {
		return -1
	}
	return slices.IndexFunc(p.states, func(s *record.State) bool {
		return bytes.Equal(s.SenderBaseKey(), baseKey)
	})
}

// whisper is a received ratchet message.
type whisper struct {
	*protocol.SignalMessageStructure
	signed  []byte // what the MAC covers
	ratchet ecc.ECPublicKeyable
}

func parseWhisper(data []byte) (*whisper, error) {
	if len(data) <= protocol.MacLength+1 {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	s, err := whisperFormat.Deserialize(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.Version != protocol.CurrentVersion {
		return nil, fmt.Errorf("%w: version %d", ErrMalformed, s.Version)
	}
	key, err := decodePoint(s.RatchetKey)
	if err != nil {
		return nil, fmt.Errorf("ratchet key: %w", err)
	}
	return &whisper{s, data[:len(data)-protocol.MacLength], key}, nil
}

// seal encrypts with the sending chain of a state and moves the chain on.
func seal(state *record.State, plaintext []byte) ([]byte, error) {
	chainKey := state.SenderChainKey()
	keys := chainKey.MessageKeys()
	ciphertext, err := sealCBC(keys.CipherKey(), keys.Iv(), plaintext)
	if err != nil {
		return nil, err
	}
	data := whisperFormat.Serialize(&protocol.SignalMessageStructure{
		Version:         protocol.CurrentVersion,
		RatchetKey:      state.SenderRatchetKey().Serialize(),
		Counter:         chainKey.Index(),
		PreviousCounter: state.PreviousCounter(),
		CipherText:      ciphertext,
	})
	data = append(data, mac(keys.MacKey(), state.LocalIdentityKey(), state.RemoteIdentityKey(), data)...)
	state.SetSenderChainKey(chainKey.NextKey())
	return data, nil
}

// open decrypts with a state. The state changes only if that succeeds.
func open(state *record.State, m *whisper) ([]byte, error) {
	var chainKey *chain.Key
	var received *session.KeyPair // set if the message begins a new chain
	if state.HasReceiverChain(m.ratchet) {
		chainKey = state.ReceiverChainKey(m.ratchet)
	} else {
		var err error
		received, err = state.RootKey().CreateChain(m.ratchet, state.SenderRatchetKeyPair())
		if err != nil {
			return nil, fmt.Errorf("derive receiving chain: %w", err)
		}
		chainKey = received.ChainKey.Current()
	}
	if m.Counter < chainKey.Index() {
		return openSkipped(state, m, chainKey.Index())
	}
	if m.Counter-chainKey.Index() > maxSkip {
		return nil, fmt.Errorf("%w: counter %d is too far ahead of %d", ErrUndecryptable, m.Counter, chainKey.Index())
	}
	var skipped []*message.Keys
	for chainKey.Index() < m.Counter {
		skipped = append(skipped, chainKey.MessageKeys())
		chainKey = chainKey.NextKey()
	}
	plaintext, err := m.open(state, chainKey.MessageKeys())
	if err != nil {
		return nil, err
	}
	if received != nil {
		if err := turn(state, m.ratchet, received); err != nil {
			return nil, err
		}
	}
	for _, keys := range skipped {
		state.SetMessageKeys(m.ratchet, keys)
	}
	state.SetReceiverChainKey(m.ratchet, chainKey.NextKey())
	state.ClearUnackPreKeyMessage()
	return plaintext, nil
}

// openSkipped opens a message that others have overtaken.
func openSkipped(state *record.State, m *whisper, next uint32) ([]byte, error) {
	if !state.HasMessageKeys(m.ratchet, m.Counter) {
		return nil, fmt.Errorf("%w: counter %d, expected %d", ErrDuplicate, m.Counter, next)
	}
	// libsignal has no way to look at a kept key without taking it out.
	keys := state.RemoveMessageKeys(m.ratchet, m.Counter)
	plaintext, err := m.open(state, keys)
	if err != nil {
		state.SetMessageKeys(m.ratchet, keys)
		return nil, err
	}
	state.ClearUnackPreKeyMessage()
	return plaintext, nil
}

// turn is the Diffie-Hellman step: a new receiving chain, and a new ratchet
// key of ours for the answer.
func turn(state *record.State, theirs ecc.ECPublicKeyable, received *session.KeyPair) error {
	ours, err := ecc.GenerateKeyPair()
	if err != nil {
		return fmt.Errorf("make ratchet key: %w", err)
	}
	sending, err := received.RootKey.CreateChain(theirs, ours)
	if err != nil {
		return fmt.Errorf("derive sending chain: %w", err)
	}
	previous := state.SenderChainKey().Index()
	state.SetPreviousCounter(previous - min(previous, 1))
	state.SetRootKey(sending.RootKey)
	state.AddReceiverChain(theirs, received.ChainKey)
	state.SetSenderChain(ours, sending.ChainKey)
	return nil
}

func (m *whisper) open(state *record.State, keys *message.Keys) ([]byte, error) {
	want := mac(keys.MacKey(), state.RemoteIdentityKey(), state.LocalIdentityKey(), m.signed)
	if !hmac.Equal(want, m.Mac) {
		return nil, fmt.Errorf("%w: wrong MAC", ErrUndecryptable)
	}
	return openCBC(keys.CipherKey(), keys.Iv(), m.CipherText)
}

func mac(key []byte, sender, receiver *identity.Key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(sender.Serialize())
	h.Write(receiver.Serialize())
	h.Write(data)
	return h.Sum(nil)[:protocol.MacLength]
}
