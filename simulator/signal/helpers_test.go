package signal_test

import (
	"testing"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/signal"
)

const group = "120363000000000001@g.us"

// party is a device with the address others know it by.
type party struct {
	*signal.Device
	addr signal.Address
}

func newParty(user string) party {
	jid := types.JID{User: user, Server: types.HiddenUserServer}
	return party{signal.New(), jid.SignalAddress()}
}

// bundle is what a server hands out for p; it takes one one-time prekey if
// withOneTime is set.
func (p party) bundle(withOneTime bool) signal.Bundle {
	b := signal.Bundle{
		RegistrationID: p.RegistrationID(),
		Device:         p.addr.DeviceID(),
		Identity:       p.IdentityPublic(),
		Signed:         p.SignedPreKey(),
	}
	if withOneTime {
		b.OneTime = &p.NewPreKeys(1)[0]
	}
	return b
}

func (p party) begin(tb testing.TB, to party, withOneTime bool) {
	tb.Helper()
	if err := p.Begin(to.addr, to.bundle(withOneTime)); err != nil {
		tb.Fatal(err)
	}
}

func (p party) seal(tb testing.TB, to party, text string) signal.Ciphertext {
	tb.Helper()
	c, err := p.Encrypt(to.addr, []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (p party) mustOpen(tb testing.TB, from party, c signal.Ciphertext, want string) {
	tb.Helper()
	got, err := p.Decrypt(from.addr, c.Type, c.Data)
	if err != nil {
		tb.Fatal(err)
	}
	if string(got) != want {
		tb.Fatalf("got %q, want %q", got, want)
	}
}

// tell sends one message and expects the type it travels as.
func (p party) tell(tb testing.TB, to party, text, kind string) {
	tb.Helper()
	c := p.seal(tb, to, text)
	if c.Type != kind {
		tb.Fatalf("%q went as %s, want %s", text, c.Type, kind)
	}
	to.mustOpen(tb, p, c, text)
}
