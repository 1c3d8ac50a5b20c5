package simulator

import (
	"maps"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// callServer is the addressee of requests for a link to a call.
const callServer = "call"

// receiveCall takes what a client says about a call. It is acknowledged and
// passed on to the other side.
func (st *stream) receiveCall(n *wire.Node) {
	to, ok := jidAttr(n, "to")
	children := n.GetChildren()
	id := textAttr(n, "id")
	if id == "" || !ok || len(children) == 0 {
		st.violate(Malformed, "call without id, to or content")
		return
	}
	child := children[0]
	ack := wire.Node{Tag: "ack", Attrs: wire.Attrs{"class": "call", "id": id, "from": to, "type": child.Tag, "t": now()}}
	if to.Server == callServer {
		if child.Tag == "link_create" {
			ack.Content = []wire.Node{{Tag: "link_create", Attrs: wire.Attrs{"token": st.sim.callID(), "media": child.Attrs["media"]}}}
		}
		st.push(ack)
		return
	}
	d := st.device.Load()
	if child.Tag == "offer" {
		if !st.receiveOffer(d, to, &child) {
			ack.Attrs["error"] = "404"
		}
		st.push(ack)
		return
	}
	st.push(ack)
	c, ok := d.user.findCall(textAttr(&child, "call-id"))
	if !ok {
		return // over and forgotten; the service acknowledges it all the same
	}
	state := c.State
	for next, tag := range callTags {
		if tag == child.Tag {
			state = next
		}
	}
	if state == c.State {
		st.relayCall(d, c, to, child)
		return
	}
	st.sim.advance(d, c, state, child, st.calledDevice(to))
}

// calledDevice is the one companion that a client addresses, nil when it means
// the account.
func (st *stream) calledDevice(to types.JID) *device {
	if to.Device == 0 {
		return nil
	}
	return st.sim.findDevice(to)
}

// relayCall passes on what does not change a call: transport, relaylatency and
// the like.
func (st *stream) relayCall(from *device, c Call, to types.JID, child wire.Node) {
	for _, u := range st.sim.parties(c) {
		if u != from.user {
			u.ring(st.calledDevice(to), from, child)
		}
	}
}

// receiveOffer is a client that calls. It reports whether there is anybody to
// call.
func (st *stream) receiveOffer(d *device, to types.JID, offer *wire.Node) bool {
	chat := to
	if group, ok := jidAttr(offer, "group-jid"); ok {
		chat = group
	}
	called := st.sim.hearers(d.user, chat)
	if called == nil {
		return false
	}
	_, video := offer.GetOptionalChildByTag("video")
	c := Call{
		ID: textAttr(offer, "call-id"), From: d.user.pn.User, To: st.sim.nameChat(chat), Video: video,
		State: CallRinging, By: d.pn(), At: time.Now(),
	}
	if c.ID == "" {
		st.violate(Malformed, "call offer without call-id")
		return false
	}
	d.user.noteCall(c)
	for _, peer := range called {
		if peer.blocks(d.user) {
			continue
		}
		peer.noteCall(c)
		for _, companion := range peer.companions() {
			peer.ring(companion, d, offerFor(companion, d, offer))
		}
	}
	return true
}

// offerFor is an offer as one device gets it: with the key that is encrypted
// for it, not those of others.
func offerFor(to, from *device, offer *wire.Node) wire.Node {
	out := wire.Node{Tag: offer.Tag, Attrs: maps.Clone(offer.Attrs)}
	out.Attrs["call-creator"], out.Attrs["caller_pn"] = from.lid(), from.user.pn
	var children []wire.Node
	for _, c := range offer.GetChildren() {
		if c.Tag != "destination" {
			children = append(children, c)
			continue
		}
		for _, target := range c.GetChildrenByTag("to") {
			if jid, ok := jidAttr(&target, "jid"); ok && to.sim.findDevice(jid) == to {
				children = append(children, target.GetChildren()...)
			}
		}
	}
	out.Content = children
	return out
}
