package signal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"roost/simulator/signal"
)

var wire = store.SignalProtobufSerializer

// client is the Signal half of a whatsmeow client: its own store.Device and
// the libsignal calls of its send.go and message.go.
type client struct {
	*store.Device
	addr signal.Address
	keep *memory
}

func newClient() client {
	m := &memory{
		identities: map[string][32]byte{}, sessions: map[string][]byte{},
		preKeys: map[uint32]*keys.PreKey{}, senderKeys: map[string][]byte{},
	}
	d := &store.Device{
		IdentityKey: keys.NewKeyPair(), RegistrationID: 4242,
		Identities: identities{nil, m}, Sessions: sessions{nil, m}, PreKeys: preKeys{nil, m}, SenderKeys: senderKeys{m},
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	jid := types.JID{User: "1", Server: types.HiddenUserServer, Device: 3}
	return client{d, jid.SignalAddress(), m}
}

func (c client) bundle(oneTime uint32) signal.Bundle {
	b := signal.Bundle{
		RegistrationID: c.RegistrationID, Device: c.addr.DeviceID(), Identity: *c.IdentityKey.Pub,
		Signed: signal.PreKey{ID: c.SignedPreKey.KeyID, Public: *c.SignedPreKey.Pub, Signature: c.SignedPreKey.Signature},
	}
	if oneTime != 0 {
		k := keys.NewPreKey(oneTime)
		c.keep.preKeys[oneTime] = k
		b.OneTime = &signal.PreKey{ID: oneTime, Public: *k.Pub}
	}
	return b
}

func (c client) begin(t *testing.T, to party, withOneTime bool) {
	t.Helper()
	b := to.bundle(withOneTime)
	id := identity.NewKey(ecc.NewDjbECPublicKey(b.Identity))
	signed := ecc.NewDjbECPublicKey(b.Signed.Public)
	bundle := prekey.NewBundle(b.RegistrationID, b.Device, optional.NewEmptyUint32(), b.Signed.ID, nil, signed, *b.Signed.Signature, id)
	if b.OneTime != nil {
		bundle = prekey.NewBundle(b.RegistrationID, b.Device, optional.NewOptionalUint32(b.OneTime.ID), b.Signed.ID,
			ecc.NewDjbECPublicKey(b.OneTime.Public), signed, *b.Signed.Signature, id)
	}
	if err := session.NewBuilderFromSignal(c, to.addr, wire).ProcessBundle(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
}

// padMessage is whatsmeow's with the greatest padding.
func padMessage(text string) []byte { return append([]byte(text), bytes.Repeat([]byte{15}, 15)...) }

func unpadMessage(t *testing.T, b []byte) string {
	t.Helper()
	n := int(b[len(b)-1])
	if n < 1 || n > 15 || !bytes.HasSuffix(b, bytes.Repeat([]byte{byte(n)}, n)) {
		t.Fatalf("padding %x", b)
	}
	return string(b[:len(b)-n])
}

func (c client) seal(t *testing.T, to party, text string) signal.Ciphertext {
	t.Helper()
	m, err := session.NewCipher(session.NewBuilderFromSignal(c, to.addr, wire), to.addr).Encrypt(t.Context(), padMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Type() == protocol.PREKEY_TYPE {
		return signal.Ciphertext{Type: signal.PreKeyMessage, Data: m.Serialize()}
	}
	return signal.Ciphertext{Type: signal.Message, Data: m.Serialize()}
}

func (c client) open(t *testing.T, from party, in signal.Ciphertext) (string, error) {
	t.Helper()
	cipher := session.NewCipher(session.NewBuilderFromSignal(c, from.addr, wire), from.addr)
	var plaintext []byte
	if in.Type == signal.PreKeyMessage {
		m, err := protocol.NewPreKeySignalMessageFromBytes(in.Data, wire.PreKeySignalMessage, wire.SignalMessage)
		if err != nil {
			t.Fatal(err)
		}
		if plaintext, err = cipher.DecryptMessage(t.Context(), m); err != nil {
			return "", err
		}
	} else {
		m, err := protocol.NewSignalMessageFromBytes(in.Data, wire.SignalMessage)
		if err != nil {
			t.Fatal(err)
		}
		if plaintext, err = cipher.Decrypt(t.Context(), m); err != nil {
			return "", err
		}
	}
	return unpadMessage(t, plaintext), nil
}

func (c client) mustOpen(t *testing.T, from party, in signal.Ciphertext, want string) {
	t.Helper()
	if got, err := c.open(t, from, in); err != nil || got != want {
		t.Fatalf("whatsmeow got %q, %v, want %q", got, err, want)
	}
}

// hear gives p a message of a client.
func (p party) hear(t *testing.T, from client, c signal.Ciphertext, want string) {
	t.Helper()
	p.mustOpen(t, party{addr: from.addr}, c, want)
}

func (p party) say(t *testing.T, to client, text string) signal.Ciphertext {
	t.Helper()
	return p.seal(t, party{addr: to.addr}, text)
}

func TestWhatsmeowBegins(t *testing.T) {
	t.Parallel()
	for _, withOneTime := range []bool{true, false} {
		c, p := newClient(), newParty("2")
		c.begin(t, p, withOneTime)
		p.hear(t, c, c.seal(t, p, "one"), "one")
		p.hear(t, c, c.seal(t, p, "two"), "two")
		converse(t, c, p)
	}
}

func TestWhatsmeowIsBegunWith(t *testing.T) {
	t.Parallel()
	for _, oneTime := range []uint32{7, 0} {
		c, p := newClient(), newParty("2")
		if err := p.Begin(c.addr, c.bundle(oneTime)); err != nil {
			t.Fatal(err)
		}
		first := p.say(t, c, "one")
		if first.Type != signal.PreKeyMessage {
			t.Fatalf("first message is %s", first.Type)
		}
		c.mustOpen(t, p, first, "one")
		c.mustOpen(t, p, p.say(t, c, "two"), "two")
		if got, _ := p.PeerIdentity(c.addr); got != *c.IdentityKey.Pub {
			t.Error("wrong identity kept")
		}
		if len(c.keep.preKeys) != 0 {
			t.Error("the one-time prekey was not used")
		}
		if _, err := c.open(t, p, first); !errors.Is(err, signalerror.ErrOldCounter) {
			t.Errorf("the first again: %v", err)
		}
		converse(t, c, p)
	}
}

func TestWhatsmeowBothBegin(t *testing.T) {
	t.Parallel()
	c, p := newClient(), newParty("2")
	c.begin(t, p, true)
	if err := p.Begin(c.addr, c.bundle(9)); err != nil {
		t.Fatal(err)
	}
	fromC, fromP := c.seal(t, p, "c"), p.say(t, c, "p")
	c.mustOpen(t, p, fromP, "p")
	p.hear(t, c, fromC, "c")
	for i := range 4 {
		p.hear(t, c, c.seal(t, p, fmt.Sprint(i)), fmt.Sprint(i))
		c.mustOpen(t, p, p.say(t, c, fmt.Sprint(i)), fmt.Sprint(i))
	}
	converse(t, c, p)
}

func TestWhatsmeowMeetsReinstalledPhone(t *testing.T) {
	t.Parallel()
	c, p := newClient(), newParty("2")
	c.begin(t, p, true)
	p.hear(t, c, c.seal(t, p, "hello"), "hello")
	converse(t, c, p)
	p.Reinstall()
	if err := p.Begin(c.addr, c.bundle(11)); err != nil {
		t.Fatal(err)
	}
	again := p.say(t, c, "new phone")
	if _, err := c.open(t, p, again); !errors.Is(err, signalerror.ErrUntrustedIdentity) {
		t.Errorf("new identity: %v, want ErrUntrustedIdentity", err)
	}
	delete(c.keep.identities, p.addr.String())
	delete(c.keep.sessions, p.addr.String())
	c.mustOpen(t, p, again, "new phone")
	converse(t, c, p)
}

// converse needs a session in both directions. It goes through turns of the
// ratchet, gaps, lateness and repetition.
func converse(t *testing.T, c client, p party) {
	t.Helper()
	for round := range 8 {
		var toC, toP []signal.Ciphertext
		for i := range 5 {
			toP = append(toP, c.seal(t, p, fmt.Sprint("to p ", round, i)))
		}
		for _, i := range []int{4, 1, 0, 3} {
			p.hear(t, c, toP[i], fmt.Sprint("to p ", round, i))
		}
		for i := range 5 {
			toC = append(toC, p.say(t, c, fmt.Sprint("to c ", round, i)))
		}
		for _, i := range []int{2, 0, 4, 1} {
			if round > 0 && toC[i].Type != signal.Message {
				t.Fatalf("round %d is still a %s", round, toC[i].Type)
			}
			c.mustOpen(t, p, toC[i], fmt.Sprint("to c ", round, i))
		}
		if _, err := p.Decrypt(c.addr, toP[1].Type, toP[1].Data); !errors.Is(err, signal.ErrDuplicate) {
			t.Errorf("the same to p: %v", err)
		}
		if _, err := c.open(t, p, toC[0]); !errors.Is(err, signalerror.ErrOldCounter) {
			t.Errorf("the same to c: %v", err)
		}
	}
}

func TestWhatsmeowGroup(t *testing.T) {
	t.Parallel()
	c, p := newClient(), newParty("2")
	builder := groups.NewGroupSessionBuilder(c, wire)

	// A phone sends, the client reads.
	theirs := protocol.NewSenderKeyName(group, p.addr)
	skdm, err := protocol.NewSenderKeyDistributionMessageFromBytes(p.senderKey(t), wire.SenderKeyDistributionMessage)
	if err != nil {
		t.Fatal(err)
	}
	if err := builder.Process(t.Context(), theirs, skdm); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		m, err := protocol.NewSenderKeyMessageFromBytes(p.post(t, fmt.Sprint(i)), wire.SenderKeyMessage)
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			continue
		}
		got, err := groups.NewGroupCipher(builder, theirs, c).Decrypt(t.Context(), m)
		if err != nil || unpadMessage(t, got) != fmt.Sprint(i) {
			t.Fatalf("message %d: %q, %v", i, got, err)
		}
	}

	// The client sends, the phone reads.
	own := protocol.NewSenderKeyName(group, c.addr)
	for i := range 5 {
		skdm, err := builder.Create(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		p.learn(t, party{addr: c.addr}, skdm.Serialize())
		m, err := groups.NewGroupCipher(builder, own, c).Encrypt(t.Context(), padMessage(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if i != 2 {
			p.mustRead(t, party{addr: c.addr}, m.SignedSerialize(), fmt.Sprint(i))
		}
	}
}

// memory is what the store.Device of a client keeps.
type memory struct {
	identities map[string][32]byte
	sessions   map[string][]byte
	preKeys    map[uint32]*keys.PreKey
	senderKeys map[string][]byte
}

type identities struct {
	store.IdentityStore
	*memory
}

func (s identities) PutIdentity(_ context.Context, address string, key [32]byte) error {
	s.identities[address] = key
	return nil
}

func (s identities) IsTrustedIdentity(_ context.Context, address string, key [32]byte) (bool, error) {
	known, ok := s.identities[address]
	return !ok || known == key, nil
}

type sessions struct {
	store.SessionStore
	*memory
}

func (s sessions) GetSession(_ context.Context, address string) ([]byte, error) {
	return s.sessions[address], nil
}

func (s sessions) HasSession(_ context.Context, address string) (bool, error) {
	return s.sessions[address] != nil, nil
}

func (s sessions) PutSession(_ context.Context, address string, session []byte) error {
	s.sessions[address] = session
	return nil
}

type preKeys struct {
	store.PreKeyStore
	*memory
}

func (s preKeys) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	return s.preKeys[id], nil
}

func (s preKeys) RemovePreKey(_ context.Context, id uint32) error {
	delete(s.preKeys, id)
	return nil
}

type senderKeys struct{ *memory }

func (s senderKeys) PutSenderKey(_ context.Context, group, user string, session []byte) error {
	s.senderKeys[group+" "+user] = session
	return nil
}

func (s senderKeys) GetSenderKey(_ context.Context, group, user string) ([]byte, error) {
	return s.senderKeys[group+" "+user], nil
}
