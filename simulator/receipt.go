package simulator

import (
	"maps"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// arrival are the types of receipts that end what is owed: they say that the
// device has the message.
var arrival = map[string]bool{"": true, "inactive": true, "sender": true, "peer_msg": true, "hist_sync": true, "delivery": true}

// receiveReceipt takes a client's word on messages it got.
func (st *stream) receiveReceipt(n *wire.Node) {
	d := st.device.Load()
	id, kind := textAttr(n, "id"), textAttr(n, "type")
	to, ok := jidAttr(n, "to")
	if id == "" || !ok {
		// whatsmeow forgets who it is when it is unlinked, and may be writing a
		// receipt at that moment.
		if !d.gone() {
			st.violate(Malformed, "receipt without id or to")
		}
		return
	}
	if st.sim.faults.holdReceipt(st, "receipt") {
		return
	}
	ids := []string{id}
	list := child(n, "list")
	for _, item := range list.GetChildren() {
		ids = append(ids, textAttr(&item, "id"))
	}
	for _, id := range ids {
		st.settleReceipt(d, id, kind, to)
	}
	st.ackReceipt(n, id, kind, to)
	switch kind {
	case "retry":
		st.relayRetry(d, n, to)
		return
	case "server-error":
		d.retryMedia(n)
		return
	}
	for _, id := range ids {
		st.relayReceipt(d, n, id, kind, to)
	}
}

// settleReceipt ends what is owed, and records a receipt for what the device
// never got. Read receipts may be about history and prove nothing.
func (st *stream) settleReceipt(d *device, id, kind string, to types.JID) {
	if !arrival[kind] && kind != "retry" && kind != "read" && kind != "played" {
		return
	}
	from := st.sim.canonical(to)
	d.feed.confirmed(id) // before it is settled: Settle must not look in between
	d.mu.Lock()
	known, ever := d.queue.sender(id, from)
	if kind != "retry" {
		d.queue.settle("message", id, from)
	}
	d.mu.Unlock()
	st.stir()
	switch {
	case !arrival[kind] && kind != "retry":
	case !ever:
		st.violate(WrongReceipt, "%q receipt for message %s, which was never sent to it", kind, id)
	case st.sim.canonical(known).User != from.User:
		st.violate(WrongReceipt, "%q receipt for message %s to %s, but it came from %s", kind, id, to, known)
	}
}

func (st *stream) ackReceipt(n *wire.Node, id, kind string, to types.JID) {
	attrs := wire.Attrs{"class": "receipt", "id": id, "from": to, "t": now()}
	if kind != "" {
		attrs["type"] = kind
	}
	if p, ok := n.Attrs["participant"]; ok {
		attrs["participant"] = p
	}
	st.push(wire.Node{Tag: "ack", Attrs: attrs})
}

// receiveAck takes the acknowledgement of anything but a good message, and the
// refusal of a message: both end what is owed.
func (st *stream) receiveAck(n *wire.Node) {
	class, id := textAttr(n, "class"), textAttr(n, "id")
	d := st.device.Load()
	if d == nil || id == "" {
		return
	}
	to, _ := jidAttr(n, "to")
	if st.sim.faults.holdReceipt(st, "ack") {
		return
	}
	from := st.sim.canonical(to)
	d.feed.confirmed(id)
	d.mu.Lock()
	d.queue.settle(class, id, from)
	d.mu.Unlock()
	st.stir()
}

// relayRetry passes a request to send again to the device that sent.
func (st *stream) relayRetry(asker *device, n *wire.Node, to types.JID) {
	author := to
	if p, ok := jidAttr(n, "participant"); ok {
		author = p
	}
	sender := st.sim.findDevice(author)
	if sender == nil {
		return
	}
	if sender.handset != nil {
		sender.user.resend(asker, n)
		return
	}
	sender.outgoing.noteRetry(textAttr(n, "id"), asker)
	sender.deliverReceipt(wire.Node{Tag: "receipt", Attrs: receiptFrom(asker, n, to, textAttr(n, "id"), "retry"), Content: n.Content})
}

// relayReceipt tells the author's devices what became of a message.
func (st *stream) relayReceipt(reader *device, n *wire.Node, id, kind string, to types.JID) {
	author := st.sim.findUser(to)
	if p, ok := jidAttr(n, "participant"); ok {
		author = st.sim.findUser(p)
	}
	switch {
	case author == nil || kind == "peer_msg" || kind == "hist_sync" || kind == "sender":
		return
	case author == reader.user:
		return
	case kind == "read-self" || kind == "read" || kind == "played":
		reader.user.noteRead(reader, id, kind, to)
		if kind == "read-self" || kind == "read" && private(to) && hidesReads(reader.user, author) {
			return
		}
	}
	author.noteReceipt(id, kind, reader)
	for _, d := range author.companions() {
		d.deliverReceipt(wire.Node{Tag: "receipt", Attrs: receiptFrom(reader, n, to, id, kind)})
	}
}

// deliverReceipt passes a receipt to a companion. Who is meant goes by the name
// the companion has used for them: Baileys looks for a message it has sent to a
// phone number under that number only, when it is asked for it again.
func (d *device) deliverReceipt(n wire.Node) {
	reader, ok := jidAttr(&n, "from")
	if ok && reader.Server == types.HiddenUserServer && d.outgoing.named(textAttr(&n, "id")) == types.DefaultUserServer {
		if by := d.sim.findDevice(reader); by != nil {
			n.Attrs = maps.Clone(n.Attrs)
			n.Attrs["from"] = by.pn()
		}
	}
	d.deliver(n)
}

// receiptFrom addresses a receipt as the author of the message sees it.
func receiptFrom(reader *device, n *wire.Node, to types.JID, id, kind string) wire.Attrs {
	attrs := wire.Attrs{"id": id, "from": reader.lid(), "t": now()}
	if kind != "" {
		attrs["type"] = kind
	}
	if to.Server == types.GroupServer || to.Server == types.BroadcastServer {
		attrs["from"], attrs["participant"] = to, reader.lid()
	}
	if recipient, ok := n.Attrs["recipient"]; ok {
		attrs["recipient"] = recipient
	}
	return attrs
}

// canonical names a user by LID, whatever name was used. Groups and the server
// stay what they are.
func (s *Simulator) canonical(j types.JID) types.JID {
	if u := s.findUser(j); u != nil {
		return u.lid
	}
	return j
}
