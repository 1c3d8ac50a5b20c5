package linking

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

var (
	errNotRevealed = errors.New("pairing request before the companion's nonce")
	errIncomplete  = errors.New("incomplete pairing request")
)

// PasskeyExchange is the phone's half of linking by passkey, after the
// assertion was accepted: PrimaryEphemeralIdentity, then Code, then Open.
type PasskeyExchange struct {
	prologue  Prologue
	ephemeral *keys.KeyPair
	nonce     []byte
	identity  []byte // both, as they are sent
	key       []byte
	revealed  bool // the companion has opened its commitment
}

// AnswerPasskey begins the exchange. Errors wrap ErrBadExchange.
func AnswerPasskey(p Prologue) (*PasskeyExchange, error) {
	ephemeral := keys.NewKeyPair()
	shared, err := agree(ephemeral, p.Ephemeral[:])
	if err != nil {
		return nil, fmt.Errorf("%w: companion ephemeral key: %w", ErrBadExchange, err)
	}
	salt := fmt.Sprintf("Companion Pairing %d with ref %s", p.DeviceType, p.Ref)
	key, err := hkdf.Key(sha256.New, shared, []byte(salt), "Pairing Information Encryption Key", 32)
	if err != nil {
		return nil, fmt.Errorf("derive pairing key: %w", err)
	}
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("make nonce: %w", err)
	}
	identity, err := proto.Marshal(&waCompanionReg.PrimaryEphemeralIdentity{PublicKey: ephemeral.Pub[:], Nonce: nonce})
	if err != nil {
		return nil, fmt.Errorf("marshal primary ephemeral identity: %w", err)
	}
	return &PasskeyExchange{prologue: p, ephemeral: ephemeral, nonce: nonce, identity: identity, key: key}, nil
}

// PrimaryEphemeralIdentity returns the content of
// <primary_ephemeral_identity>.
func (x *PasskeyExchange) PrimaryEphemeralIdentity() []byte { return x.identity }

// Code takes the content of <companion_nonce> and returns the code the phone
// shows, as XXXX-XXXX. The user compares it with the companion's.
// ErrBadExchange if the companion had committed itself to another nonce.
func (x *PasskeyExchange) Code(companionNonce []byte) (string, error) {
	commitment := sha256.Sum256(slices.Concat(x.prologue.identity, companionNonce))
	if len(companionNonce) != 32 || subtle.ConstantTimeCompare(commitment[:], x.prologue.commitment) != 1 {
		return "", fmt.Errorf("%w: the nonce is not the one committed to", ErrBadExchange)
	}
	x.revealed = true
	digest := sha256.Sum256(slices.Concat(companionNonce, x.ephemeral.Pub[:]))
	var code [5]byte
	subtle.XORBytes(code[:], x.nonce[:len(code)], digest[:len(code)])
	text := codeBase32.EncodeToString(code[:])
	return text[:codeLength/2] + "-" + text[codeLength/2:], nil
}

// Open takes the content of <encrypted_pairing_request>, which the companion
// sends when its user has confirmed the code, and returns the companion's
// keys and the ADV secret. Errors wrap ErrBadExchange.
func (x *PasskeyExchange) Open(request []byte) (noise, identity [32]byte, advSecret []byte, err error) {
	fail := func(err error) ([32]byte, [32]byte, []byte, error) {
		return [32]byte{}, [32]byte{}, nil, fmt.Errorf("%w: %w", ErrBadExchange, err)
	}
	if !x.revealed {
		return fail(errNotRevealed)
	}
	var outer waCompanionReg.EncryptedPairingRequest
	if err := proto.Unmarshal(request, &outer); err != nil {
		return fail(err)
	}
	if len(outer.GetIV()) != nonceLength {
		return fail(fmt.Errorf("iv of %d bytes, want %d", len(outer.GetIV()), nonceLength))
	}
	plaintext, err := openGCM(x.key, outer.GetIV(), outer.GetEncryptedPayload())
	if err != nil {
		return fail(err)
	}
	var inner waCompanionReg.PairingRequest
	if err := proto.Unmarshal(plaintext, &inner); err != nil {
		return fail(err)
	}
	if len(inner.GetCompanionPublicKey()) != 32 || len(inner.GetCompanionIdentityKey()) != 32 || len(inner.GetAdvSecret()) != secretLength {
		return fail(errIncomplete)
	}
	return [32]byte(inner.GetCompanionPublicKey()), [32]byte(inner.GetCompanionIdentityKey()), inner.GetAdvSecret(), nil
}
