package simulator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/linking"
	"roost/simulator/signal"
	"roost/simulator/wire"
)

// What a phone says when linking does not succeed.
var (
	// ErrBadCode means that the QR code or pairing code is malformed, or does
	// not belong to the client that shows it.
	ErrBadCode = errors.New("malformed code")
	// ErrStale means that the code has expired, was replaced by a newer one, or
	// that the client that showed it is gone.
	ErrStale = errors.New("stale code")
	// ErrUsed means that the code has been used.
	ErrUsed = errors.New("used code")
	// ErrRefresh means that the client was told to make a new ADV secret; the
	// code it shows now must be scanned.
	ErrRefresh = errors.New("refresh")
	// ErrPasskey means that the client was asked for a passkey and linking goes
	// on when it has answered.
	ErrPasskey = errors.New("passkey")
	// ErrWrongCode means that the pairing code is not the one on offer.
	ErrWrongCode = errors.New("wrong code")
	// ErrRejected means that the client refused to be linked.
	ErrRejected = errors.New("rejected by the client")
	// ErrNoAnswer means that the client did not answer in time.
	ErrNoAnswer = errors.New("no answer from the client")
)

const (
	firstCodeLife = 60 * time.Second // how long clients show the first of six QR codes (whatsmeow qrchan.go)
	nextCodeLife  = 20 * time.Second // and each other
	codeSlack     = 20 * time.Second // how long after that a scan still counts
	answerLimit   = 10 * time.Second // a client's answer during linking
)

// pairing is the state of a connection that registers a new companion.
type pairing struct {
	began time.Time
	refs  []string

	mu        sync.Mutex
	taken     bool   // a phone is linking it right now, or has
	refreshed bool   // the client has been told to make a new secret
	oldSecret string // the one it had before
	passkey   *passkeyFlow
	answerID  string          // our pair-success
	answer    chan *wire.Node // the client's reply to it
	linked    chan struct{}   // closed when jid is set
	jid       types.JID
}

// beginPairing offers QR codes to a client that has no account.
func (st *stream) beginPairing() {
	s := st.sim
	st.checkSignedPreKey([32]byte(pad32(st.reg.GetEIdent())), signedFrom(st.reg.GetESkeyID(), st.reg.GetESkeyVal(), st.reg.GetESkeySig()))
	p := &pairing{began: time.Now(), answer: make(chan *wire.Node, 1), linked: make(chan struct{})}
	st.pair = p
	n := min(max(s.Knobs().QRCodes, 1), 6)
	codes := make([]wire.Node, 0, n)
	s.mu.Lock()
	for range n {
		var b [24]byte
		for i := range b {
			b[i] = byte(s.random.Uint32())
		}
		ref := "2@" + base64.RawStdEncoding.EncodeToString(b[:])
		s.refs[ref] = st
		p.refs = append(p.refs, ref)
		codes = append(codes, wire.Node{Tag: "ref", Content: []byte(ref)})
	}
	s.mu.Unlock()
	st.ask(wire.Node{
		Attrs:   wire.Attrs{"type": "set", "xmlns": "md"},
		Content: []wire.Node{{Tag: "pair-device", Content: codes}},
	})
}

// endPairing withdraws what a connection that is gone had on offer.
func (st *stream) endPairing() {
	if st.pair == nil {
		return
	}
	s := st.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range st.pair.refs {
		delete(s.refs, ref)
	}
	for number, offer := range s.codes {
		if offer.stream == st {
			delete(s.codes, number)
		}
	}
}

// Scan is what the phone does with the text of a QR code. It returns the JID of
// the new companion, or ErrBadCode, ErrStale, ErrUsed, ErrRefresh, ErrPasskey,
// ErrRejected or ErrNoAnswer.
func (u *User) Scan(ctx context.Context, text string) (types.JID, error) {
	_, jid, err := u.scan(ctx, text)
	return jid, err
}

