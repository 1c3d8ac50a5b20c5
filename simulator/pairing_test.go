package simulator_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

func TestPairByQR(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, u := w.pair("491510000001", "Alice")
	if got, want := c.Client.Store.ID.String(), "491510000001:1@s.whatsapp.net"; got != want {
		t.Errorf("jid %s, want %s", got, want)
	}
	if got := c.Client.Store.LID; got.User != u.LID().User || got.Device != 1 {
		t.Errorf("lid %s, want device 1 of %s", got, u.LID())
	}
	if n := w.Logins(); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestRefreshAfterScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.phone("491510000001", "Alice")
	c := w.client()
	first, err := c.QR(w.ctx)
	must(t, err)
	if _, err := u.Scan(w.ctx, first); !errors.Is(err, simulator.ErrRefresh) {
		t.Fatalf("first scan: %v, want ErrRefresh", err)
	}
	await[*events.RotateADVSecret](w, c)
	if _, err := u.Scan(w.ctx, first); !errors.Is(err, simulator.ErrStale) {
		t.Errorf("old code again: %v, want ErrStale", err)
	}
	second, err := c.QR(w.ctx)
	must(t, err)
	if first == second {
		t.Fatal("the client shows the same code after the refresh")
	}
	jid, err := u.Scan(w.ctx, second)
	must(t, err)
	await[*events.Connected](w, c)
	if jid != *c.Client.Store.ID {
		t.Errorf("scan says %s, the client %s", jid, c.Client.Store.ID)
	}
	if _, err := u.Scan(w.ctx, second); err == nil {
		t.Error("a used code pairs again")
	}
}

func TestFollowedScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.phone("491510000001", "Alice")
	c := w.client()
	first, err := c.QR(w.ctx)
	must(t, err)
	type answer struct {
		jid types.JID
		err error
	}
	followed := make(chan answer, 1)
	go func() {
		jid, err := u.ScanAndFollow(w.ctx, first)
		followed <- answer{jid, err}
	}()
	await[*events.RotateADVSecret](w, c)
	second, err := c.QR(w.ctx)
	must(t, err)
	jid, err := u.Scan(w.ctx, second)
	must(t, err)
	if a := <-followed; a.err != nil || a.jid != jid {
		t.Errorf("the followed scan says %v, %v; the second one %s", a.jid, a.err, jid)
	}
	await[*events.Connected](w, c)
}

func TestScanRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, politely, func(c *simulator.Config) { c.Knobs.RefreshAfterScan = false })
	u := w.phone("491510000001", "Alice")
	for _, text := range []string{"", "hello", "https://wa.me/settings/linked_devices#a,b,c", "2@x,AA==,AA==,AA==,1"} {
		if _, err := u.Scan(w.ctx, text); !errors.Is(err, simulator.ErrBadCode) {
			t.Errorf("scan %q: %v, want ErrBadCode", text, err)
		}
	}
	a, b := w.client(), w.client()
	qrA, err := a.QR(w.ctx)
	must(t, err)
	qrB, err := b.QR(w.ctx)
	must(t, err)
	ref := func(qr string) string { return qr[strings.Index(qr, "#")+1 : strings.Index(qr, ",")] }
	if _, err := u.Scan(w.ctx, strings.Replace(qrA, ref(qrA), ref(qrB), 1)); !errors.Is(err, simulator.ErrBadCode) {
		t.Errorf("scan with another client's ref: %v, want ErrBadCode", err)
	}
	b.Close()
	if _, err := u.Scan(w.ctx, qrB); !errors.Is(err, simulator.ErrStale) && !errors.Is(err, simulator.ErrNoAnswer) {
		t.Errorf("scan of a client that is gone: %v, want ErrStale", err)
	}
	if _, err := u.Scan(w.ctx, qrA); err != nil {
		t.Errorf("scan of a good code: %v", err)
	}
	await[*events.Connected](w, a)
}

// politely turns the noise off, for tests about exact stanzas.
func politely(c *simulator.Config) { c.Knobs.Noise = 0 }

func TestClientRejectsPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.Knobs.RefreshAfterScan = false })
	u := w.phone("491510000001", "Alice")

	refuses := w.client()
	refuses.PrePairCallback = func(types.JID, string, string) bool { return false }
	qr, err := refuses.QR(w.ctx)
	must(t, err)
	if _, err := u.Scan(w.ctx, qr); !errors.Is(err, simulator.ErrRejected) {
		t.Errorf("PrePairCallback false: %v, want ErrRejected", err)
	}
	await[*events.PairError](w, refuses)

	must(t, w.Inject(simulator.Fault{Fault: simulator.BreakHMAC, Number: u.Number(), Times: 1}))
	deceived := w.client()
	qr, err = deceived.QR(w.ctx)
	must(t, err)
	if _, err := u.Scan(w.ctx, qr); !errors.Is(err, simulator.ErrRejected) {
		t.Errorf("wrong HMAC: %v, want ErrRejected", err)
	}
	if e := await[*events.PairError](w, deceived); !errors.Is(e.Error, whatsmeow.ErrPairInvalidDeviceIdentityHMAC) {
		t.Errorf("pair error %v", e.Error)
	}
	if len(u.Companions()) != 0 {
		t.Errorf("companions %v after refused pairings", u.Companions())
	}
}

func TestPairByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.phone("491510000002", "Bob")
	c := w.client()
	_, err := c.QR(w.ctx)
	must(t, err)
	if _, err := u.EnterCode(w.ctx, "AAAA-AAAA"); !errors.Is(err, simulator.ErrStale) {
		t.Errorf("no code on offer: %v, want ErrStale", err)
	}
	code, err := c.PairPhone(w.ctx, "+49 151 0000002", true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	must(t, err)
	if _, err := u.EnterCode(w.ctx, "0OIL"); !errors.Is(err, simulator.ErrBadCode) {
		t.Errorf("not a code: %v, want ErrBadCode", err)
	}
	if _, err := u.EnterCode(w.ctx, "AAAA-AAAA"); !errors.Is(err, simulator.ErrWrongCode) {
		t.Errorf("wrong code: %v, want ErrWrongCode", err)
	}
	jid, err := u.EnterCode(w.ctx, strings.ReplaceAll(code, "-", ""))
	must(t, err)
	await[*events.Connected](w, c)
	if jid != *c.Client.Store.ID {
		t.Errorf("the phone says %s, the client %s", jid, c.Client.Store.ID)
	}
	if _, err := u.EnterCode(w.ctx, code); err == nil {
		t.Error("a used code pairs again")
	}
}

func TestCodeIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.phone("491510000002", "Bob")
	c := w.client()
	_, err := c.QR(w.ctx)
	must(t, err)
	first, err := c.PairPhone(w.ctx, u.Number(), true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	must(t, err)
	second, err := c.PairPhone(w.ctx, u.Number(), true, whatsmeow.PairClientFirefox, "Firefox (Mac OS)")
	must(t, err)
	if _, err := u.EnterCode(w.ctx, first); !errors.Is(err, simulator.ErrWrongCode) {
		t.Errorf("the replaced code: %v, want ErrWrongCode", err)
	}
	_, err = u.EnterCode(w.ctx, second)
	must(t, err)
	await[*events.Connected](w, c)
}

func TestCodeRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.Knobs.PairingCodeSeconds = 0 })
	u := w.phone("491510000002", "Bob")
	c := w.client()
	_, err := c.QR(w.ctx)
	must(t, err)
	if _, err := c.PairPhone(w.ctx, u.Number(), true, whatsmeow.PairClientChrome, "nonsense"); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
		t.Errorf("a display name that is none: %v, want 400", err)
	}
	code, err := c.PairPhone(w.ctx, u.Number(), true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	must(t, err)
	if _, err := u.EnterCode(w.ctx, code); !errors.Is(err, simulator.ErrStale) {
		t.Errorf("an expired code: %v, want ErrStale", err)
	}
}

func TestPairByPasskey(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"qr", "code"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *simulator.Config) { c.Knobs.Passkey = true })
			u := w.phone("491510000003", "Carol")
			c := w.client()
			qr, err := c.QR(w.ctx)
			must(t, err)
			if by == "qr" {
				_, err = u.Scan(w.ctx, qr)
				if !errors.Is(err, simulator.ErrRefresh) {
					t.Fatalf("first scan: %v", err)
				}
				await[*events.RotateADVSecret](w, c)
				qr, err = c.QR(w.ctx)
				must(t, err)
				_, err = u.Scan(w.ctx, qr)
			} else {
				var code string
				code, err = c.PairPhone(w.ctx, u.Number(), true, whatsmeow.PairClientChrome, "Chrome (Linux)")
				must(t, err)
				_, err = u.EnterCode(w.ctx, code)
			}
			if !errors.Is(err, simulator.ErrPasskey) {
				t.Fatalf("linking: %v, want ErrPasskey", err)
			}
			finishPasskey(w, c, u)
		})
	}
}

// finishPasskey goes through the passkey step as a person does.
func finishPasskey(w *world, c *companion.Client, u *simulator.User) {
	w.t.Helper()
	request := await[*events.PairPasskeyRequest](w, c)
	response, err := answerPasskey(u, request.PublicKey)
	must(w.t, err)
	wrong := *response
	wrong.RawID = []byte("another")
	if err := c.SendPasskeyResponse(w.ctx, &wrong); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
		w.t.Errorf("a wrong passkey: %v, want 401", err)
	}
	must(w.t, c.SendPasskeyResponse(w.ctx, response))
	confirmation := await[*events.PairPasskeyConfirmation](w, c)
	if code := u.PasskeyCode(); code != confirmation.Code {
		w.t.Errorf("the phone shows %q, the client %q", code, confirmation.Code)
	}
	must(w.t, c.SendPasskeyConfirmation(w.ctx))
	await[*events.Connected](w, c)
	if len(u.Companions()) != 1 {
		w.t.Errorf("companions %v", u.Companions())
	}
}

func TestSeveralCompanions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, u := w.pair("491510000001", "Alice")
	b := w.link(u)
	if a.Client.Store.ID.Device == b.Client.Store.ID.Device {
		t.Fatalf("two companions are device %d", b.Client.Store.ID.Device)
	}
	must(t, a.Logout(w.ctx))
	if got := u.Companions(); len(got) != 1 || got[0] != *b.Client.Store.ID {
		t.Errorf("companions %v after one logged out, want %s", got, b.Client.Store.ID)
	}
}

func TestVersionPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.ClientRevision = 1234567890 })
	v, err := whatsmeow.GetLatestVersion(context.Background(), w.http)
	must(t, err)
	if v.String() != "2.3000.1234567890" {
		t.Errorf("version %s", v)
	}
}
