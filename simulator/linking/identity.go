package linking

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"roost/simulator/signal"
)

// What the two signatures cover begins with these (whatsmeow pair.go).
var (
	accountPrefix = []byte{6, 0}
	devicePrefix  = []byte{6, 1}
)

// ErrBadReply is a companion's reply to pair-success that does not confirm the
// identity it was given.
var ErrBadReply = errors.New("bad reply to the device identity")

// Signer makes device identities for the companions of one account. The zero
// value of each fault is an honest phone.
type Signer struct {
	// Account is the identity key of the phone's Signal device 0: companions
	// keep it as such.
	Account *keys.KeyPair

	// WrongHMAC spoils the HMAC, as if the phone had read another QR code.
	// The companion answers error 401 hmac-mismatch.
	WrongHMAC bool
	// WrongSignature spoils the account's signature under a right HMAC. The
	// companion answers error 401 signature-mismatch.
	WrongSignature bool
}

// Identity is a device identity as a phone signs it.
type Identity struct {
	Container []byte // ADVSignedDeviceIdentityHMAC: the content of pair-success' <device-identity>
	Details   []byte // ADVDeviceIdentity
	KeyIndex  uint32

	companion [32]byte
	account   [32]byte
	signature []byte
}

// Sign makes the identity of a companion with an honest Signer.
func Sign(account *keys.KeyPair, companion [32]byte, advSecret []byte, keyIndex uint32, at time.Time) (Identity, error) {
	return Signer{Account: account}.Sign(companion, advSecret, keyIndex, at)
}

// Sign makes the identity of the companion whose Signal identity is given.
// advSecret is the 32 bytes that linking has established, keyIndex the number
// of the companion among all the account ever had.
func (s Signer) Sign(companion [32]byte, advSecret []byte, keyIndex uint32, at time.Time) (Identity, error) {
	if len(advSecret) != secretLength {
		return Identity{}, fmt.Errorf("sign device identity: secret of %d bytes, want %d", len(advSecret), secretLength)
	}
	// One number for all companions of an account, and never 0.
	digest := sha256.Sum256(s.Account.Pub[:])
	raw := binary.BigEndian.Uint32(digest[:]) | 1
	details, err := proto.Marshal(&waAdv.ADVDeviceIdentity{
		RawID:     new(raw),
		Timestamp: new(uint64(max(at.Unix(), 0))),
		KeyIndex:  new(keyIndex),
	})
	if err != nil {
		return Identity{}, fmt.Errorf("marshal device identity: %w", err)
	}
	signature := signal.Sign(s.Account, slices.Concat(accountPrefix, details, companion[:]))
	if s.WrongSignature {
		signature[0] ^= 1
	}
	signed, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentity{
		Details:             details,
		AccountSignatureKey: s.Account.Pub[:],
		AccountSignature:    signature[:],
	})
	if err != nil {
		return Identity{}, fmt.Errorf("marshal signed device identity: %w", err)
	}
	code := hmacSHA256(advSecret, signed)
	if s.WrongHMAC {
		code[0] ^= 1
	}
	container, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: signed, HMAC: code})
	if err != nil {
		return Identity{}, fmt.Errorf("marshal device identity container: %w", err)
	}
	return Identity{
		Container: container, Details: details, KeyIndex: keyIndex,
		companion: companion, account: *s.Account.Pub, signature: signature[:],
	}, nil
}

// Verify checks the companion's pair-device-sign reply: the content of its
// <device-identity> and the key-index attribute. It returns the complete
// ADVSignedDeviceIdentity, which the companion from now on sends along with
// its first messages. Errors wrap ErrBadReply.
func (i Identity) Verify(reply []byte, keyIndex int) ([]byte, error) {
	if keyIndex < 0 || uint64(keyIndex) != uint64(i.KeyIndex) {
		return nil, fmt.Errorf("%w: key-index %d, want %d", ErrBadReply, keyIndex, i.KeyIndex)
	}
	var got waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(reply, &got); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	switch {
	case len(got.GetAccountSignatureKey()) != 0:
		return nil, fmt.Errorf("%w: it repeats the account's key", ErrBadReply)
	case !bytes.Equal(got.GetDetails(), i.Details):
		return nil, fmt.Errorf("%w: other details", ErrBadReply)
	case !bytes.Equal(got.GetAccountSignature(), i.signature):
		return nil, fmt.Errorf("%w: other account signature", ErrBadReply)
	case len(got.GetDeviceSignature()) != 64:
		return nil, fmt.Errorf("%w: device signature of %d bytes", ErrBadReply, len(got.GetDeviceSignature()))
	}
	covered := slices.Concat(devicePrefix, i.Details, i.companion[:], i.account[:])
	if !signal.Verify(i.companion, covered, [64]byte(got.GetDeviceSignature())) {
		return nil, fmt.Errorf("%w: %w of the device", ErrBadReply, signal.ErrBadSignature)
	}
	got.AccountSignatureKey = i.account[:]
	complete, err := proto.Marshal(&got)
	if err != nil {
		return nil, fmt.Errorf("marshal signed device identity: %w", err)
	}
	return complete, nil
}

func hmacSHA256(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}
