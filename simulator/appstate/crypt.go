package appstate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"go.mau.fi/whatsmeow/proto/waServerSync"
)

const (
	macSize = 32
	// IV, at least one block, value MAC.
	minBlobSize = aes.BlockSize + aes.BlockSize + macSize
)

// ErrMalformed means that a patch, a snapshot or a request has not the shape
// the protocol demands.
var ErrMalformed = errors.New("malformed app state")

func mac(alg func() hash.Hash, key []byte, parts ...[]byte) []byte {
	h := hmac.New(alg, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func bigEndian(n uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, n)
}

func (k subkeys) macIndex(index []byte) []byte {
	return mac(sha256.New, k.index, index)
}

func (k subkeys) macValue(op waServerSync.SyncdMutation_SyncdOperation, keyID, encrypted []byte) []byte {
	// The length counts the operation byte and the key id as associated data.
	return mac(sha512.New, k.valueMAC, []byte{byte(op) + 1}, keyID, encrypted, bigEndian(uint64(len(keyID)+1)))[:macSize]
}

func (k subkeys) macSnapshot(name Name, version uint64, lthash []byte) []byte {
	return mac(sha256.New, k.snapshotMAC, lthash, bigEndian(version), []byte(name))
}

func (k subkeys) macPatch(name Name, version uint64, snapshotMAC []byte, mutations []*waServerSync.SyncdMutation) []byte {
	parts := make([][]byte, 0, len(mutations)+3)
	parts = append(parts, snapshotMAC)
	for _, m := range mutations {
		parts = append(parts, valueMAC(m.GetRecord()))
	}
	return mac(sha256.New, k.patchMAC, append(parts, bigEndian(version), []byte(name))...)
}

// valueMAC is the end of the value blob; the caller has checked the record.
func valueMAC(r *waServerSync.SyncdRecord) []byte {
	blob := r.GetValue().GetBlob()
	return blob[len(blob)-macSize:]
}

func checkRecord(r *waServerSync.SyncdRecord) error {
	blob := r.GetValue().GetBlob()
	switch {
	case len(r.GetIndex().GetBlob()) != macSize:
		return fmt.Errorf("%w: index MAC of %d bytes", ErrMalformed, len(r.GetIndex().GetBlob()))
	case len(blob) < minBlobSize || (len(blob)-macSize)%aes.BlockSize != 0:
		return fmt.Errorf("%w: value of %d bytes", ErrMalformed, len(blob))
	}
	return nil
}

// encrypt gives IV and AES-CBC ciphertext with PKCS #7 padding.
func (k subkeys) encrypt(plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(k.encryption)
	if err != nil {
		return nil, fmt.Errorf("encrypt value: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	out := make([]byte, aes.BlockSize+len(plain)+pad)
	rand.Read(out[:aes.BlockSize])
	n := copy(out[aes.BlockSize:], plain)
	for i := aes.BlockSize + n; i < len(out); i++ {
		out[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return out, nil
}

// decrypt reverses encrypt; the caller has checked the length.
func (k subkeys) decrypt(encrypted []byte) ([]byte, error) {
	block, err := aes.NewCipher(k.encryption)
	if err != nil {
		return nil, fmt.Errorf("decrypt value: %w", err)
	}
	plain := make([]byte, len(encrypted)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, encrypted[:aes.BlockSize]).CryptBlocks(plain, encrypted[aes.BlockSize:])
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, fmt.Errorf("%w: padding of %d bytes", ErrMalformed, pad)
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, fmt.Errorf("%w: uneven padding", ErrMalformed)
		}
	}
	return plain[:len(plain)-pad], nil
}
