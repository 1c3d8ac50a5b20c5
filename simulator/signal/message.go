package signal

import (
	"errors"
	"fmt"

	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
)

// The kinds of pairwise messages, as in the type attribute of <enc>.
const (
	PreKeyMessage = "pkmsg" // carries what the receiver needs to begin a session
	Message       = "msg"
)

// Ciphertext is the type and the content of an <enc> element.
type Ciphertext struct {
	Type string // PreKeyMessage or Message
	Data []byte
}

var preKeyFormat serialize.ProtoBufPreKeySignalMessageSerializer

// Encrypt pads and encrypts for an address. It is a PreKeyMessage until the
// first message has come back. ErrNoSession without a session.
func (d *Device) Encrypt(to Address, plaintext []byte) (Ciphertext, error) {
	padded := pad(plaintext)
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[keyOf(to)]
	if p == nil {
		return Ciphertext{}, fmt.Errorf("encrypt to %s: %w", to, ErrNoSession)
	}
	state := p.states[0]
	data, err := seal(state, padded)
	if err != nil {
		return Ciphertext{}, fmt.Errorf("encrypt to %s: %w", to, err)
	}
	if !state.HasUnacknowledgedPreKeyMessage() {
		return Ciphertext{Message, data}, nil
	}
	items, err := state.UnackPreKeyMessageItems()
	if err != nil {
		return Ciphertext{}, fmt.Errorf("encrypt to %s: %w", to, err)
	}
	return Ciphertext{PreKeyMessage, preKeyFormat.Serialize(&protocol.PreKeySignalMessageStructure{
		Version:        protocol.CurrentVersion,
		RegistrationID: state.LocalRegistrationID(),
		PreKeyID:       items.PreKeyID(),
		SignedPreKeyID: items.SignedPreKeyID(),
		BaseKey:        items.BaseKey().Serialize(),
		IdentityKey:    state.LocalIdentityKey().Serialize(),
		Message:        data,
	})}, nil
}

// Decrypt opens a message of the given kind and removes the padding. A
// PreKeyMessage is accepted at any time, also from a peer with a new identity,
// and answers go to the session it began. A message that is not authentic
// changes nothing, so the true one can still come.
//
// Errors wrap ErrDuplicate, ErrNoSession, ErrNoPreKey, ErrMalformed or
// ErrUndecryptable.
func (d *Device) Decrypt(from Address, kind string, data []byte) (plaintext []byte, err error) {
	defer refuse(&err)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch kind {
	case PreKeyMessage:
		plaintext, err = d.openFirst(from, data)
	case Message:
		plaintext, err = d.openLater(from, data)
	default:
		err = fmt.Errorf("%w: kind %q", ErrMalformed, kind)
	}
	if err == nil {
		plaintext, err = unpad(plaintext)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt %s from %s: %w", kind, from, err)
	}
	return plaintext, nil
}

func (d *Device) openFirst(from Address, data []byte) ([]byte, error) {
	first, err := preKeyFormat.Deserialize(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if first.Version != protocol.CurrentVersion {
		return nil, fmt.Errorf("%w: version %d", ErrMalformed, first.Version)
	}
	m, err := parseWhisper(first.Message)
	if err != nil {
		return nil, err
	}
	// A sender repeats the header until it has an answer.
	p := d.peers[keyOf(from)]
	if i := p.find(first.BaseKey); i >= 0 {
		plaintext, err := open(p.states[i], m)
		if err == nil {
			p.promote(i)
		}
		return plaintext, err
	}
	state, err := d.answer(first)
	if err != nil {
		return nil, err
	}
	plaintext, err := open(state, m)
	if err != nil {
		return nil, err
	}
	d.add(from, state)
	if !first.PreKeyID.IsEmpty {
		delete(d.oneTime, first.PreKeyID.Value)
	}
	return plaintext, nil
}

func (d *Device) openLater(from Address, data []byte) ([]byte, error) {
	m, err := parseWhisper(data)
	if err != nil {
		return nil, err
	}
	p := d.peers[keyOf(from)]
	if p == nil {
		return nil, ErrNoSession
	}
	var current error
	for i, state := range p.states {
		plaintext, err := open(state, m)
		if err == nil {
			p.promote(i)
			return plaintext, nil
		}
		if errors.Is(err, ErrDuplicate) {
			return nil, err
		}
		if i == 0 {
			current = err
		}
	}
	return nil, current
}

// refuse turns a panic into ErrMalformed: a hostile message must not stop the
// simulator, wherever in libsignal it found a gap.
func refuse(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrMalformed, p)
	}
}
