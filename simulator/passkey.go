package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"roost/simulator/linking"
	"roost/simulator/wire"
)

// passkeyDomain is whom the account's passkey belongs to.
const passkeyDomain = "whatsapp.com"

// passkeyFlow is linking that waits for the companion to prove itself with
// the account's passkey. The connection's read loop goes through its steps.
type passkeyFlow struct {
	user      *User
	challenge []byte
	options   []byte // JSON for the authenticator
	secret    []byte // the ADV secret of before, which proves who read the code
	exchange  *linking.PasskeyExchange
	code      string // what the phone shows
}

// passkeys holds an account's passkey. Guarded by its once.
type passkeys struct {
	once sync.Once
	key  *linking.Authenticator
	err  error
}

func (u *User) passkey() (*linking.Authenticator, error) {
	u.keys.once.Do(func() { u.keys.key, u.keys.err = linking.NewAuthenticator() })
	return u.keys.key, u.keys.err
}

// AnswerPasskey is what the person's authenticator says to a WebAuthn request,
// the JSON of a PublicKeyCredentialRequestOptions: the JSON of an
// AuthenticationResponse.
func (u *User) AnswerPasskey(request []byte) ([]byte, error) {
	key, err := u.passkey()
	if err != nil {
		return nil, fmt.Errorf("make a passkey: %w", err)
	}
	response, err := key.Respond(request)
	if err != nil {
		return nil, fmt.Errorf("answer the passkey request: %w", err)
	}
	out, err := json.Marshal(response)
	if err != nil {
		return nil, fmt.Errorf("marshal the passkey response: %w", err)
	}
	return out, nil
}

// requestPasskey asks the client for the account's passkey instead of linking
// it. It returns ErrPasskey when that worked.
func (u *User) requestPasskey(st *stream, secret []byte) error {
	key, err := u.passkey()
	if err != nil {
		return fmt.Errorf("make a passkey: %w", err)
	}
	options, challenge, err := linking.NewPasskeyRequest(passkeyDomain, key.CredentialID)
	if err != nil {
		return fmt.Errorf("make a passkey request: %w", err)
	}
	p := st.pair
	p.mu.Lock()
	p.taken = false // the code cannot be used again, but nothing is linked yet either
	p.passkey = &passkeyFlow{user: u, challenge: challenge, options: options, secret: secret}
	p.mu.Unlock()
	st.notify("passkey_prologue_request", wire.Node{Tag: "passkey_request_options", Content: options})
	return ErrPasskey
}

// flow returns the passkey flow of the connection, or refuses the request.
func (st *stream) flow(n *wire.Node) *passkeyFlow {
	if st.pair != nil {
		st.pair.mu.Lock()
		defer st.pair.mu.Unlock()
		if st.pair.passkey != nil {
			return st.pair.passkey
		}
	}
	st.refuse(n, 404, "item-not-found")
	return nil
}

// begun is flow for what may come only after the prologue.
func (st *stream) begun(n *wire.Node) *passkeyFlow {
	f := st.flow(n)
	if f != nil && f.exchange == nil {
		st.refuse(n, 400, "bad-request")
		return nil
	}
	return f
}

func (st *stream) companionRef(n *wire.Node) {
	if st.pair == nil {
		st.refuse(n, 404, "item-not-found")
		return
	}
	st.result(n, wire.Node{Tag: "ref", Content: []byte(st.pair.refs[0])})
}

func (st *stream) passkeyOptions(n *wire.Node) {
	if f := st.flow(n); f != nil {
		st.result(n, wire.Node{Tag: "passkey_request_options", Content: f.options})
	}
}

// passkeyPrologue gets the assertion. A wrong one is refused and can be
// followed by a right one.
func (st *stream) passkeyPrologue(n *wire.Node) {
	f := st.flow(n)
	if f == nil {
		return
	}
	exchange, err := f.accept(n)
	if err != nil {
		st.sim.log.Info("passkey refused", "err", err)
		st.refuse(n, 401, "not-authorized")
		return
	}
	f.exchange = exchange
	st.result(n)
	st.notify("crsc_continuation", wire.Node{Tag: "primary_ephemeral_identity", Content: exchange.PrimaryEphemeralIdentity()})
}

func (f *passkeyFlow) accept(n *wire.Node) (*linking.PasskeyExchange, error) {
	prologue := child(n, "passkey_prologue")
	part := func(tag string) []byte { return payload(child(&prologue, tag)) }
	p, err := linking.ParsePrologue(part("credential_id"), part("webauthn_assertion"), part("prologue_payload"), part("pairing_handoff_proof"))
	if err != nil {
		return nil, err
	}
	key, err := f.user.passkey()
	if err != nil {
		return nil, err
	}
	if err := p.CheckAssertion(passkeyDomain, f.challenge, key.Public()); err != nil {
		return nil, err
	}
	if p.Handoff != nil {
		if err := p.CheckHandoff(f.secret); err != nil {
			return nil, err
		}
	}
	return linking.AnswerPasskey(p)
}

func (st *stream) passkeyNonce(n *wire.Node) {
	f := st.begun(n)
	if f == nil {
		return
	}
	code, err := f.exchange.Code(payload(child(n, "companion_nonce")))
	if err != nil {
		st.violate(Malformed, "companion nonce: %v", err)
		st.refuse(n, 400, "bad-request")
		return
	}
	st.pair.mu.Lock()
	f.code = code
	st.pair.mu.Unlock()
	st.result(n)
}

// passkeyRequest gets what a QR code would have said, and links. Linking waits
// for the client, so it cannot run on the read loop.
func (st *stream) passkeyRequest(n *wire.Node) {
	f := st.begun(n)
	if f == nil {
		return
	}
	key, identity, secret, err := f.exchange.Open(payload(child(n, "encrypted_pairing_request")))
	if err != nil || key != st.conn.StaticKey() || string(identity[:]) != string(st.reg.GetEIdent()) {
		st.violate(Malformed, "encrypted pairing request does not open or names other keys: %v", err)
		st.refuse(n, 400, "bad-request")
		return
	}
	st.result(n)
	st.sim.idle.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), answerLimit) //nolint:forbidigo // nobody waits for it but the client
		defer cancel()
		if _, err := f.user.link(ctx, st, companion{noise: key, identity: identity, advSecret: secret}); err != nil {
			st.sim.log.Warn("linking by passkey failed", "err", err)
		}
	})
}

// PasskeyCode is what the phone shows for the person to compare while number's
// companion links by passkey, "" when that is not under way.
func (u *User) PasskeyCode() string {
	u.sim.mu.RLock()
	defer u.sim.mu.RUnlock()
	for st := range u.sim.streams {
		if st.pair == nil {
			continue
		}
		st.pair.mu.Lock()
		f := st.pair.passkey
		var code string
		if f != nil && f.user == u {
			code = f.code
		}
		st.pair.mu.Unlock()
		if code != "" {
			return code
		}
	}
	return ""
}
