package linking

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.mau.fi/util/jsonbytes"
	"go.mau.fi/whatsmeow/types"
)

// Authenticator data without extensions: a SHA-256, flags and a counter (W3C
// WebAuthn, 6.1).
const (
	authenticatorDataLength = sha256.Size + 1 + 4

	flagPresent  = 0x01
	flagVerified = 0x04
)

// ErrNoCredential is a request that this authenticator's passkey may not
// answer.
var ErrNoCredential = errors.New("no passkey for this request")

// Authenticator is a simulated passkey, so that a test or a console can answer
// a passkey request without a browser. Its methods may be called from several
// goroutines.
type Authenticator struct {
	CredentialID []byte
	// Origin is the page that asks. Empty means https:// and the request's
	// domain.
	Origin string

	key   *ecdsa.PrivateKey
	user  []byte
	count atomic.Uint32
}

// NewAuthenticator makes a passkey: a P-256 key and a random credential id.
func NewAuthenticator() (*Authenticator, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make passkey: %w", err)
	}
	ids := make([]byte, 48)
	if _, err := rand.Read(ids); err != nil {
		return nil, fmt.Errorf("make credential id: %w", err)
	}
	return &Authenticator{CredentialID: ids[:32], key: key, user: ids[32:]}, nil
}

// Public returns the passkey's public key, as it is registered with an
// account.
func (a *Authenticator) Public() *ecdsa.PublicKey { return &a.key.PublicKey }

// Respond answers a request, the JSON of a types.WebAuthnPublicKey, as a user
// who agrees. ErrNoCredential if the request allows only other passkeys.
func (a *Authenticator) Respond(optionsJSON []byte) (*types.WebAuthnResponse, error) {
	var options types.WebAuthnPublicKey
	if err := json.Unmarshal(optionsJSON, &options); err != nil {
		return nil, fmt.Errorf("unmarshal passkey request: %w", err)
	}
	if len(options.Challenge) == 0 || options.RelyingPartID == "" {
		return nil, fmt.Errorf("%w: it has no challenge or no domain", ErrNoCredential)
	}
	mine := func(c types.AllowedCredential) bool { return bytes.Equal(c.ID, a.CredentialID) }
	if len(options.AllowCredentials) > 0 && !slices.ContainsFunc(options.AllowCredentials, mine) {
		return nil, ErrNoCredential
	}
	origin := a.Origin
	if origin == "" {
		origin = "https://" + options.RelyingPartID
	}
	client, err := json.Marshal(clientData{
		Type:      "webauthn.get",
		Challenge: base64.RawURLEncoding.EncodeToString(options.Challenge),
		Origin:    origin,
	})
	if err != nil {
		return nil, fmt.Errorf("marshal client data: %w", err)
	}
	domain := sha256.Sum256([]byte(options.RelyingPartID))
	data := append(domain[:], flagPresent|flagVerified)
	data = binary.BigEndian.AppendUint32(data, a.count.Add(1))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, assertionDigest(data, client))
	if err != nil {
		return nil, fmt.Errorf("sign assertion: %w", err)
	}
	user := jsonbytes.UnpaddedURLBytes(a.user)
	return &types.WebAuthnResponse{
		ID:    base64.RawURLEncoding.EncodeToString(a.CredentialID),
		RawID: a.CredentialID,
		Type:  "public-key",
		Response: types.WebAuthnResponseData{
			ClientDataJSON:    client,
			AuthenticatorData: data,
			Signature:         signature,
			UserHandle:        &user,
		},
	}, nil
}
