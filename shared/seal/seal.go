// Package seal encrypts what Roost keeps at rest. Values are sealed with a data
// key; data keys are wrapped by a key-encryption key that a Wrapper holds, so
// that whoever copies the table has nothing without it.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// KeySize is the length of a data key in bytes (AES-256).
const KeySize = 32

// Overhead is how many bytes longer a sealed value is: a nonce of 12 and a tag
// of 16.
const Overhead = 12 + 16

// ErrSealed means that a value cannot be opened: another key, another place, or
// damaged. It says no more on purpose.
var ErrSealed = errors.New("sealed value does not open")

// Sealer seals and opens values with AES-256-GCM under a random nonce. One key
// is good for 2^32 values (NIST SP 800-38D, 8.3). It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
}

// New returns a sealer for a key of [KeySize] bytes, which it copies.
func New(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("data key of %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	return &Sealer{aead: aead}, nil
}

// NewKey returns a random data key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand since Go 1.24)
	return key
}

// Seal encrypts value for one place: it opens only with the same place, so that
// two sealed values cannot be swapped.
func (s *Sealer) Seal(value, place []byte) []byte {
	return s.aead.Seal(make([]byte, 0, len(value)+Overhead), nil, value, place) //nolint:gosec // it draws its nonce itself
}

// Open undoes Seal, or returns [ErrSealed].
func (s *Sealer) Open(sealed, place []byte) ([]byte, error) {
	value, err := s.aead.Open(nil, nil, sealed, place)
	if err != nil {
		return nil, ErrSealed
	}
	return value, nil
}
