package simulator_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

func TestControlScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.phone("491510000001", "Alice")
	w.phone("491510000003", "Carol")
	c := w.client()
	const scan = "/simulator/phones/491510000001/scan"

	first, err := c.QR(w.ctx)
	must(t, err)
	w.expectAnswer(409, `{"error":"refresh"}`, scan, `{"qr":`+quoted(first)+`}`)
	await[*events.RotateADVSecret](w, c)
	w.expectAnswer(409, `{"error":"the client shows a newer one: stale code"}`, scan, `{"qr":`+quoted(first)+`}`)
	second, err := c.QR(w.ctx)
	must(t, err)
	w.expectAnswer(200, `{"jid":"491510000001:1@s.whatsapp.net"}`, scan, `{"qr":`+quoted(second)+`}`)
	await[*events.Connected](w, c)
	// The connection that showed it is gone or about to be.
	status, got := w.call("POST", "/simulator/phones/491510000003/scan", `{"qr":`+quoted(second)+`}`)
	if status != 409 || !strings.Contains(got, "used code") && !strings.Contains(got, "stale code") {
		t.Errorf("a used code: %d %s, want 409", status, got)
	}
}

// expectAnswer checks a POST's status and whole answer.
func (w *world) expectAnswer(status int, answer, path, body string) {
	w.t.Helper()
	if gotStatus, got := w.call("POST", path, body); gotStatus != status || got != answer {
		w.t.Fatalf("POST %s: %d %s, want %d %s", path, gotStatus, got, status, answer)
	}
}

func TestControlScanFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.phone("491510000001", "Alice")
	c := w.client()
	const scan = "/simulator/phones/491510000001/scan"
	first, err := c.QR(w.ctx)
	must(t, err)
	type answer struct {
		status int
		body   string
	}
	followed := make(chan answer, 1)
	go func() {
		status, body := w.call("POST", scan, `{"follow":true,"qr":`+quoted(first)+`}`)
		followed <- answer{status, body}
	}()
	await[*events.RotateADVSecret](w, c)
	second, err := c.QR(w.ctx)
	must(t, err)
	const want = `{"jid":"491510000001:1@s.whatsapp.net"}`
	w.expectAnswer(200, want, scan, `{"follow":true,"qr":`+quoted(second)+`}`)
	if got := <-followed; got.status != 200 || got.body != want {
		t.Errorf("the scan that followed: %d %s, want 200 %s", got.status, got.body, want)
	}
	await[*events.Connected](w, c)
}

func TestControlCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.phone("491510000001", "Alice")
	c := w.client()
	_, err := c.QR(w.ctx) // connects
	must(t, err)
	code, err := c.PairPhone(w.ctx, "491510000001", true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	must(t, err)
	const path = "/simulator/phones/491510000001/code"
	wrong := "ABCD-EFGH"
	if code == wrong {
		wrong = "ABCD-EFGJ"
	}
	status, got := w.call("POST", path, `{"code":"`+wrong+`"}`)
	if status != 409 || !strings.HasPrefix(got, `{"error":"`) {
		t.Errorf("wrong code: %d %s, want 409 with a sentence", status, got)
	}
	w.expectAnswer(200, `{"jid":"491510000001:1@s.whatsapp.net"}`, path, `{"code":"`+strings.ReplaceAll(code, "-", "")+`"}`)
	await[*events.Connected](w, c)
}

func TestControlPasskey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, follow string
		status       int
		answer       string
	}{
		{"at once", "false", 409, `{"error":"passkey"}`},
		{"followed", "true", 200, `{"jid":"491510000001:1@s.whatsapp.net"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.phone("491510000001", "Alice")
			w.ask(200, nil, "POST", "/simulator/knobs", `{"passkey":true,"refreshAfterScan":false}`)
			client := w.client()
			qr, err := client.QR(w.ctx)
			must(t, err)
			scanned := make(chan struct{})
			go func() {
				defer close(scanned)
				status, got := w.call("POST", "/simulator/phones/491510000001/scan", `{"follow":`+c.follow+`,"qr":`+quoted(qr)+`}`)
				if status != c.status || got != c.answer {
					t.Errorf("scan: %d %s, want %d %s", status, got, c.status, c.answer)
				}
			}()
			w.answerPasskey(client)
			<-scanned
		})
	}
}

// answerPasskey takes the passkey from the phone to the client over HTTP.
func (w *world) answerPasskey(c *companion.Client) {
	w.t.Helper()
	asked := await[*events.PairPasskeyRequest](w, c)
	request, err := json.Marshal(asked.PublicKey)
	must(w.t, err)
	const path = "/simulator/phones/491510000001/passkey"
	w.ask(400, nil, "POST", path, `{"request":{"challenge":7}}`)
	var response types.WebAuthnResponse
	// What is between a page and its test may hand it on as an object or a text.
	w.ask(200, &response, "POST", path, `{"request":`+quoted(string(request))+`}`)
	w.ask(200, &response, "POST", path, `{"request":`+string(request)+`}`)
	must(w.t, c.SendPasskeyResponse(w.ctx, &response))
	confirmation := await[*events.PairPasskeyConfirmation](w, c)
	var phone struct{ PasskeyCode string }
	w.ask(200, &phone, "GET", "/simulator/phones/491510000001", "")
	if phone.PasskeyCode != confirmation.Code || phone.PasskeyCode == "" {
		w.t.Errorf("the phone shows %q, the client %q", phone.PasskeyCode, confirmation.Code)
	}
	must(w.t, c.SendPasskeyConfirmation(w.ctx))
	await[*events.Connected](w, c)
}

// TestControlUnlink unlinks clients that are away: one that is told so at once
// races with its own app state sync (whatsmeow, Device.Delete).
func TestControlUnlink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, u := w.pair("491510000001", "Alice")
	second := w.link(u)
	first.Close()
	second.Close()
	for _, step := range []struct {
		body string
		left []string
	}{
		{`{"device":1}`, []string{"491510000001:2@s.whatsapp.net"}},
		{"", []string{}},
	} {
		w.ask(200, nil, "POST", "/simulator/phones/491510000001/unlink", step.body)
		var got struct{ Companions []struct{ JID string } }
		w.ask(200, &got, "GET", "/simulator/phones/491510000001", "")
		left := []string{}
		for _, c := range got.Companions {
			left = append(left, c.JID)
		}
		if diff := cmp.Diff(step.left, left); diff != "" {
			t.Errorf("unlink %s: %s", step.body, diff)
		}
	}
	if err := u.Unlink(2); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("a companion that is gone: %v, want ErrNobody", err)
	}
}
