package simulator

import (
	"encoding/binary"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/signal"
	"roost/simulator/wire"
)

// lowPreKeys is the number of one-time prekeys below which a client is asked
// for more (whatsmeow's MinPreKeyCount).
const lowPreKeys = 5

func (st *stream) countPreKeys(n *wire.Node) {
	d := st.device.Load()
	d.mu.Lock()
	count := len(d.oneTime.ids)
	d.mu.Unlock()
	st.result(n, wire.Node{Tag: "count", Attrs: wire.Attrs{"value": count}})
}

func (st *stream) uploadPreKeys(n *wire.Node) {
	d := st.device.Load()
	identity := [32]byte(pad32(payload(child(n, "identity"))))
	signedNode := child(n, "skey")
	signed := readPreKey(&signedNode)
	st.checkSignedPreKey(identity, signed)
	list := child(n, "list")
	d.mu.Lock()
	known := d.identity
	d.identity, d.signed = identity, signed
	d.registration = bigEndian(payload(child(n, "registration")))
	keys := list.GetChildren()
	d.oneTime.grow(len(keys))
	for _, k := range keys {
		d.oneTime.add(readPreKey(&k))
	}
	d.warned = false
	d.mu.Unlock()
	if known != identity {
		st.violate(BadSignature, "prekeys uploaded for another identity than the one linked")
	}
	st.result(n)
}

func (st *stream) rotateSignedPreKey(n *wire.Node) {
	d := st.device.Load()
	node := child(n, "rotate", "skey")
	signed := readPreKey(&node)
	d.mu.Lock()
	identity := d.identity
	d.signed = signed
	d.mu.Unlock()
	st.checkSignedPreKey(identity, signed)
	st.result(n)
}

// digestPreKeys tells a client what the server has of it. The hash is SHA-1
// over identity, signed prekey, its signature and the prekeys, as far as known;
// clients only look whether there is a digest.
func (st *stream) digestPreKeys(n *wire.Node) {
	d := st.device.Load()
	d.mu.Lock()
	signed, identity, registration := d.signed, d.identity, d.registration
	ids := make([]wire.Node, 0, len(d.oneTime.ids))
	hash := newKeyDigest(identity, signed)
	for i, id := range d.oneTime.ids {
		ids = append(ids, wire.Node{Tag: "id", Content: threeBytes(id)})
		hash.Write(d.oneTime.keys[i][:])
	}
	d.mu.Unlock()
	st.result(n, wire.Node{Tag: "digest", Content: []wire.Node{
		{Tag: "registration", Content: fourBytes(registration)},
		{Tag: "type", Content: []byte{ecc.DjbType}},
		{Tag: "identity", Content: identity[:]},
		preKeyNode("skey", signed),
		{Tag: "list", Content: ids},
		{Tag: "hash", Content: hash.Sum(nil)},
	}})
}

// fetchPreKeys hands out bundles, each with a one-time prekey that nobody else
// gets.
func (st *stream) fetchPreKeys(n *wire.Node) {
	if code, ok := st.sim.faults.refuseKeys(st); ok {
		st.refuse(n, code, "service-unavailable")
		return
	}
	request := child(n, "key")
	var out []wire.Node
	for _, user := range request.GetChildren() {
		jid, ok := jidAttr(&user, "jid")
		if !ok {
			st.violate(Malformed, "prekey request without jid")
			continue
		}
		out = append(out, st.sim.bundleNode(jid))
	}
	st.result(n, wire.Node{Tag: "list", Content: out})
}

func (s *Simulator) bundleNode(jid types.JID) wire.Node {
	d := s.findDevice(jid)
	if d == nil {
		return wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid}, Content: []wire.Node{
			{Tag: "error", Attrs: wire.Attrs{"code": 404, "text": "item-not-found"}},
		}}
	}
	b := d.takeBundle()
	children := []wire.Node{
		{Tag: "registration", Content: fourBytes(b.RegistrationID)},
		{Tag: "type", Content: []byte{ecc.DjbType}},
		{Tag: "identity", Content: b.Identity[:]},
	}
	if b.OneTime != nil {
		children = append(children, preKeyNode("key", *b.OneTime))
	}
	children = append(children, preKeyNode("skey", b.Signed))
	return wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid, "t": now()}, Content: children}
}

// takeBundle hands out what somebody needs to begin a session with the device.
// It has no one-time prekey when there is none left.
func (d *device) takeBundle() signal.Bundle {
	if d.handset != nil {
		return d.handset.bundle()
	}
	d.mu.Lock()
	b := signal.Bundle{RegistrationID: d.registration, Device: uint32(d.id), Identity: d.identity, Signed: d.signed}
	if !d.sim.faults.noPreKeys(d.user.pn.User) {
		b.OneTime = d.oneTime.take()
	}
	left := len(d.oneTime.ids)
	warn := left < lowPreKeys && !d.warned
	d.warned = d.warned || warn
	d.mu.Unlock()
	if warn {
		d.warnPreKeys(left)
	}
	return b
}

// warnPreKeys asks a client for more prekeys.
func (d *device) warnPreKeys(left int) {
	d.deliver(wire.Node{
		Tag:     "notification",
		Attrs:   wire.Attrs{"from": types.ServerJID, "type": "encrypt", "id": d.sim.stanzaID(), "t": now()},
		Content: []wire.Node{{Tag: "count", Attrs: wire.Attrs{"value": left}}},
	})
}

func readPreKey(n *wire.Node) signal.PreKey {
	return signedFrom(payload(child(n, "id")), payload(child(n, "value")), payload(child(n, "signature")))
}

func preKeyNode(tag string, k signal.PreKey) wire.Node {
	children := []wire.Node{{Tag: "id", Content: threeBytes(k.ID)}, {Tag: "value", Content: k.Public[:]}}
	if k.Signature != nil {
		children = append(children, wire.Node{Tag: "signature", Content: k.Signature[:]})
	}
	return wire.Node{Tag: tag, Content: children}
}

func fourBytes(n uint32) []byte  { return binary.BigEndian.AppendUint32(nil, n) }
func threeBytes(n uint32) []byte { return fourBytes(n)[1:] }
