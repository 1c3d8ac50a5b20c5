package linking_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/gcmutil"
	"go.mau.fi/whatsmeow/util/hkdfutil"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/pbkdf2"
	"google.golang.org/protobuf/proto"
)

var linkingBase32 = base32.NewEncoding("123456789ABCDEFGHJKLMNPQRSTVWXYZ")

// companion is the other half of each exchange, written after whatsmeow's
// pair-code.go and pair-passkey.go and with the libraries they use, so that it
// shares nothing with the code under test.
type companion struct {
	noise, identity *keys.KeyPair
	advSecret       []byte

	ephemeral *keys.KeyPair
	code      string
	nonce     []byte
	ref       string
	device    waCompanionReg.DeviceProps_PlatformType
	pairing   []byte // key of the pairing request
}

func newCompanion() *companion {
	return &companion{
		noise: keys.NewKeyPair(), identity: keys.NewKeyPair(), advSecret: random(32), ephemeral: keys.NewKeyPair(),
		nonce: random(32), ref: "2@reference", device: waCompanionReg.DeviceProps_DESKTOP,
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	return b
}

func ctr(code string, salt, iv, in []byte) []byte {
	block, err := aes.NewCipher(pbkdf2.Key([]byte(code), salt, 2<<16, 32, sha256.New))
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(in))
	cipher.NewCTR(block, iv).XORKeyStream(out, in)
	return out
}

// hello is generateCompanionEphemeralKey.
func (c *companion) hello() []byte {
	c.code = linkingBase32.EncodeToString(random(5))
	salt, iv := random(32), random(16)
	return bytes.Join([][]byte{salt, iv, ctr(c.code, salt, iv, c.ephemeral.Pub[:])}, nil)
}

// finish is handleCodePairNotification.
func (c *companion) finish(t *testing.T, primaryHello []byte, account [32]byte) []byte {
	t.Helper()
	if len(primaryHello) != 80 {
		t.Fatalf("primary hello of %d bytes", len(primaryHello))
	}
	primary := ctr(c.code, primaryHello[:32], primaryHello[32:48], primaryHello[48:80])
	shared, err := curve25519.X25519(c.ephemeral.Priv[:], primary)
	if err != nil {
		t.Fatal(err)
	}
	advRandom, salt, nonce := random(32), random(32), random(12)
	key := hkdfutil.SHA256(shared, salt, []byte("link_code_pairing_key_bundle_encryption_key"), 32)
	sealed, err := gcmutil.Encrypt(key, nonce, bytes.Join([][]byte{c.identity.Pub[:], account[:], advRandom}, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	identities, err := curve25519.X25519(c.identity.Priv[:], account[:])
	if err != nil {
		t.Fatal(err)
	}
	c.advSecret = hkdfutil.SHA256(bytes.Join([][]byte{shared, identities, advRandom}, nil), nil, []byte("adv_secret"), 32)
	return bytes.Join([][]byte{salt, nonce, sealed}, nil)
}

// prologue is handlePasskeyNotification and SendPasskeyResponse. The companion
// has a new ADV secret afterwards.
func (c *companion) prologue(t *testing.T, response *types.WebAuthnResponse) (credential, assertion, payload, handoff []byte) {
	t.Helper()
	handoffKey := hkdfutil.SHA256(c.advSecret, nil, []byte("shortcake-passkey-handoff-v1"), 32)
	c.advSecret = random(32)
	assertion, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	ident, err := proto.Marshal(&waCompanionReg.CompanionEphemeralIdentity{
		PublicKey: c.ephemeral.Pub[:], DeviceType: &c.device, Ref: &c.ref,
	})
	if err != nil {
		t.Fatal(err)
	}
	commitment := sha256.Sum256(append(ident, c.nonce...))
	payload, err = proto.Marshal(&waCompanionReg.ProloguePayload{
		CompanionEphemeralIdentity: ident,
		Commitment:                 &waCompanionReg.CompanionCommitment{Hash: commitment[:]},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, handoffKey)
	h.Write(payload)
	return []byte(response.RawID), assertion, payload, h.Sum(nil)
}

// confirm is handlePasskeyContinuationNotification: it returns the code that
// the companion shows.
func (c *companion) confirm(t *testing.T, primaryEphemeralIdentity []byte) string {
	t.Helper()
	var primary waCompanionReg.PrimaryEphemeralIdentity
	if err := proto.Unmarshal(primaryEphemeralIdentity, &primary); err != nil {
		t.Fatal(err)
	}
	if len(primary.PublicKey) != 32 || len(primary.Nonce) != 32 {
		t.Fatalf("primary ephemeral identity %v", &primary)
	}
	shared, err := curve25519.X25519(c.ephemeral.Priv[:], primary.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	salt := fmt.Sprintf("Companion Pairing %d with ref %s", c.device, c.ref)
	c.pairing = hkdfutil.SHA256(shared, []byte(salt), []byte("Pairing Information Encryption Key"), 32)
	digest := sha256.Sum256(append(bytes.Clone(c.nonce), primary.PublicKey...))
	code := make([]byte, 5)
	for i := range code {
		code[i] = primary.Nonce[i] ^ digest[i]
	}
	text := linkingBase32.EncodeToString(code)
	return text[0:4] + "-" + text[4:]
}

// request is SendPasskeyConfirmation.
func (c *companion) request(t *testing.T) []byte {
	t.Helper()
	plaintext, err := proto.Marshal(&waCompanionReg.PairingRequest{
		CompanionPublicKey: c.noise.Pub[:], CompanionIdentityKey: c.identity.Pub[:], AdvSecret: c.advSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	iv := random(12)
	sealed, err := gcmutil.Encrypt(c.pairing, iv, plaintext, nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := proto.Marshal(&waCompanionReg.EncryptedPairingRequest{EncryptedPayload: sealed, IV: iv})
	if err != nil {
		t.Fatal(err)
	}
	return request
}