// ScanAndFollow is Scan for a person who keeps the camera pointed at the
// screen: where Scan returns ErrRefresh or ErrPasskey it waits, until ctx ends,
// for somebody to scan the next code or answer the passkey.
func (u *User) ScanAndFollow(ctx context.Context, text string) (types.JID, error) {
	st, jid, err := u.scan(ctx, text)
	if !errors.Is(err, ErrRefresh) && !errors.Is(err, ErrPasskey) {
		return jid, err
	}
	select {
	case <-st.pair.linked:
		return st.pair.jid, nil
	case <-st.conn.Done():
		select { // linked just before the client went to log in
		case <-st.pair.linked:
			return st.pair.jid, nil
		default:
			return types.EmptyJID, fmt.Errorf("the client is gone: %w", ErrStale)
		}
	case <-ctx.Done():
		return types.EmptyJID, err
	}
}

func (u *User) scan(ctx context.Context, text string) (*stream, types.JID, error) {
	s := u.sim
	qr, err := linking.ParseQR(text)
	if err != nil {
		return nil, types.EmptyJID, fmt.Errorf("%w: %w", ErrBadCode, err)
	}
	s.mu.RLock()
	st := s.refs[qr.Ref]
	s.mu.RUnlock()
	if st == nil {
		return nil, types.EmptyJID, fmt.Errorf("nobody shows it any more: %w", ErrStale)
	}
	if qr.Noise != st.conn.StaticKey() || string(qr.Identity[:]) != string(st.reg.GetEIdent()) {
		return st, types.EmptyJID, fmt.Errorf("its keys are not those of the client that shows it: %w", ErrBadCode)
	}
	if err := st.pair.admit(st, qr); err != nil {
		return st, types.EmptyJID, err
	}
	if s.Knobs().Passkey {
		return st, types.EmptyJID, u.requestPasskey(st, qr.ADVSecret)
	}
	jid, err := u.link(ctx, st, companion{noise: qr.Noise, identity: qr.Identity, advSecret: qr.ADVSecret})
	return st, jid, err
}

// admit decides whether a scanned code may be linked now.
func (p *pairing) admit(st *stream, qr linking.QR) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	secret := string(qr.ADVSecret)
	switch {
	case p.taken:
		return ErrUsed
	case p.expired(qr.Ref):
		return fmt.Errorf("it has expired: %w", ErrStale)
	case p.refreshed && secret == p.oldSecret:
		return fmt.Errorf("the client shows a newer one: %w", ErrStale)
	case st.sim.Knobs().RefreshAfterScan && !p.refreshed:
		p.refreshed, p.oldSecret = true, secret
		st.notify("companion_reg_refresh", wire.Node{Tag: "companion_reg_refresh"})
		return ErrRefresh
	}
	p.taken = true
	return nil
}

func (p *pairing) expired(ref string) bool {
	life := firstCodeLife + codeSlack
	for _, r := range p.refs {
		if r == ref {
			break
		}
		life += nextCodeLife
	}
	return time.Since(p.began) > life
}

// notify sends a notification on this connection only: for a client that has
// no device yet and so no queue.
func (st *stream) notify(kind string, children ...wire.Node) {
	st.push(wire.Node{
		Tag:     "notification",
		Attrs:   wire.Attrs{"from": types.ServerJID, "type": kind, "id": st.sim.stanzaID(), "t": now()},
		Content: children,
	})
}

// companion is what a phone knows of the client it links.
type companion struct {
	noise, identity [32]byte
	advSecret       []byte
}

