package linking

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/util/keys"
)

const (
	codeAlphabet = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
	codeLength   = 8

	// A wrapped key is a salt, an initialisation vector and 32 bytes of
	// AES-256-CTR.
	saltLength    = 32
	wrappedLength = saltLength + aes.BlockSize + 32

	// A key bundle is a salt, a nonce and the AES-256-GCM of three times 32
	// bytes.
	nonceLength  = 12
	bundleLength = saltLength + nonceLength + 3*32 + 16

	// whatsmeow pair-code.go.
	codeIterations = 2 << 16
)

var codeBase32 = base32.NewEncoding(codeAlphabet)

var (
	// ErrNotCode is a text that no companion shows as a linking code.
	ErrNotCode = errors.New("not an eight-character code")
	// ErrWrongCode is a companion that was shown another code than the phone.
	ErrWrongCode = errors.New("wrong code")
	// ErrBadExchange is a message of the companion that does not fit.
	ErrBadExchange = errors.New("bad linking message")
)

// NormalizeCode returns the eight characters of a linking code as a user may
// type it: with or without the dash in the middle, in either case. Errors
// wrap ErrNotCode.
func NormalizeCode(text string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(text))
	if len(code) == codeLength+1 && code[codeLength/2] == '-' {
		code = code[:codeLength/2] + code[codeLength/2+1:]
	}
	if len(code) != codeLength {
		return "", fmt.Errorf("%w: %d characters", ErrNotCode, len(code))
	}
	for i := range len(code) {
		if strings.IndexByte(codeAlphabet, code[i]) < 0 {
			return "", fmt.Errorf("%w: %q is never part of one", ErrNotCode, code[i])
		}
	}
	return code, nil
}

// CodeExchange is the phone's half of linking by code.
type CodeExchange struct {
	account *keys.KeyPair
	shared  []byte // secret of the two ephemeral keys
	hello   []byte
}

// AnswerCode begins the exchange once the user has typed the code.
// wrappedCompanion is the 80 bytes of the companion's hello. A wrong code does
// not show here, but in Finish. It takes some 80 ms of computing: two keys are derived from the code.
func AnswerCode(code string, wrappedCompanion []byte, account *keys.KeyPair) (*CodeExchange, error) {
	code, err := NormalizeCode(code)
	if err != nil {
		return nil, err
	}
	if len(wrappedCompanion) != wrappedLength {
		return nil, fmt.Errorf("%w: wrapped key of %d bytes, want %d", ErrBadExchange, len(wrappedCompanion), wrappedLength)
	}
	companion := bytes.Clone(wrappedCompanion[saltLength+aes.BlockSize:])
	if err := wrap(code, wrappedCompanion, companion); err != nil {
		return nil, err
	}
	ephemeral := keys.NewKeyPair()
	shared, err := agree(ephemeral, companion)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongCode, err)
	}
	hello := make([]byte, wrappedLength)
	if _, err := rand.Read(hello[:saltLength+aes.BlockSize]); err != nil {
		return nil, fmt.Errorf("make salt: %w", err)
	}
	copy(hello[saltLength+aes.BlockSize:], ephemeral.Pub[:])
	if err := wrap(code, hello, hello[saltLength+aes.BlockSize:]); err != nil {
		return nil, err
	}
	return &CodeExchange{account, shared, hello}, nil
}

// PrimaryHello returns the 80 bytes of
// <link_code_pairing_wrapped_primary_ephemeral_pub>.
func (x *CodeExchange) PrimaryHello() []byte { return x.hello }

// Finish opens the companion's finish message and returns the ADV secret.
// keyBundle is the content of <link_code_pairing_wrapped_key_bundle>,
// companionIdentity that of <companion_identity_public>. Errors wrap
// ErrWrongCode if the two sides used different codes, else ErrBadExchange.
func (x *CodeExchange) Finish(keyBundle, companionIdentity []byte) ([]byte, error) {
	if len(keyBundle) != bundleLength || len(companionIdentity) != 32 {
		return nil, fmt.Errorf("%w: key bundle of %d bytes, identity of %d", ErrBadExchange, len(keyBundle), len(companionIdentity))
	}
	salt, nonce, sealed := keyBundle[:saltLength], keyBundle[saltLength:saltLength+nonceLength], keyBundle[saltLength+nonceLength:]
	key, err := hkdf.Key(sha256.New, x.shared, salt, "link_code_pairing_key_bundle_encryption_key", 32)
	if err != nil {
		return nil, fmt.Errorf("derive bundle key: %w", err)
	}
	bundle, err := openGCM(key, nonce, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongCode, err)
	}
	if !bytes.Equal(bundle[:32], companionIdentity) {
		return nil, fmt.Errorf("%w: the bundle names another companion identity", ErrBadExchange)
	}
	if !bytes.Equal(bundle[32:64], x.account.Pub[:]) {
		return nil, fmt.Errorf("%w: the bundle names another account identity", ErrBadExchange)
	}
	identities, err := agree(x.account, companionIdentity)
	if err != nil {
		return nil, fmt.Errorf("%w: companion identity: %w", ErrBadExchange, err)
	}
	secret, err := hkdf.Key(sha256.New, slices.Concat(x.shared, identities, bundle[64:]), nil, "adv_secret", secretLength)
	if err != nil {
		return nil, fmt.Errorf("derive secret: %w", err)
	}
	return secret, nil
}

// wrap encrypts or decrypts key in place with the code and the salt and
// initialisation vector at the start of a wrapped key.
func wrap(code string, wrapped, key []byte) error {
	derived, err := pbkdf2.Key(sha256.New, code, wrapped[:saltLength], codeIterations, 32)
	if err != nil {
		return fmt.Errorf("derive key of code: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return fmt.Errorf("wrap key: %w", err)
	}
	cipher.NewCTR(block, wrapped[saltLength:saltLength+aes.BlockSize]).XORKeyStream(key, key)
	return nil
}

// agree returns the X25519 secret of two keys.
func agree(ours *keys.KeyPair, theirs []byte) ([]byte, error) {
	private, err := ecdh.X25519().NewPrivateKey(ours.Priv[:])
	if err != nil {
		return nil, err
	}
	public, err := ecdh.X25519().NewPublicKey(theirs)
	if err != nil {
		return nil, err
	}
	return private.ECDH(public)
}

func openGCM(key, nonce, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nonce, sealed, nil)
}
