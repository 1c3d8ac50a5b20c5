package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// receiveMessage takes a message of a client: what is encrypted for each device
// is passed on to it, and the message is acknowledged. When the client learns
// that its message was sent simulated people have read it; what they have to
// say about it comes after the acknowledgement.
func (st *stream) receiveMessage(n *wire.Node) {
	d := st.device.Load()
	id := textAttr(n, "id")
	to, ok := jidAttr(n, "to")
	if id == "" || !ok {
		st.violate(Malformed, "message without id or to")
		return
	}
	if st.replaced.Load() {
		st.violate(AfterReplaced, "message %s", id)
		return
	}
	if refusal, ok := st.sim.refusal(d, to); ok {
		st.ackMessage(n, id, to, refusal)
		return
	}
	letters := st.sim.letters(d, n, to)
	fresh, repeats := d.outgoing.admit(id, n, letters)
	if peer := st.sim.findUser(to); peer != nil && peer != d.user {
		d.user.meet(peer)
		st.checkAddressed(n, id, peer, letters)
	}
	st.checkRepeat(id, repeats)
	d.checkIdentity(st, n, fresh)
	replies := make([]func(), 0, len(fresh))
	for _, l := range fresh {
		replies = append(replies, l.to.take(l.node))
	}
	st.ackMessage(n, id, to, "")
	for _, reply := range replies {
		reply()
	}
}

// checkAddressed records a violation when a message leaves out the one it is
// for. whatsmeow does so, and reports success, when it could not fetch the
// receiver's prekeys.
func (st *stream) checkAddressed(n *wire.Node, id string, peer *User, letters []letter) {
	if _, ok := n.GetOptionalChildByTag("participants"); !ok || peer.blocks(st.device.Load().user) {
		return
	}
	for _, l := range letters {
		if l.to.user == peer {
			return
		}
	}
	st.violate(MissingReceiver, "message %s is encrypted for no device of %s", id, peer.pn)
}

// refusal is why a message is not accepted, as the error code of its ack.
func (s *Simulator) refusal(from *device, to types.JID) (string, bool) {
	if code, ok := s.faults.refuseMessage(from); ok {
		return code, true
	}
	if to.Server == types.GroupServer {
		return s.refuseGroupMessage(from, to)
	}
	if from.user.lockedOut(to) {
		return "463", true
	}
	return "", false
}

// ackMessage confirms that the server has a message, or refuses it with an
// error code such as 463 (the account may not write to new people for now).
func (st *stream) ackMessage(n *wire.Node, id string, to types.JID, refusal string) {
	attrs := wire.Attrs{"class": "message", "id": id, "from": to, "t": now()}
	if participant, ok := n.Attrs["participant"]; ok {
		attrs["participant"] = participant
	}
	if refusal != "" {
		attrs["error"] = refusal
	}
	st.confirmMessage(wire.Node{Tag: "ack", Attrs: attrs})
}

// letter is what one device gets of a message.
type letter struct {
	to   *device
	node wire.Node
}

// letters splits a message into what each device gets. The sending device is
// never among them: some clients list it.
func (s *Simulator) letters(from *device, n *wire.Node, to types.JID) []letter {
	var common []wire.Node // for everybody: the sender key message, and hints
	for _, c := range n.GetChildren() {
		switch c.Tag {
		case "participants":
		case "enc", "device-identity", "meta", "reporting", "bot", "biz":
			common = append(common, c)
		}
	}
	var out []letter
	seen := map[*device]bool{from: true}
	hears := s.hearing(to)
	direct := private(to)
	add := func(d *device, children []wire.Node) {
		if d == nil || seen[d] || !hears(d.user) || direct && d.user.blocks(from.user) {
			return
		}
		seen[d] = true
		out = append(out, letter{to: d, node: s.address(from, n, to, d, children)})
	}
	list := child(n, "participants")
	for _, p := range list.GetChildren() {
		if jid, ok := jidAttr(&p, "jid"); ok {
			add(s.findDevice(jid), append(append([]wire.Node(nil), p.GetChildren()...), common...))
		}
	}
	if _, has := n.GetOptionalChildByTag("enc"); !has {
		return out
	}
	if asker, ok := jidAttr(n, "participant"); ok { // a group message again for one who could not read it
		add(s.findDevice(asker), common)
		return out
	}
	switch to.Server {
	case types.GroupServer:
		for _, member := range s.members(to) {
			for _, d := range member.listDevices() {
				add(d, common)
			}
		}
	case types.BroadcastServer: // only those listed
	default:
		add(s.findDevice(to), common)
	}
	return out
}

// address writes the envelope of a message as its receiver sees it: people are
// LIDs, with the phone number beside.
func (s *Simulator) address(from *device, n *wire.Node, to types.JID, receiver *device, children []wire.Node) wire.Node {
	attrs := wire.Attrs{"id": n.Attrs["id"], "type": n.Attrs["type"], "t": now(), "notify": from.user.Name()}
	for _, name := range []string{"edit", "category", "push_priority"} {
		if v, ok := n.Attrs[name]; ok {
			attrs[name] = v
		}
	}
	switch {
	case to.Server == types.GroupServer || to.Server == types.BroadcastServer:
		attrs["from"] = to
		attrs["participant"], attrs["participant_pn"] = from.lid(), from.pn()
		attrs["addressing_mode"] = "lid"
	case receiver.user == from.user:
		attrs["from"] = from.lid()
		attrs["sender_pn"] = from.pn()
		if chat := s.findUser(to); chat != nil && chat != from.user {
			attrs["recipient"], attrs["peer_recipient_pn"] = chat.lid, chat.pn
		} else if recipient, ok := jidAttr(n, "recipient"); ok { // sent again to an own device
			attrs["recipient"] = recipient
			if chat := s.findUser(recipient); chat != nil {
				attrs["recipient"], attrs["peer_recipient_pn"] = chat.lid, chat.pn
			}
		}
	default:
		attrs["from"], attrs["sender_pn"] = from.lid(), from.pn()
	}
	return wire.Node{Tag: "message", Attrs: attrs, Content: children}
}

// take hands a message to a device: simulated ones read it now, companions get
// it when they are there. What a simulated device answers waits for reply.
func (d *device) take(n wire.Node) (reply func()) {
	if d.handset != nil {
		return d.handset.receive(n)
	}
	d.deliver(n)
	return func() {}
}

// checkIdentity records a violation when a companion starts sessions without
// proving whose companion it is.
func (d *device) checkIdentity(st *stream, n *wire.Node, letters []letter) {
	if _, ok := n.GetOptionalChildByTag("device-identity"); ok {
		return
	}
	for _, l := range letters {
		children, _ := l.node.Content.([]wire.Node)
		for _, c := range children {
			if c.Tag == "enc" && c.Attrs["type"] == "pkmsg" {
				st.violate(Malformed, "message %v has a pkmsg and no device-identity", n.Attrs["id"])
				return
			}
		}
	}
}

// checkRepeat looks into what came again under an id that its receivers have
// already. A client that crashed may encrypt the same text again: phones that
// can read both say whether it is the same.
func (st *stream) checkRepeat(id string, repeats []letter) {
	for _, l := range repeats {
		if l.to.handset == nil {
			continue
		}
		if same, readable := l.to.handset.compare(l.node); readable && !same {
			st.violate(ChangedBody, "message %s came again with another content for %s", id, l.to.pn())
			return
		}
	}
}
