package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"go.mau.fi/whatsmeow/socket"
)

// keySize is the size of X25519 and AES-256 keys, tagSize what sealing adds.
const (
	keySize = 32
	tagSize = 16
)

// direction seals or opens the frames of one direction: AES-256-GCM whose nonce
// is a counter. The zero value is useless; not safe for concurrent use.
type direction struct {
	aead  cipher.AEAD
	count uint32
	nonce [12]byte // kept here because a local one would be allocated on each call
}

func newDirection(key []byte) (direction, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return direction{}, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return direction{}, fmt.Errorf("make gcm: %w", err)
	}
	return direction{aead: aead}, nil
}

// seal appends the sealed plaintext to dst.
func (d *direction) seal(dst, plaintext, additional []byte) []byte {
	return d.aead.Seal(dst, d.next(), plaintext, additional)
}

// open appends the plaintext to dst. The counter moves on even if it fails.
func (d *direction) open(dst, ciphertext, additional []byte) ([]byte, error) {
	plaintext, err := d.aead.Open(dst, d.next(), ciphertext, additional)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return plaintext, nil
}

func (d *direction) next() []byte {
	binary.BigEndian.PutUint32(d.nonce[8:], d.count)
	d.count++
	return d.nonce[:]
}

// noise is the symmetric state of a handshake, the same for both sides: each
// calls the same methods in the same order, one encrypting what the other decrypts.
type noise struct {
	hash    [sha256.Size]byte
	salt    [keySize]byte
	current direction
}

// newNoise starts a handshake. The pattern's name has exactly 32 bytes and is
// therefore used as it is, not hashed.
func newNoise() (*noise, error) {
	n := new(noise)
	copy(n.hash[:], socket.NoiseStartPattern)
	n.salt = n.hash
	var err error
	if n.current, err = newDirection(n.hash[:]); err != nil {
		return nil, err
	}
	n.authenticate(socket.WAConnHeader)
	return n, nil
}

// authenticate makes b part of what both sides must have seen alike.
func (n *noise) authenticate(b []byte) {
	h := sha256.New()
	h.Write(n.hash[:])
	h.Write(b)
	h.Sum(n.hash[:0])
}

// mix derives new keys from the secret shared by a private and a public key.
func (n *noise) mix(private *ecdh.PrivateKey, public []byte) error {
	key, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("read public key: %w", err)
	}
	secret, err := private.ECDH(key)
	if err != nil {
		return fmt.Errorf("agree on secret: %w", err)
	}
	salt, next, err := n.expand(secret)
	if err != nil {
		return err
	}
	copy(n.salt[:], salt)
	n.current, err = newDirection(next)
	return err
}

func (n *noise) encrypt(plaintext []byte) []byte {
	ciphertext := n.current.seal(nil, plaintext, n.hash[:])
	n.authenticate(ciphertext)
	return ciphertext
}

func (n *noise) decrypt(ciphertext []byte) ([]byte, error) {
	plaintext, err := n.current.open(nil, ciphertext, n.hash[:])
	if err != nil {
		return nil, err
	}
	n.authenticate(ciphertext)
	return plaintext, nil
}

// split ends the handshake: the keys for what the client and what the server sends.
func (n *noise) split() (client, server direction, err error) {
	clientKey, serverKey, err := n.expand(nil)
	if err != nil {
		return direction{}, direction{}, err
	}
	if client, err = newDirection(clientKey); err != nil {
		return direction{}, direction{}, err
	}
	server, err = newDirection(serverKey)
	return client, server, err
}

func (n *noise) expand(secret []byte) (first, second []byte, err error) {
	both, err := hkdf.Key(sha256.New, secret, n.salt[:], "", 2*keySize)
	if err != nil {
		return nil, nil, fmt.Errorf("expand key: %w", err)
	}
	return both[:keySize], both[keySize:], nil
}
