package linking_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"roost/simulator/linking"
)

const domain = "whatsapp.com"

// asked is a companion that has answered a passkey request.
type asked struct {
	*companion
	passkey   *linking.Authenticator
	challenge []byte
	oldSecret []byte

	credential, assertion, payload, handoff []byte
}

func ask(t *testing.T) asked {
	t.Helper()
	a := asked{companion: newCompanion()}
	a.oldSecret = a.advSecret
	var err error
	if a.passkey, err = linking.NewAuthenticator(); err != nil {
		t.Fatal(err)
	}
	a.passkey.Origin = "https://web.whatsapp.com"
	options, challenge, err := linking.NewPasskeyRequest(domain)
	if err != nil {
		t.Fatal(err)
	}
	a.challenge = challenge
	// A client reads the request into whatsmeow's type and writes it again.
	var parsed types.WebAuthnPublicKey
	if err := json.Unmarshal(options, &parsed); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(parsed.Challenge, challenge) || parsed.RelyingPartID != domain {
		t.Fatalf("whatsmeow reads %+v", parsed)
	}
	again, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.passkey.Respond(again)
	if err != nil {
		t.Fatal(err)
	}
	a.credential, a.assertion, a.payload, a.handoff = a.prologue(t, response)
	return a
}

func (a asked) parse(t *testing.T) linking.Prologue {
	t.Helper()
	p, err := linking.ParsePrologue(a.credential, a.assertion, a.payload, a.handoff)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPasskeyExchange(t *testing.T) {
	t.Parallel()
	c := ask(t)
	p := c.parse(t)
	if p.Ref != c.ref || p.DeviceType != c.device || p.Ephemeral != *c.ephemeral.Pub {
		t.Errorf("prologue %+v", p)
	}
	if err := p.CheckAssertion(domain, c.challenge, c.passkey.Public()); err != nil {
		t.Error(err)
	}
	if err := p.CheckHandoff(c.oldSecret); err != nil {
		t.Error(err)
	}
	x, err := linking.AnswerPasskey(p)
	if err != nil {
		t.Fatal(err)
	}
	shown := c.confirm(t, x.PrimaryEphemeralIdentity())
	request := c.request(t)
	if _, _, _, err := x.Open(request); !errors.Is(err, linking.ErrBadExchange) {
		t.Errorf("request before the nonce: %v, want ErrBadExchange", err)
	}
	if _, err := x.Code(random(32)); !errors.Is(err, linking.ErrBadExchange) {
		t.Errorf("other nonce: %v, want ErrBadExchange", err)
	}
	code, err := x.Code(c.nonce)
	if err != nil {
		t.Fatal(err)
	}
	if code != shown || !regexp.MustCompile(`^[1-9A-Z]{4}-[1-9A-Z]{4}$`).MatchString(code) {
		t.Errorf("phone shows %s, companion %s", code, shown)
	}
	noise, identity, secret, err := x.Open(request)
	if err != nil {
		t.Fatal(err)
	}
	if noise != *c.noise.Pub || identity != *c.identity.Pub || !bytes.Equal(secret, c.advSecret) {
		t.Error("the request was read wrongly")
	}
	request[len(request)-20] ^= 1
	if _, _, _, err := x.Open(request); !errors.Is(err, linking.ErrBadExchange) {
		t.Errorf("changed request: %v, want ErrBadExchange", err)
	}
}

func TestPasskeyKeyDependsOnRef(t *testing.T) {
	t.Parallel()
	c := ask(t)
	x, err := linking.AnswerPasskey(c.parse(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Code(c.nonce); err != nil {
		t.Fatal(err)
	}
	c.ref = "another"
	c.confirm(t, x.PrimaryEphemeralIdentity())
	if _, _, _, err := x.Open(c.request(t)); !errors.Is(err, linking.ErrBadExchange) {
		t.Errorf("got %v, want ErrBadExchange", err)
	}
}

func TestHandoffProof(t *testing.T) {
	t.Parallel()
	c := ask(t)
	if err := c.parse(t).CheckHandoff(random(32)); !errors.Is(err, linking.ErrWrongHandoff) {
		t.Errorf("other secret: %v, want ErrWrongHandoff", err)
	}
	if err := c.parse(t).CheckHandoff(c.advSecret); !errors.Is(err, linking.ErrWrongHandoff) {
		t.Errorf("the new secret: %v, want ErrWrongHandoff", err)
	}
	c.handoff = nil
	if err := c.parse(t).CheckHandoff(c.oldSecret); !errors.Is(err, linking.ErrNoHandoff) {
		t.Errorf("no proof: %v, want ErrNoHandoff", err)
	}
}

func TestAssertionIsChecked(t *testing.T) {
	t.Parallel()
	c := ask(t)
	other, err := linking.NewAuthenticator()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.parse(t).CheckAssertion(domain, c.challenge, nil); err != nil {
		t.Errorf("unknown key: %v", err)
	}
	for name, err := range map[string]error{
		"other challenge": c.parse(t).CheckAssertion(domain, random(32), nil),
		"other domain":    c.parse(t).CheckAssertion("example.org", c.challenge, nil),
		"other key":       c.parse(t).CheckAssertion(domain, c.challenge, other.Public()),
	} {
		if !errors.Is(err, linking.ErrBadAssertion) {
			t.Errorf("%s: %v, want ErrBadAssertion", name, err)
		}
	}
	here := sha256.Sum256([]byte(domain))
	for name, spoil := range map[string]func(*linking.Prologue){
		"credential":   func(p *linking.Prologue) { p.CredentialID = other.CredentialID },
		"id":           func(p *linking.Prologue) { p.Assertion.ID += "A" },
		"type":         func(p *linking.Prologue) { p.Assertion.Type = "password" },
		"client type":  replace("webauthn.get", "webauthn.create"),
		"origin":       replace("web.whatsapp.com", "web.notwhatsapp.com"),
		"plain http":   replace("https:", "http:"),
		"no json":      func(p *linking.Prologue) { p.Assertion.Response.ClientDataJSON = nil },
		"not present":  func(p *linking.Prologue) { p.Assertion.Response.AuthenticatorData[32] = 0x04 },
		"not verified": func(p *linking.Prologue) { p.Assertion.Response.AuthenticatorData[32] = 0x01 },
		"short":        func(p *linking.Prologue) { p.Assertion.Response.AuthenticatorData = here[:] },
	} {
		p := c.parse(t)
		spoil(&p)
		if err := p.CheckAssertion(domain, c.challenge, nil); !errors.Is(err, linking.ErrBadAssertion) {
			t.Errorf("%s: %v, want ErrBadAssertion", name, err)
		}
	}
	p := c.parse(t)
	p.Assertion.Response.Signature[8] ^= 1
	if err := p.CheckAssertion(domain, c.challenge, c.passkey.Public()); !errors.Is(err, linking.ErrBadAssertion) {
		t.Errorf("signature: %v, want ErrBadAssertion", err)
	}
}

func replace(from, to string) func(*linking.Prologue) {
	return func(p *linking.Prologue) {
		r := &p.Assertion.Response
		r.ClientDataJSON = bytes.Replace(r.ClientDataJSON, []byte(from), []byte(to), 1)
	}
}

func TestAuthenticatorAnswersOnlyForItself(t *testing.T) {
	t.Parallel()
	a, err := linking.NewAuthenticator()
	if err != nil {
		t.Fatal(err)
	}
	mine, challenge, err := linking.NewPasskeyRequest(domain, []byte("another"), a.CredentialID)
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.Respond(mine)
	if err != nil {
		t.Fatal(err)
	}
	p := linking.Prologue{CredentialID: a.CredentialID, Assertion: *response}
	if err := p.CheckAssertion(domain, challenge, a.Public()); err != nil {
		t.Error(err)
	}
	foreign, _, err := linking.NewPasskeyRequest(domain, []byte("another"))
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]byte{foreign, []byte("{}")} {
		if _, err := a.Respond(options); !errors.Is(err, linking.ErrNoCredential) {
			t.Errorf("%s: %v, want ErrNoCredential", options, err)
		}
	}
	if diff := cmp.Diff(a.CredentialID, []byte(response.RawID)); diff != "" {
		t.Error(diff)
	}
}

func TestAnswerPasskeyRefusesWeakKey(t *testing.T) {
	t.Parallel()
	c := ask(t)
	p := c.parse(t)
	p.Ephemeral = [32]byte{}
	if _, err := linking.AnswerPasskey(p); !errors.Is(err, linking.ErrBadExchange) {
		t.Errorf("got %v, want ErrBadExchange", err)
	}
}

func FuzzParsePrologue(f *testing.F) {
	a, err := linking.NewAuthenticator()
	if err != nil {
		f.Fatal(err)
	}
	options, challenge, err := linking.NewPasskeyRequest(domain)
	if err != nil {
		f.Fatal(err)
	}
	response, err := a.Respond(options)
	if err != nil {
		f.Fatal(err)
	}
	assertion, err := json.Marshal(response)
	if err != nil {
		f.Fatal(err)
	}
	key := keys.NewKeyPair().Pub
	identity := append(append([]byte{0x0a, 32}, key[:]...), 0x10, 1, 0x1a, 1, 'r')
	payload := append([]byte{0x0a, byte(len(identity))}, identity...)
	payload = append(append(payload, 0x12, 34, 0x0a, 32), make([]byte, 32)...)
	if _, err := linking.ParsePrologue(a.CredentialID, assertion, payload, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(assertion, payload, []byte("nonce"), []byte("request"))
	f.Fuzz(func(_ *testing.T, assertion, payload, nonce, request []byte) {
		p, err := linking.ParsePrologue(a.CredentialID, assertion, payload, nonce)
		if err != nil {
			return
		}
		_ = p.CheckAssertion(domain, challenge, a.Public())
		_ = p.CheckHandoff(nonce)
		x, err := linking.AnswerPasskey(p)
		if err != nil {
			return
		}
		_, _ = x.Code(nonce)
		_, _, _, _ = x.Open(request)
	})
}

func FuzzRespond(f *testing.F) {
	a, err := linking.NewAuthenticator()
	if err != nil {
		f.Fatal(err)
	}
	options, _, err := linking.NewPasskeyRequest(domain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(options)
	f.Fuzz(func(_ *testing.T, options []byte) { _, _ = a.Respond(options) })
}
