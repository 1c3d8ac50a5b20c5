package simulator

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/signal"
	"roost/simulator/wire"
)

// ErrNobody means that the addressee is no user, no group, or a group the
// sender is not a member of.
var ErrNobody = errors.New("no such addressee")

// maxSent bounds how many messages a phone can send again.
const maxSent = 512

// sentMessages is what a phone can send again when a companion asks. Guarded
// by User.mu.
type sentMessages struct {
	byID map[string]sentMessage
	ring []string
}

type sentMessage struct {
	chat    types.JID
	message *waE2E.Message
	at      time.Time
	peer    bool // for one companion, about the account itself
}

// add remembers a message and forgets the oldest beyond limit.
func (s *sentMessages) add(id types.MessageID, m sentMessage, limit int) {
	if s.byID == nil {
		s.byID = map[string]sentMessage{}
	}
	m.at = time.Now()
	s.byID[id] = m
	s.ring = append(s.ring, id)
	if len(s.ring) > limit {
		delete(s.byID, s.ring[0])
		s.ring = s.ring[1:]
	}
}

// Send makes the person write a message: to a user (by phone number or LID), a
// group, or status@broadcast. It returns its id. Every companion of the
// receivers gets it now or when it comes online; the person's own companions
// get a copy. ErrNobody when there is nobody to get it.
func (u *User) Send(to types.JID, m *waE2E.Message) (types.MessageID, error) {
	p, err := u.Prepare(to, m)
	if err != nil {
		return "", err
	}
	return p.Deliver(), nil
}

// Prepared is a message that has been encrypted and not yet sent, so that a
// measurement of what follows does not count the sender's work.
type Prepared struct {
	id      types.MessageID
	letters []letter
	local   func() // what simulated receivers do with it
}

// ID is the message's.
func (p *Prepared) ID() types.MessageID { return p.id }

// Prepare encrypts a message for every companion that gets it. Messages from
// one sender to one device must be delivered in the order they were prepared,
// or the receiver has to keep keys for the gap.
func (u *User) Prepare(to types.JID, m *waE2E.Message) (*Prepared, error) {
	return u.prepare(to, m, u.sim.messageID())
}

// Deliver hands the message to the server. It is called once.
func (p *Prepared) Deliver() types.MessageID {
	if p.local != nil {
		p.local()
	}
	for _, l := range p.letters {
		l.to.take(l.node)()
	}
	return p.id
}

func (u *User) prepare(to types.JID, m *waE2E.Message, id types.MessageID) (*Prepared, error) {
	u.noteSent(id, to, m)
	switch to.Server {
	case types.GroupServer:
		return u.prepareGroup(to, m, id)
	case types.BroadcastServer:
		return u.prepareStatus(m, id)
	}
	peer := u.sim.findUser(to)
	if peer == nil {
		return nil, fmt.Errorf("%s: %w", to, ErrNobody)
	}
	p := &Prepared{id: id}
	h := u.home
	blocked := peer.blocks(u)
	for _, d := range peer.companions() {
		if peer == u || blocked {
			break // a note to self reaches the companions as a copy
		}
		if err := p.add(h, d, m, h.envelope(id, m, nil)); err != nil {
			return nil, err
		}
	}
	if err := p.addCopies(h, m, id, peer.lid, wire.Attrs{"recipient": peer.lid, "peer_recipient_pn": peer.pn}); err != nil {
		return nil, err
	}
	if peer != u && !blocked {
		u.meet(peer)
		p.local = func() { peer.hearFrom(u, peer.lid, id, m) }
	}
	return p, nil
}

// envelope addresses a message of this device.
func (h *handset) envelope(id string, m *waE2E.Message, more wire.Attrs) wire.Attrs {
	attrs := wire.Attrs{
		"from": h.device.lid(), "sender_pn": h.device.pn(), "id": id, "type": stanzaType(m),
		"t": now(), "notify": h.device.user.Name(),
	}
	if edit := editAttr(m); edit != "" {
		attrs["edit"] = edit
	}
	maps.Copy(attrs, more)
	return attrs
}

// add encrypts m for one companion.
func (p *Prepared) add(h *handset, to *device, m *waE2E.Message, attrs wire.Attrs, more ...wire.Node) error {
	enc, err := h.encrypt(to, m)
	if err != nil {
		return fmt.Errorf("encrypt for %s: %w", to.pn(), err)
	}
	p.letters = append(p.letters, letter{to: to, node: wire.Node{Tag: "message", Attrs: attrs, Content: append([]wire.Node{enc}, more...)}})
	return nil
}

