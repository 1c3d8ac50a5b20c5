package simulator

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/signal"
	"roost/simulator/wire"
)

// maxRetries is how often a phone asks for a message it cannot read.
const maxRetries = 5

// handset is a simulated device from the inside: a phone, or another device of
// a contact. It reads what clients send and keeps its own keys.
type handset struct {
	device *device
	signal *signal.Device
	since  time.Time // when it was added to the account; zero for the phone

	sending sync.Mutex // keeps the begin of a session and its first message together
	group   sync.Mutex // keeps the messages of a sender key in order; taken before sending

	mu       sync.Mutex
	excused  bool // reinstalled: what clients encrypted for the old keys cannot be read
	retries  map[string]int
	lastRead map[string]*waE2E.Message // message id -> what it said, to compare repeats
	readRing []string
}

// addHandset gives the account one more simulated device.
func (u *User) addHandset(id uint16, keys *signal.Device) *handset {
	d := &device{sim: u.sim, user: u, id: id}
	h := &handset{device: d, signal: keys, retries: map[string]int{}, lastRead: map[string]*waE2E.Message{}}
	if id > 0 {
		h.since = time.Now()
	}
	d.handset = h
	u.mu.Lock()
	u.devices[id] = d
	u.mu.Unlock()
	return h
}

func (h *handset) bundle() signal.Bundle {
	b := signal.Bundle{
		RegistrationID: h.signal.RegistrationID(), Device: uint32(h.device.id),
		Identity: h.signal.IdentityPublic(), Signed: h.signal.SignedPreKey(),
	}
	if !h.device.sim.faults.noPreKeys(h.device.user.pn.User) {
		b.OneTime = &h.signal.NewPreKeys(1)[0]
	}
	return b
}

func (h *handset) reinstall() {
	h.signal.Reinstall()
	h.mu.Lock()
	h.excused = true
	h.mu.Unlock()
}

// received is a message as a simulated device finds it in its envelope.
type received struct {
	node   *wire.Node
	id     string
	chat   types.JID // group, status@broadcast or the sender
	sender types.JID // LID of the sending device
}

func (h *handset) open(n *wire.Node) received {
	r := received{node: n, id: textAttr(n, "id")}
	r.chat, _ = jidAttr(n, "from")
	r.sender = r.chat
	if p, ok := jidAttr(n, "participant"); ok {
		r.sender = p
	}
	return r
}

// receive reads a message: what is said goes to the inbox. The function it
// returns confirms that, asks again for what could not be read, and answers
// what a companion asked its phone.
func (h *handset) receive(n wire.Node) func() {
	r := h.open(&n)
	u := h.device.user
	said := false
	var asked []*waE2E.Message
	if h.device.sim.faults.unreadable(h) {
		return func() { h.complain(r, errUnreadable) }
	}
	var failure error
	for _, c := range n.GetChildren() {
		if c.Tag != "enc" {
			continue
		}
		plain, err := h.decrypt(r, &c)
		if err != nil {
			failure = errors.Join(failure, err)
			continue
		}
		message := &waE2E.Message{}
		if err := proto.Unmarshal(plain, message); err != nil {
			h.device.sim.violations.add(Malformed, r.sender, "message "+r.id+" is no protobuf: "+err.Error())
			continue
		}
		h.learnSenderKey(r, message)
		h.remember(r.id, message)
		if h.device.id == 0 && textAttr(r.node, "category") == "peer" {
			asked = append(asked, message)
		} else if u.hear(h, r, message) {
			said = true
			h.device.sim.arrived(r.id)
		}
	}
	if asked != nil {
		return func() {
			from := u.sim.findDevice(r.sender)
			for _, m := range asked {
				u.answerPeer(from, r.id, m)
			}
		}
	}
	if failure != nil && !said {
		return func() { h.complain(r, failure) }
	}
	return func() { h.confirm(r) }
}

func (h *handset) decrypt(r received, enc *wire.Node) ([]byte, error) {
	kind := textAttr(enc, "type")
	data := payload(*enc)
	from := r.sender.SignalAddress()
	if kind == "skmsg" {
		return h.signal.DecryptGroup(r.chat.String(), from, data)
	}
	return h.signal.Decrypt(from, kind, data)
}

func (h *handset) learnSenderKey(r received, m *waE2E.Message) {
	skdm := m.GetSenderKeyDistributionMessage()
	if skdm == nil {
		return
	}
	if err := h.signal.ProcessSenderKey(skdm.GetGroupID(), r.sender.SignalAddress(), skdm.GetAxolotlSenderKeyDistributionMessage()); err != nil {
		h.device.sim.violations.add(Malformed, r.sender, "sender key for "+skdm.GetGroupID()+": "+err.Error())
	}
}

