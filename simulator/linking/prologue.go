package linking

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

var (
	// ErrBadAssertion is a WebAuthn assertion that does not answer the
	// request.
	ErrBadAssertion = errors.New("bad passkey assertion")
	// ErrNoHandoff is a prologue that does not claim to come from a companion
	// whose QR code the phone has read.
	ErrNoHandoff = errors.New("no handoff proof")
	// ErrWrongHandoff is a claim of that kind that is false.
	ErrWrongHandoff = errors.New("wrong handoff proof")
)

// NewPasskeyRequest makes the content of <passkey_request_options>, a
// types.WebAuthnPublicKey, and returns the challenge in it. rpID is the domain
// the passkey belongs to. Without credentials to choose from, any passkey of
// that domain may answer.
func NewPasskeyRequest(rpID string, credentials ...[]byte) (options, challenge []byte, err error) {
	challenge = make([]byte, 32)
	if _, err := rand.Read(challenge); err != nil {
		return nil, nil, fmt.Errorf("make challenge: %w", err)
	}
	allowed := make([]types.AllowedCredential, len(credentials))
	for i, id := range credentials {
		allowed[i] = types.AllowedCredential{ID: id, Type: "public-key", Transports: []string{"internal", "hybrid"}}
	}
	options, err = json.Marshal(types.WebAuthnPublicKey{
		Challenge:        challenge,
		Timeout:          60_000, // milliseconds
		RelyingPartID:    rpID,
		AllowCredentials: allowed,
		UserVerification: "required",
		Extensions:       map[string]any{},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("marshal passkey request: %w", err)
	}
	return options, challenge, nil
}

// Prologue is what a companion sends as <passkey_prologue>.
type Prologue struct {
	CredentialID []byte
	Assertion    types.WebAuthnResponse
	Ephemeral    [32]byte // companion's ephemeral public key
	DeviceType   waCompanionReg.DeviceProps_PlatformType
	Ref          string
	Handoff      []byte // <pairing_handoff_proof>; nil without one

	payload    []byte
	identity   []byte
	commitment []byte
}

// ParsePrologue reads the contents of the children of <passkey_prologue>.
// handoff is nil if there is no <pairing_handoff_proof>. Errors wrap
// ErrBadExchange or ErrBadAssertion.
func ParsePrologue(credentialID, assertion, payload, handoff []byte) (Prologue, error) {
	p := Prologue{CredentialID: credentialID, Handoff: handoff, payload: payload}
	if err := json.Unmarshal(assertion, &p.Assertion); err != nil {
		return Prologue{}, fmt.Errorf("%w: %w", ErrBadAssertion, err)
	}
	var outer waCompanionReg.ProloguePayload
	if err := proto.Unmarshal(payload, &outer); err != nil {
		return Prologue{}, fmt.Errorf("%w: prologue payload: %w", ErrBadExchange, err)
	}
	p.identity, p.commitment = outer.GetCompanionEphemeralIdentity(), outer.GetCommitment().GetHash()
	if len(p.commitment) != sha256.Size {
		return Prologue{}, fmt.Errorf("%w: commitment of %d bytes", ErrBadExchange, len(p.commitment))
	}
	var inner waCompanionReg.CompanionEphemeralIdentity
	if err := proto.Unmarshal(p.identity, &inner); err != nil {
		return Prologue{}, fmt.Errorf("%w: companion ephemeral identity: %w", ErrBadExchange, err)
	}
	if len(inner.GetPublicKey()) != 32 || inner.GetRef() == "" || inner.DeviceType == nil {
		return Prologue{}, fmt.Errorf("%w: incomplete companion ephemeral identity", ErrBadExchange)
	}
	p.Ephemeral, p.DeviceType, p.Ref = [32]byte(inner.GetPublicKey()), inner.GetDeviceType(), inner.GetRef()
	return p, nil
}

// clientData is what a browser signs about the page that asked for a passkey.
type clientData struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"` // base64url without padding
	Origin    string `json:"origin"`
}

// CheckAssertion checks that the assertion answers the request with this
// domain and challenge. public is the passkey's key, or nil if it is not
// known: then the signature is not checked. Errors wrap ErrBadAssertion.
func (p Prologue) CheckAssertion(rpID string, challenge []byte, public *ecdsa.PublicKey) error {
	a := p.Assertion
	if a.Type != "public-key" || len(a.RawID) == 0 || a.ID != base64.RawURLEncoding.EncodeToString(a.RawID) {
		return fmt.Errorf("%w: type %q, or its two ids differ", ErrBadAssertion, a.Type)
	}
	if !bytes.Equal(a.RawID, p.CredentialID) {
		return fmt.Errorf("%w: made with another credential than the prologue names", ErrBadAssertion)
	}
	var client clientData
	if err := json.Unmarshal(a.Response.ClientDataJSON, &client); err != nil {
		return fmt.Errorf("%w: clientDataJSON: %w", ErrBadAssertion, err)
	}
	if client.Type != "webauthn.get" {
		return fmt.Errorf("%w: clientDataJSON of type %q", ErrBadAssertion, client.Type)
	}
	if client.Challenge != base64.RawURLEncoding.EncodeToString(challenge) {
		return fmt.Errorf("%w: other challenge", ErrBadAssertion)
	}
	origin, err := url.Parse(client.Origin)
	if err != nil || origin.Scheme != "https" || (origin.Hostname() != rpID && !strings.HasSuffix(origin.Hostname(), "."+rpID)) {
		return fmt.Errorf("%w: origin %q does not belong to %s", ErrBadAssertion, client.Origin, rpID)
	}
	data := a.Response.AuthenticatorData
	domain := sha256.Sum256([]byte(rpID))
	if len(data) < authenticatorDataLength || !bytes.Equal(data[:sha256.Size], domain[:]) {
		return fmt.Errorf("%w: authenticator data is not for %s", ErrBadAssertion, rpID)
	}
	if data[sha256.Size]&flagPresent == 0 || data[sha256.Size]&flagVerified == 0 {
		return fmt.Errorf("%w: user not present or not verified", ErrBadAssertion)
	}
	if public == nil {
		return nil
	}
	if !ecdsa.VerifyASN1(public, assertionDigest(data, a.Response.ClientDataJSON), a.Response.Signature) {
		return fmt.Errorf("%w: wrong signature", ErrBadAssertion)
	}
	return nil
}

// CheckHandoff checks the proof that the companion is the one whose QR code
// with this secret the phone has read, so that the codes need not be compared.
// The companion makes itself a new secret when it is asked for a passkey.
// ErrNoHandoff or ErrWrongHandoff.
func (p Prologue) CheckHandoff(advSecret []byte) error {
	if p.Handoff == nil {
		return ErrNoHandoff
	}
	key, err := hkdf.Key(sha256.New, advSecret, nil, "shortcake-passkey-handoff-v1", 32)
	if err != nil {
		return fmt.Errorf("derive handoff key: %w", err)
	}
	if !hmac.Equal(hmacSHA256(key, p.payload), p.Handoff) {
		return ErrWrongHandoff
	}
	return nil
}

// assertionDigest is what a passkey signs (W3C WebAuthn, 6.3.3).
func assertionDigest(authenticatorData, clientDataJSON []byte) []byte {
	client := sha256.Sum256(clientDataJSON)
	digest := sha256.Sum256(slices.Concat(authenticatorData, client[:]))
	return digest[:]
}