// addCopies encrypts the copies that the sender's own companions get.
func (p *Prepared) addCopies(h *handset, m *waE2E.Message, id string, chat types.JID, more wire.Attrs) error {
	copied := &waE2E.Message{
		DeviceSentMessage:  &waE2E.DeviceSentMessage{DestinationJID: new(chat.String()), Message: m},
		MessageContextInfo: m.GetMessageContextInfo(),
	}
	for _, d := range h.device.user.companions() {
		if err := p.add(h, d, copied, h.envelope(id, m, more)); err != nil {
			return err
		}
	}
	return nil
}

// encrypt makes the <enc> of a message for a companion, beginning a session
// when there is none.
func (h *handset) encrypt(to *device, m *waE2E.Message) (wire.Node, error) {
	plain, err := proto.Marshal(m)
	if err != nil {
		return wire.Node{}, fmt.Errorf("marshal message: %w", err)
	}
	address := to.lid().SignalAddress()
	h.sending.Lock()
	defer h.sending.Unlock()
	if !h.signal.HasSession(address) {
		if err := h.signal.Begin(address, to.takeBundle()); err != nil {
			return wire.Node{}, err
		}
	}
	c, err := h.signal.Encrypt(address, plain)
	if err != nil {
		return wire.Node{}, err
	}
	return encNode(c.Type, c.Data, m), nil
}

func encNode(kind string, data []byte, m *waE2E.Message) wire.Node {
	attrs := wire.Attrs{"v": "2", "type": kind}
	if media := mediaType(m); media != "" {
		attrs["mediatype"] = media
	}
	return wire.Node{Tag: "enc", Attrs: attrs, Content: data}
}

func (u *User) noteSent(id string, chat types.JID, m *waE2E.Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent.add(id, sentMessage{chat: chat, message: m}, maxSent)
}

// resend answers a companion that could not read a message: the same id, a new
// session.
func (u *User) resend(asker *device, receipt *wire.Node) {
	retry := child(receipt, "retry")
	id := textAttr(receipt, "id")
	u.mu.Lock()
	sent, ok := u.sent.byID[id]
	if !ok && asker.user == u {
		sent, ok = u.settings.told.byID[id]
	}
	u.mu.Unlock()
	count := retry.AttrGetter().OptionalInt("count")
	if !ok || count > maxRetries || !u.sim.hearing(sent.chat)(asker.user) {
		return
	}
	h := u.home
	address := asker.lid().SignalAddress()
	bundle, ok := readBundle(receipt, asker)
	if !ok {
		bundle = asker.takeBundle()
	}
	if err := h.begin(address, bundle); err != nil {
		u.sim.violations.add(BadSignature, asker.pn(), "keys in a retry receipt: "+err.Error())
		return
	}
	m, more := u.composeAgain(asker, sent)
	enc, err := h.encrypt(asker, m)
	if err != nil {
		u.sim.log.Warn("cannot encrypt again", "err", err)
		return
	}
	enc.Attrs["count"] = count
	if sent.peer {
		asker.deliver(u.peerNode(id, enc))
		return
	}
	asker.deliver(wire.Node{Tag: "message", Attrs: h.envelope(id, sent.message, more), Content: []wire.Node{enc}})
}

// composeAgain puts a message into the form in which the asking device gets
// it: with the sender key in a group, as a copy on an own companion.
func (u *User) composeAgain(asker *device, sent sentMessage) (*waE2E.Message, wire.Attrs) {
	if sent.peer {
		return sent.message, nil
	}
	switch sent.chat.Server {
	case types.GroupServer, types.BroadcastServer:
		return u.withSenderKey(sent.chat, sent.message), u.home.groupAttrs(sent.chat)
	}
	peer := u.sim.findUser(sent.chat)
	if asker.user != u || peer == nil {
		return sent.message, nil
	}
	return &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{
		DestinationJID: new(peer.lid.String()), Message: sent.message,
	}}, wire.Attrs{"recipient": peer.lid, "peer_recipient_pn": peer.pn}
}

func (h *handset) begin(to signal.Address, b signal.Bundle) error {
	h.sending.Lock()
	defer h.sending.Unlock()
	return h.signal.Begin(to, b)
}

// readBundle reads the keys that a retry receipt carries from its second time
// on.
func readBundle(receipt *wire.Node, asker *device) (signal.Bundle, bool) {
	keys, ok := receipt.GetOptionalChildByTag("keys")
	if !ok {
		return signal.Bundle{}, false
	}
	signed := child(&keys, "skey")
	b := signal.Bundle{
		RegistrationID: bigEndian(payload(child(receipt, "registration"))),
		Device:         uint32(asker.id),
		Identity:       [32]byte(pad32(payload(child(&keys, "identity")))),
		Signed:         readPreKey(&signed),
	}
	if one, ok := keys.GetOptionalChildByTag("key"); ok {
		k := readPreKey(&one)
		b.OneTime = &k
	}
	return b, true
}
