package simulator

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/linking"
	"roost/simulator/wire"
)

// codeOffer is a pairing code that a client shows: the server knows the number
// it is for and a key wrapped with the code, not the code.
type codeOffer struct {
	stream  *stream
	ref     string
	wrapped []byte
	began   time.Time
	finish  chan *wire.Node
}

// offerGrace is how long EnterCode waits for the client to offer its code: a
// client may show it before the server has it (Baileys does not wait for the
// answer), and a test types faster than a person.
const offerGrace = time.Second

// displayName is what the service demands of a companion's name; it answers
// 400 to anything else (whatsmeow pair-code.go).
var displayName = regexp.MustCompile(`^[A-Za-z ]+ \([A-Za-z0-9 ]+\)$`)

// linkCode handles both steps of a client that links by code.
func (st *stream) linkCode(n *wire.Node) {
	reg := child(n, "link_code_companion_reg")
	jid, ok := jidAttr(&reg, "jid")
	if !ok || st.pair == nil {
		st.violate(Malformed, "link_code_companion_reg without jid or on a registered connection")
		st.refuse(n, 400, "bad-request")
		return
	}
	switch textAttr(&reg, "stage") {
	case "companion_hello":
		st.codeHello(n, &reg, jid)
	case "companion_finish":
		st.codeFinish(n, &reg, jid)
	default:
		st.refuse(n, 400, "bad-request")
	}
}

func (st *stream) codeHello(n, reg *wire.Node, jid types.JID) {
	wrapped := payload(child(reg, "link_code_pairing_wrapped_companion_ephemeral_pub"))
	key := payload(child(reg, "companion_server_auth_key_pub"))
	name := payload(child(reg, "companion_platform_display"))
	static := st.conn.StaticKey()
	if err := checkNumber(jid.User); err != nil || len(wrapped) != 80 || string(key) != string(static[:]) || !displayName.Match(name) {
		st.refuse(n, 400, "bad-request")
		return
	}
	offer := &codeOffer{
		stream: st, ref: "2@" + st.sim.stanzaID(), wrapped: wrapped,
		began: time.Now(), finish: make(chan *wire.Node, 1),
	}
	st.sim.mu.Lock()
	st.sim.codes[jid.User] = offer
	close(st.sim.offered)
	st.sim.offered = make(chan struct{})
	st.sim.mu.Unlock()
	st.result(n, wire.Node{
		Tag:     "link_code_companion_reg",
		Attrs:   wire.Attrs{"stage": "companion_hello"},
		Content: []wire.Node{{Tag: "link_code_pairing_ref", Content: []byte(offer.ref)}},
	})
}

func (st *stream) codeFinish(n, reg *wire.Node, jid types.JID) {
	st.sim.mu.RLock()
	offer := st.sim.codes[jid.User]
	st.sim.mu.RUnlock()
	if offer == nil || offer.stream != st || string(payload(child(reg, "link_code_pairing_ref"))) != offer.ref {
		st.refuse(n, 404, "item-not-found")
		return
	}
	st.result(n)
	select {
	case offer.finish <- reg:
	default: // nobody waits: the phone has given up
	}
}

// EnterCode is what the phone does when its user types a pairing code, with or
// without the dash. It returns the JID of the new companion, or ErrBadCode,
// ErrWrongCode, ErrStale, ErrPasskey, ErrRejected or ErrNoAnswer. A wrong code
// can be corrected by entering the right one.
func (u *User) EnterCode(ctx context.Context, code string) (types.JID, error) {
	code, err := linking.NormalizeCode(code)
	if err != nil {
		return types.EmptyJID, fmt.Errorf("%w: %w", ErrBadCode, err)
	}
	s := u.sim
	offer := s.awaitOffer(ctx, u.pn.User)
	if offer == nil || time.Since(offer.began) > time.Duration(s.Knobs().PairingCodeSeconds)*time.Second {
		return types.EmptyJID, fmt.Errorf("no code is on offer for %s: %w", u.pn.User, ErrStale)
	}
	c, err := u.exchangeCode(ctx, offer, code)
	if err != nil {
		return types.EmptyJID, err
	}
	s.mu.Lock()
	if s.codes[u.pn.User] == offer {
		delete(s.codes, u.pn.User)
	}
	s.mu.Unlock()
	if s.Knobs().Passkey {
		return types.EmptyJID, u.requestPasskey(offer.stream, c.advSecret)
	}
	return u.link(ctx, offer.stream, c)
}

// awaitOffer returns the code that is on offer for a number, or nil when none
// comes in offerGrace.
func (s *Simulator) awaitOffer(ctx context.Context, number string) *codeOffer {
	timer := time.NewTimer(offerGrace)
	defer timer.Stop()
	for {
		s.mu.RLock()
		offer, offered := s.codes[number], s.offered
		s.mu.RUnlock()
		if offer != nil {
			return offer
		}
		select {
		case <-offered:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func (u *User) exchangeCode(ctx context.Context, offer *codeOffer, code string) (companion, error) {
	exchange, err := linking.AnswerCode(code, offer.wrapped, u.home.signal.IdentityKey())
	if err != nil {
		return companion{}, fmt.Errorf("answer the code: %w", err)
	}
	account := u.home.signal.IdentityPublic()
	offer.stream.notify("link_code_companion_reg", wire.Node{
		Tag: "link_code_companion_reg", Attrs: wire.Attrs{"stage": "primary_hello"},
		Content: []wire.Node{
			{Tag: "link_code_pairing_wrapped_primary_ephemeral_pub", Content: exchange.PrimaryHello()},
			{Tag: "primary_identity_pub", Content: account[:]},
			{Tag: "link_code_pairing_ref", Content: []byte(offer.ref)},
		},
	})
	timer := time.NewTimer(answerLimit)
	defer timer.Stop()
	var finish *wire.Node
	select {
	case finish = <-offer.finish:
	case <-offer.stream.conn.Done():
		return companion{}, fmt.Errorf("the client hung up: %w", ErrStale)
	case <-timer.C:
		return companion{}, ErrNoAnswer
	case <-ctx.Done():
		return companion{}, fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
	}
	identity := payload(child(finish, "companion_identity_public"))
	secret, err := exchange.Finish(payload(child(finish, "link_code_pairing_wrapped_key_bundle")), identity)
	if errors.Is(err, linking.ErrWrongCode) {
		return companion{}, fmt.Errorf("%w: %w", ErrWrongCode, err)
	}
	if err != nil {
		return companion{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return companion{noise: offer.stream.conn.StaticKey(), identity: [32]byte(pad32(identity)), advSecret: secret}, nil
}