// complain asks for a message again, with fresh keys from the second time on.
func (h *handset) complain(r received, failure error) {
	s := h.device.sim
	h.mu.Lock()
	h.retries[r.id]++
	count := h.retries[r.id]
	excused := h.excused
	h.mu.Unlock()
	excused = excused || errors.Is(failure, errUnreadable)
	if !excused && !h.unheardOf(r, failure) && !errors.Is(failure, signal.ErrDuplicate) {
		s.violations.add(Undecryptable, r.sender, "message "+r.id+" for "+h.device.pn().String()+": "+failure.Error())
	}
	author := s.findDevice(r.sender)
	if author == nil || count > maxRetries || errors.Is(failure, signal.ErrDuplicate) {
		return
	}
	author.outgoing.noteRetry(r.id, h.device)
	author.deliverReceipt(h.retryReceipt(r, count))
}

func (h *handset) retryReceipt(r received, count int) wire.Node {
	children := []wire.Node{
		{Tag: "retry", Attrs: wire.Attrs{"count": count, "id": r.id, "t": r.node.Attrs["t"], "v": "1"}},
		{Tag: "registration", Content: fourBytes(h.signal.RegistrationID())},
	}
	if count > 1 {
		b := h.bundle()
		keys := []wire.Node{{Tag: "type", Content: []byte{5}}, {Tag: "identity", Content: b.Identity[:]}}
		if b.OneTime != nil {
			keys = append(keys, preKeyNode("key", *b.OneTime))
		}
		children = append(children, wire.Node{Tag: "keys", Content: append(keys, preKeyNode("skey", b.Signed))})
	}
	attrs := h.receiptAttrs(r, "retry")
	return wire.Node{Tag: "receipt", Attrs: attrs, Content: children}
}

// receiptAttrs addresses a receipt of this device to the author of a message.
func (h *handset) receiptAttrs(r received, kind string) wire.Attrs {
	attrs := wire.Attrs{"id": r.id, "t": now(), "from": h.device.lid()}
	if kind != "" {
		attrs["type"] = kind
	}
	if r.chat.Server == types.GroupServer || r.chat.Server == types.BroadcastServer {
		attrs["from"], attrs["participant"] = r.chat, h.device.lid()
	}
	if recipient, ok := r.node.Attrs["recipient"]; ok {
		attrs["recipient"] = recipient
	}
	return attrs
}

// confirm tells the author's companions that the message has arrived, and that
// it was read when contacts read everything.
func (h *handset) confirm(r received) {
	knobs := h.device.sim.Knobs()
	u := h.device.user
	author := h.device.sim.findUser(r.sender)
	if author == nil || author == u || !knobs.DeliveryReceipts || textAttr(r.node, "category") == "peer" {
		return
	}
	h.receipt(r, author, "")
	if knobs.ReadReceipts && h.device.id == 0 {
		h.receipt(r, author, "read")
	}
}

func (h *handset) receipt(r received, author *User, kind string) {
	if kind == "read" && private(r.chat) && hidesReads(h.device.user, author) {
		return
	}
	n := wire.Node{Tag: "receipt", Attrs: h.receiptAttrs(r, kind)}
	for _, d := range author.companions() {
		n.Attrs = maps.Clone(n.Attrs)
		d.deliverReceipt(n)
	}
}

// remember keeps what a message said. A sender key alone says nothing.
func (h *handset) remember(id string, m *waE2E.Message) {
	said := essence(m)
	if said == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.lastRead[id]; !ok {
		h.readRing = append(h.readRing, id)
		if len(h.readRing) > 1024 {
			delete(h.lastRead, h.readRing[0])
			h.readRing = slices.Delete(h.readRing, 0, 1)
		}
	}
	h.lastRead[id] = said
}

// compare reads a message that came again under the same id and says whether
// it says the same.
func (h *handset) compare(n wire.Node) (same, readable bool) {
	r := h.open(&n)
	h.mu.Lock()
	before := h.lastRead[r.id]
	h.mu.Unlock()
	for _, c := range n.GetChildren() {
		if c.Tag != "enc" {
			continue
		}
		plain, err := h.decrypt(r, &c)
		if err != nil {
			continue
		}
		message := &waE2E.Message{}
		if proto.Unmarshal(plain, message) != nil {
			return false, true
		}
		h.learnSenderKey(r, message)
		if said := essence(message); said != nil && before != nil {
			return proto.Equal(said, before), true
		}
	}
	return false, false
}

// essence is what a message says without what a sender may make anew each
// time it encrypts it. It is nil for a message that only carries a sender key.
func essence(m *waE2E.Message) *waE2E.Message {
	said := proto.Clone(m).(*waE2E.Message)
	said.SenderKeyDistributionMessage = nil
	said.MessageContextInfo = nil
	if inner := said.GetDeviceSentMessage().GetMessage(); inner != nil {
		inner.MessageContextInfo = nil
	}
	if proto.Size(said) == 0 {
		return nil
	}
	return said
}
