package simulator

import (
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/signal"
	"roost/simulator/wire"
)

// audience says, at the moment of encrypting, who gets a message and which of
// their companions still need the sender key.
type audience func() (to []*User, needsKey func(*device) bool, err error)

// refuseGroupMessage says why a message to a group is not accepted, as the
// error code of its ack. 420 is what is seen when a client writes to a group
// that takes messages of admins only (whatsmeow issue 380 reports the number
// without the cause, so this is likely and not certain); for outsiders the code
// of the corresponding iq error is taken.
func (s *Simulator) refuseGroupMessage(from *device, to types.JID) (string, bool) {
	g := s.findGroup(to)
	if g == nil {
		return "404", true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	self := g.find(from.user)
	switch {
	case self == nil:
		return "403", true
	case g.announce && !self.admin():
		return "420", true
	}
	return "", false
}

// hearing says who may get what is said in a chat now: in a group its members,
// whoever else the sender has in mind.
func (s *Simulator) hearing(chat types.JID) func(*User) bool {
	if chat.Server != types.GroupServer {
		return func(*User) bool { return true }
	}
	in := map[*User]bool{}
	for _, u := range s.members(chat) {
		in[u] = true
	}
	return func(u *User) bool { return in[u] }
}

// prepareGroup encrypts a group message once, and the sender key for every
// companion that does not have it.
func (u *User) prepareGroup(to types.JID, m *waE2E.Message, id string) (*Prepared, error) {
	g := u.sim.findGroup(to)
	if g == nil {
		return nil, fmt.Errorf("%s: %w", to, ErrNobody)
	}
	p, err := u.prepareWithSenderKey(to, m, id, func() ([]*User, func(*device) bool, error) { return g.audience(u) })
	if err != nil {
		return nil, err
	}
	p.local = func() {
		for _, other := range g.Members() {
			if other != u {
				other.hearFrom(u, to, id, m)
			}
		}
	}
	return p, nil
}

// audience is who gets a message of u. Somebody has left since u's last
// message, or u has a new identity: then u takes a new sender key, which
// everybody has to get. The caller holds the lock of u's sender keys.
func (g *Group) audience(u *User) ([]*User, func(*device) bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	self := g.find(u)
	if self == nil {
		return nil, nil, fmt.Errorf("%s is not in %s: %w", u.pn.User, g.jid, ErrNobody)
	}
	if g.announce && !self.admin() {
		return nil, nil, fmt.Errorf("%s is no admin of %s: %w", u.pn.User, g.jid, &GroupError{Code: 420, Text: "not-allowed"})
	}
	identity := u.home.signal.IdentityPublic()
	if self.epoch != g.epoch || self.identity != identity {
		u.home.signal.RotateSenderKey(g.jid.String(), u.home.device.lid().SignalAddress())
		self.epoch, self.identity, self.keys = g.epoch, identity, nil
	}
	return g.users(), self.needsKey, nil
}

// needsKey reports, once, whether a companion has yet to get the sender key.
func (m *member) needsKey(d *device) bool {
	if m.keys == nil {
		m.keys = map[*device]bool{}
	}
	if m.keys[d] {
		return false
	}
	m.keys[d] = true
	return true
}

// prepareWithSenderKey encrypts for the companions of many users at once. It
// is what groups and the status share.
func (u *User) prepareWithSenderKey(chat types.JID, m *waE2E.Message, id string, whom audience) (*Prepared, error) {
	h := u.home
	h.group.Lock()
	defer h.group.Unlock()
	to, needsKey, err := whom()
	if err != nil {
		return nil, err
	}
	self := h.device.lid().SignalAddress()
	skdm, err := h.signal.SenderKey(chat.String(), self)
	if err != nil {
		return nil, fmt.Errorf("make sender key: %w", err)
	}
	plain, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("marshal message: %w", err)
	}
	data, err := h.signal.EncryptGroup(chat.String(), self, plain)
	if err != nil {
		return nil, fmt.Errorf("encrypt for %s: %w", chat, err)
	}
	sealed := encNode("skmsg", data, m)
	key := senderKeyMessage(chat, skdm)
	p := &Prepared{id: id}
	for _, receiver := range to {
		for _, d := range receiver.companions() {
			content := []wire.Node{sealed}
			if needsKey(d) {
				enc, err := h.encrypt(d, key)
				if err != nil {
					return nil, fmt.Errorf("encrypt sender key for %s: %w", d.pn(), err)
				}
				content = []wire.Node{enc, sealed}
			}
			attrs := h.envelope(id, m, h.groupAttrs(chat))
			delete(attrs, "sender_pn")
			p.letters = append(p.letters, letter{to: d, node: wire.Node{Tag: "message", Attrs: attrs, Content: content}})
		}
	}
	return p, nil
}

// unheardOf reports whether a group message lacks the sender key for this
// device because its author need not know of it yet: the member has just
// joined, or the device was just added, and the news was still under way. The
// device asks for the message again then, as real ones do.
func (h *handset) unheardOf(r received, failure error) bool {
	if !errors.Is(failure, signal.ErrNoSenderKey) {
		return false
	}
	grace := time.Duration(h.device.sim.Knobs().AnswerSeconds) * time.Second
	since := h.since
	if g := h.device.sim.findGroup(r.chat); g != nil {
		g.mu.Lock()
		if m := g.find(h.device.user); m != nil && m.since.After(since) {
			since = m.since
		}
		g.mu.Unlock()
	}
	return !since.IsZero() && time.Since(since) < grace
}

func senderKeyMessage(chat types.JID, skdm []byte) *waE2E.Message {
	return &waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{
		GroupID: new(chat.String()), AxolotlSenderKeyDistributionMessage: skdm,
	}}
}

// withSenderKey adds the sender key to a message that is sent again to one who
// could not read it.
func (u *User) withSenderKey(chat types.JID, m *waE2E.Message) *waE2E.Message {
	u.home.group.Lock()
	defer u.home.group.Unlock()
	skdm, err := u.home.signal.SenderKey(chat.String(), u.home.device.lid().SignalAddress())
	if err != nil {
		return m
	}
	out := proto.Clone(m).(*waE2E.Message)
	out.SenderKeyDistributionMessage = senderKeyMessage(chat, skdm).SenderKeyDistributionMessage
	return out
}

// groupAttrs address a message of this device to a group or the status.
func (h *handset) groupAttrs(chat types.JID) wire.Attrs {
	return wire.Attrs{"from": chat, "participant": h.device.lid(), "participant_pn": h.device.pn(), "addressing_mode": "lid"}
}