// link makes the client a device of the account and waits for it to agree.
func (u *User) link(ctx context.Context, st *stream, c companion) (types.JID, error) {
	p := st.pair
	u.mu.Lock()
	id := u.takeDeviceID()
	u.mu.Unlock()
	signer := linking.Signer{Account: u.home.signal.IdentityKey(), WrongHMAC: u.sim.faults.breakHMAC(u.pn.User)}
	identity, err := signer.Sign(c.identity, c.advSecret, uint32(id), time.Now())
	if err != nil {
		return types.EmptyJID, fmt.Errorf("sign the companion's identity: %w", err)
	}
	props, err := proto.Marshal(&waCompanionReg.ClientPairingProps{IsChatDbLidMigrated: new(true)})
	if err != nil {
		return types.EmptyJID, fmt.Errorf("marshal pairing properties: %w", err)
	}
	d := &device{sim: u.sim, user: u, id: id, noise: c.noise, identity: c.identity}
	d.signed = signedFrom(st.reg.GetESkeyID(), st.reg.GetESkeyVal(), st.reg.GetESkeySig())
	d.registration = bigEndian(st.reg.GetERegid())

	p.mu.Lock()
	p.taken = true
	p.answerID = st.ask(wire.Node{
		Attrs: wire.Attrs{"type": "set", "xmlns": "md", "t": now()},
		Content: []wire.Node{{Tag: "pair-success", Content: []wire.Node{
			{Tag: "device-identity", Content: identity.Container},
			{Tag: "device", Attrs: wire.Attrs{"jid": d.pn(), "lid": d.lid()}},
			{Tag: "platform", Attrs: wire.Attrs{"name": "android"}},
			{Tag: "client-props", Content: props},
		}}},
	})
	p.mu.Unlock()

	reply, err := st.awaitAnswer(ctx)
	if err == nil {
		err = verifyReply(reply, identity)
	}
	if err != nil {
		p.mu.Lock()
		p.taken = false
		p.mu.Unlock()
		return types.EmptyJID, err
	}
	u.adopt(d)
	p.jid = d.pn()
	close(p.linked)
	st.end(wire.Node{Tag: "stream:error", Attrs: wire.Attrs{"code": "515"}})
	return p.jid, nil
}

func (st *stream) awaitAnswer(ctx context.Context) (*wire.Node, error) {
	timer := time.NewTimer(answerLimit)
	defer timer.Stop()
	select {
	case n := <-st.pair.answer:
		return n, nil
	case <-st.conn.Done():
		select {
		case n := <-st.pair.answer:
			return n, nil
		default:
			return nil, fmt.Errorf("the client hung up: %w", ErrNoAnswer)
		}
	case <-timer.C:
		return nil, ErrNoAnswer
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
	}
}

// pairingAnswer gets the client's answers to iqs of the server.
func (st *stream) pairingAnswer(n *wire.Node, id string) {
	p := st.pair
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != p.answerID {
		return
	}
	select {
	case p.answer <- n:
	default:
	}
}

func verifyReply(reply *wire.Node, identity linking.Identity) error {
	if textAttr(reply, "type") != "result" {
		e := child(reply, "error")
		return fmt.Errorf("%w: %v %v", ErrRejected, e.Attrs["code"], e.Attrs["text"])
	}
	signed := child(reply, "pair-device-sign", "device-identity")
	if _, err := identity.Verify(payload(signed), signed.AttrGetter().Int("key-index")); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return nil
}

// adopt enters a new companion into the account's device list.
func (u *User) adopt(d *device) {
	u.sim.mu.Lock()
	u.sim.byNoise[d.noise] = d
	u.sim.mu.Unlock()
	u.mu.Lock()
	u.devices[d.id] = d
	u.mu.Unlock()
	u.announceDevice("add", d)
}

// checkSignedPreKey records a violation when a client's signed prekey is not
// signed by its identity.
func (st *stream) checkSignedPreKey(identity [32]byte, k signal.PreKey) {
	message := append([]byte{ecc.DjbType}, k.Public[:]...)
	if k.Signature == nil || !ecc.VerifySignature(ecc.NewDjbECPublicKey(identity), message, *k.Signature) {
		st.violate(BadSignature, "signed prekey %d is not signed by the identity key", k.ID)
	}
}

// signedFrom copies what it is given: that is part of a stanza, which would stay
// in memory with all its other prekeys.
func signedFrom(id, public, signature []byte) signal.PreKey {
	k := signal.PreKey{ID: bigEndian(id), Public: [32]byte(pad32(public))}
	if len(signature) == 64 {
		signed := [64]byte(signature)
		k.Signature = &signed
	}
	return k
}

func pad32(b []byte) []byte {
	out := make([]byte, 32)
	copy(out, b)
	return out
}

func bigEndian(b []byte) uint32 {
	var n uint32
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n
}
