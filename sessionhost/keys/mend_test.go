package keys_test

import (
	"context"
	"testing"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow/store"

	"roost/sessionhost/keys"
	"roost/simulator/signal"
)

// Two who write to each other first at the same time have two sessions, and go
// on with either. libsignal spoils the one it tries in vain.
func TestTwoSessionsStayWhole(t *testing.T) {
	t.Parallel()
	us := newCorrespondent(t)
	them := signal.New()
	theirFirst := us.begunBy(t, them)
	us.begin(t, them)
	ourFirst := us.encrypt(t, "our first")
	us.reads(t, theirFirst, "their first")       // now we write with their session,
	them2 := us.encrypt(t, "with their session") // as here,
	read(t, them, us, ourFirst, "our first")     // and they with ours,
	us.reads(t, theirs(t, them, us, "with our session"), "with our session")
	read(t, them, us, them2, "with their session") // until they change over
	for range 3 {
		us.reads(t, theirs(t, them, us, "with their session again"), "with their session again")
		read(t, them, us, us.encrypt(t, "and so do we"), "and so do we")
	}
}

// correspondent is a device on the table that talks to one address.
type correspondent struct {
	keys   *keys.Keys
	device *store.Device
	cipher *session.Cipher
	other  *protocol.SignalAddress
	self   *protocol.SignalAddress
	build  *session.Builder
}

func newCorrespondent(t testing.TB) *correspondent {
	t.Helper()
	return correspond(t, keys.Options{})
}

func correspond(t testing.TB, options keys.Options) *correspondent {
	t.Helper()
	k, err := keys.Open(t.Context(), newTable(t), someInstance, 1, newWrapper(t), options)
	if err != nil {
		t.Fatal(err)
	}
	device, err := k.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := &correspondent{
		keys: k, device: device,
		other: protocol.NewSignalAddress("100000000002_1", 0), self: protocol.NewSignalAddress("100000000001_1", 1),
	}
	c.build = session.NewBuilderFromSignal(device, c.other, store.SignalProtobufSerializer)
	c.cipher = session.NewCipher(c.build, c.other)
	return c
}

// begunBy makes the other begin a session with us and returns the first message.
func (c *correspondent) begunBy(t testing.TB, other *signal.Device) signal.Ciphertext {
	t.Helper()
	own := c.device.SignedPreKey
	err := other.Begin(c.self, signal.Bundle{
		RegistrationID: c.device.RegistrationID, Device: 1, Identity: *c.device.IdentityKey.Pub,
		Signed: signal.PreKey{ID: own.KeyID, Public: *own.Pub, Signature: own.Signature},
	})
	if err != nil {
		t.Fatal(err)
	}
	return theirs(t, other, c, "their first")
}

// begin begins a session with the other.
func (c *correspondent) begin(t testing.TB, other *signal.Device) {
	t.Helper()
	signed := other.SignedPreKey()
	bundle := prekey.NewBundle(other.RegistrationID(), 0, optional.NewEmptyUint32(), signed.ID,
		nil, ecc.NewDjbECPublicKey(signed.Public), *signed.Signature, identity.NewKey(ecc.NewDjbECPublicKey(other.IdentityPublic())))
	if err := c.build.ProcessBundle(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
}

func (c *correspondent) encrypt(t testing.TB, text string) signal.Ciphertext {
	t.Helper()
	m, err := c.cipher.Encrypt(t.Context(), append([]byte(text), 1))
	if err != nil {
		t.Fatal(err)
	}
	kind := signal.Message
	if m.Type() == protocol.PREKEY_TYPE {
		kind = signal.PreKeyMessage
	}
	return signal.Ciphertext{Type: kind, Data: m.Serialize()}
}

// reads decrypts as whatsmeow does, in a transaction.
func (c *correspondent) reads(t testing.TB, m signal.Ciphertext, want string) {
	t.Helper()
	var plain []byte
	err := c.device.EventBuffer.DoDecryptionTxn(t.Context(), func(ctx context.Context) (err error) {
		format := store.SignalProtobufSerializer
		if m.Type == signal.PreKeyMessage {
			first, err := protocol.NewPreKeySignalMessageFromBytes(m.Data, format.PreKeySignalMessage, format.SignalMessage)
			if err != nil {
				return err
			}
			plain, err = c.cipher.DecryptMessage(ctx, first)
			return err
		}
		later, err := protocol.NewSignalMessageFromBytes(m.Data, format.SignalMessage)
		if err != nil {
			return err
		}
		plain, err = c.cipher.Decrypt(ctx, later)
		return err
	})
	if err != nil {
		t.Fatalf("we cannot read %q: %v", want, err)
	}
	if got := string(plain[:len(plain)-int(plain[len(plain)-1])]); got != want {
		t.Fatalf("we read %q, want %q", got, want)
	}
}

func theirs(t testing.TB, them *signal.Device, us *correspondent, text string) signal.Ciphertext {
	t.Helper()
	m, err := them.Encrypt(us.self, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t testing.TB, them *signal.Device, us *correspondent, m signal.Ciphertext, want string) {
	t.Helper()
	plain, err := them.Decrypt(us.self, m.Type, m.Data)
	if err != nil {
		t.Fatalf("they cannot read %q: %v", want, err)
	}
	if string(plain) != want {
		t.Fatalf("they read %q, want %q", plain, want)
	}
}
