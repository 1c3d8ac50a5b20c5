package media

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Kind says what a file is, which decides the keys derived for it.
type Kind string

// The kinds. Voice is an audio file recorded in the chat, Sticker is encrypted
// as an image.
const (
	Image    Kind = "image"
	Video    Kind = "video"
	Audio    Kind = "audio"
	Voice    Kind = "voice"
	Document Kind = "document"
	Sticker  Kind = "sticker"
	History  Kind = "history"
	AppState Kind = "appstate"
)

// keyInfo holds the HKDF info of each kind (whatsmeow download.go, MediaType
// and classToMediaType).
var keyInfo = map[Kind]string{
	Image:    "WhatsApp Image Keys",
	Video:    "WhatsApp Video Keys",
	Audio:    "WhatsApp Audio Keys",
	Voice:    "WhatsApp Audio Keys",
	Document: "WhatsApp Document Keys",
	Sticker:  "WhatsApp Image Keys",
	History:  "WhatsApp History Keys",
	AppState: "WhatsApp App State Keys",
}

// Lengths in bytes (whatsmeow download.go, getMediaKeys and mediaHMACLength).
const (
	mediaKeyLength = 32
	macLength      = 10
)

var (
	// ErrKind means that a Kind is none of the constants.
	ErrKind = errors.New("unknown media kind")
	// ErrForged means that a body was not made with the given key and kind,
	// or was changed since.
	ErrForged = errors.New("media body does not fit its key")
)

// Encrypted is a file ready for upload, and what its receiver must be told.
type Encrypted struct {
	Kind Kind
	// Body is what goes to the media server: ciphertext and 10 bytes of MAC.
	Body []byte
	// MediaKey is the 32 byte secret that the message carries.
	MediaKey []byte
	// FileSHA256 and FileLength are those of the plain file, in bytes.
	FileSHA256 []byte
	FileLength uint64
	// FileEncSHA256 is the hash of Body.
	FileEncSHA256 []byte
}

// Encrypt encrypts plain under a fresh key as WhatsApp clients do before an
// upload: AES-256-CBC, then the first 10 bytes of HMAC-SHA-256 over IV and
// ciphertext. The only error is ErrKind.
func Encrypt(kind Kind, plain []byte) (Encrypted, error) {
	mediaKey := make([]byte, mediaKeyLength)
	// Never fails since Go 1.24.
	_, _ = rand.Read(mediaKey)
	keys, err := deriveKeys(kind, mediaKey)
	if err != nil {
		return Encrypted{}, err
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	body := make([]byte, 0, len(plain)+padding+macLength)
	body = append(body, plain...)
	body = append(body, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(keys.block, keys.iv).CryptBlocks(body, body)
	body = append(body, keys.mac(body)...)

	plainHash, bodyHash := sha256.Sum256(plain), sha256.Sum256(body)
	return Encrypted{
		Kind:          kind,
		Body:          body,
		MediaKey:      mediaKey,
		FileSHA256:    plainHash[:],
		FileLength:    uint64(len(plain)),
		FileEncSHA256: bodyHash[:],
	}, nil
}

// Decrypt is the opposite of Encrypt. It leaves body as it is and returns
// ErrKind, or ErrForged if body was not encrypted for this kind and key.
func Decrypt(kind Kind, mediaKey, body []byte) ([]byte, error) {
	keys, err := deriveKeys(kind, mediaKey)
	if err != nil {
		return nil, err
	}
	if len(body) < aes.BlockSize+macLength || (len(body)-macLength)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: length %d", ErrForged, len(body))
	}
	ciphertext, mac := body[:len(body)-macLength], body[len(body)-macLength:]
	if !hmac.Equal(keys.mac(ciphertext), mac) {
		return nil, fmt.Errorf("%w: wrong MAC", ErrForged)
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(keys.block, keys.iv).CryptBlocks(plain, ciphertext)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize ||
		!bytes.Equal(plain[len(plain)-padding:], bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, fmt.Errorf("%w: wrong padding", ErrForged)
	}
	return plain[:len(plain)-padding], nil
}

type derivedKeys struct {
	iv     []byte
	block  cipher.Block
	macKey []byte
}

func deriveKeys(kind Kind, mediaKey []byte) (derivedKeys, error) {
	info, ok := keyInfo[kind]
	if !ok {
		return derivedKeys{}, fmt.Errorf("%w %q", ErrKind, kind)
	}
	// 16 bytes of IV, 32 of cipher key, 32 of MAC key and 32 unused ones.
	expanded, err := hkdf.Key(sha256.New, mediaKey, nil, info, 112)
	if err != nil {
		return derivedKeys{}, fmt.Errorf("derive media keys: %w", err)
	}
	block, err := aes.NewCipher(expanded[16:48])
	if err != nil {
		return derivedKeys{}, fmt.Errorf("make media cipher: %w", err)
	}
	return derivedKeys{iv: expanded[:16], block: block, macKey: expanded[48:80]}, nil
}

func (k derivedKeys) mac(ciphertext []byte) []byte {
	h := hmac.New(sha256.New, k.macKey)
	h.Write(k.iv)
	h.Write(ciphertext)
	return h.Sum(nil)[:macLength]
}
