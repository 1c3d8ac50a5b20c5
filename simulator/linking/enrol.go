package linking

import (
	"bytes"
	"errors"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"roost/simulator/signal"
)

// ErrBadEnrolment is an answer to an Enrolment that the companion cannot take.
var ErrBadEnrolment = errors.New("bad answer to an enrolment")

// Enrolment is the public half of a client's keys, for a phone that links it
// without a pairing on the wire. In JSON its keys are base64.
type Enrolment struct {
	Noise        []byte `json:"noise"`    // 32 bytes, as all keys here
	Identity     []byte `json:"identity"` // of Signal
	ADVSecret    []byte `json:"advSecret"`
	Registration uint32 `json:"registration"`
	// Signed is the signed prekey, OneTime those that are handed out once.
	Signed  EnrolledKey   `json:"signed"`
	OneTime []EnrolledKey `json:"oneTime"`
}

// EnrolledKey is a public prekey.
type EnrolledKey struct {
	ID        uint32 `json:"id"`
	Public    []byte `json:"public"`
	Signature []byte `json:"signature,omitempty"` // 64 bytes; of the signed prekey only
}

// Enrolled is what the phone answers.
type Enrolled struct {
	JID      types.JID `json:"jid"`
	LID      types.JID `json:"lid"`
	Identity []byte    `json:"identity"` // ADVSignedDeviceIdentityHMAC, as in pair-success
}

// Check finds what is missing or has the wrong length.
func (e Enrolment) Check() error {
	switch {
	case len(e.Noise) != 32 || len(e.Identity) != 32 || len(e.ADVSecret) != secretLength:
		return errors.New("noise, identity and advSecret must have 32 bytes")
	case len(e.Signed.Public) != 32 || len(e.Signed.Signature) != 64:
		return errors.New("signed needs a key of 32 bytes and a signature of 64")
	case !ecc.VerifySignature(ecc.NewDjbECPublicKey([32]byte(e.Identity)), append([]byte{ecc.DjbType}, e.Signed.Public...), [64]byte(e.Signed.Signature)):
		return errors.New("signed is not signed by identity")
	}
	for _, k := range e.OneTime {
		if len(k.Public) != 32 || k.ID == 0 || k.ID >= 1<<24 {
			return errors.New("oneTime needs keys of 32 bytes with ids of 24 bits")
		}
	}
	return nil
}

// Confirm is the companion's half: it returns the identity that it keeps,
// signed by its own key as after a pairing, and the account's key.
func (e Enrolled) Confirm(identity *keys.KeyPair, advSecret []byte) (*waAdv.ADVSignedDeviceIdentity, [32]byte, error) {
	var container waAdv.ADVSignedDeviceIdentityHMAC
	var signed waAdv.ADVSignedDeviceIdentity
	if err := errors.Join(proto.Unmarshal(e.Identity, &container), proto.Unmarshal(container.GetDetails(), &signed)); err != nil {
		return nil, [32]byte{}, fmt.Errorf("%w: %w", ErrBadEnrolment, err)
	}
	account := signed.GetAccountSignatureKey()
	if !bytes.Equal(hmacSHA256(advSecret, container.GetDetails()), container.GetHMAC()) || len(account) != 32 {
		return nil, [32]byte{}, fmt.Errorf("%w: it is for another secret", ErrBadEnrolment)
	}
	covered := append(append(bytes.Clone(devicePrefix), signed.GetDetails()...), identity.Pub[:]...)
	signature := signal.Sign(identity, append(covered, account...))
	signed.DeviceSignature = signature[:]
	return &signed, [32]byte(account), nil
}
