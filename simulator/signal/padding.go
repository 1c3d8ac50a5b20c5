package signal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"slices"
)

// pad appends 1 to 15 bytes that say how many they are, so that the length of
// a message tells less (whatsmeow message.go padMessage).
func pad(plaintext []byte) []byte {
	n := rand.IntN(15) + 1 //nolint:gosec // hides a length, is no key
	return append(slices.Clip(plaintext), bytes.Repeat([]byte{byte(n)}, n)...)
}

func unpad(padded []byte) ([]byte, error) {
	plaintext, ok := trim(padded)
	if !ok {
		return nil, fmt.Errorf("%w: wrong padding", ErrMalformed)
	}
	return plaintext, nil
}

// trim removes a padding whose bytes all say how many they are.
func trim(padded []byte) ([]byte, bool) {
	if len(padded) == 0 {
		return nil, false
	}
	n := int(padded[len(padded)-1])
	if n == 0 || n > len(padded) {
		return nil, false
	}
	rest, tail := padded[:len(padded)-n], padded[len(padded)-n:]
	return rest, bytes.Count(tail, tail[:1]) == n
}

// sealCBC is AES-256-CBC with PKCS #7 padding.
func sealCBC(key, iv, plaintext []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := make([]byte, len(plaintext)+n)
	for i := copy(padded, plaintext); i < len(padded); i++ {
		padded[i] = byte(n)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded, nil
}

func openCBC(key, iv, ciphertext []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: ciphertext of %d bytes", ErrMalformed, len(ciphertext))
	}
	padded := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(padded, ciphertext)
	plaintext, ok := trim(padded)
	if !ok || len(padded)-len(plaintext) > aes.BlockSize {
		return nil, fmt.Errorf("%w: wrong block padding", ErrMalformed)
	}
	return plaintext, nil
}
