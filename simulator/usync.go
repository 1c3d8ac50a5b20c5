package simulator

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// usync answers what clients ask about other users: whether a number exists,
// its LID, its devices, its about text and picture.
func (st *stream) usync(n *wire.Node) {
	request := child(n, "usync")
	query := child(&request, "query")
	list := child(&request, "list")
	fields := map[string]bool{}
	for _, field := range query.GetChildren() {
		fields[field.Tag] = true
	}
	contact := child(&query, "contact")
	byLID := textAttr(&contact, "addressing_mode") == "lid"
	var users []wire.Node
	for _, asked := range list.GetChildren() {
		users = append(users, st.usyncUser(&asked, fields, byLID))
	}
	st.result(n, wire.Node{
		Tag: "usync",
		Attrs: wire.Attrs{
			"sid": request.Attrs["sid"], "index": "0", "last": "true",
			"mode": request.Attrs["mode"], "context": request.Attrs["context"],
		},
		Content: []wire.Node{{Tag: "result"}, {Tag: "list", Content: users}},
	})
}

// usyncUser answers for one user. Who is found by phone number is named by
// LID if the client has asked for it (whatsmeow does, Baileys not).
func (st *stream) usyncUser(asked *wire.Node, fields map[string]bool, byLID bool) wire.Node {
	jid, ok := jidAttr(asked, "jid")
	var number []byte
	if contact, has := asked.GetOptionalChildByTag("contact"); has && !ok {
		number = payload(contact)
		digits := strings.TrimSuffix(strings.TrimPrefix(string(number), "+"), "@"+types.LegacyUserServer)
		jid = types.NewJID(digits, types.DefaultUserServer)
	}
	u := st.sim.findUser(jid)
	if u != nil && number != nil && u.pn.User != jid.User {
		u = nil // a LID is no phone number
	}
	answer := wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid}}
	var children []wire.Node
	if fields["contact"] {
		contact := wire.Node{Tag: "contact", Attrs: wire.Attrs{"type": "out"}}
		if number != nil {
			contact.Content = number
		}
		if u != nil {
			contact.Attrs["type"] = "in"
			answer.Attrs["pn_jid"] = u.pn
			if byLID {
				answer.Attrs["jid"] = u.lid
			}
		}
		children = append(children, contact)
	}
	if u != nil {
		children = append(children, st.usyncFacts(u, jid, fields)...)
	}
	answer.Content = children
	return answer
}

func (st *stream) usyncFacts(u *User, asked types.JID, fields map[string]bool) []wire.Node {
	var out []wire.Node
	// A client that asks by LID takes a LID in the answer for a wrong mapping.
	if fields["lid"] && asked.Server != types.HiddenUserServer {
		out = append(out, wire.Node{Tag: "lid", Attrs: wire.Attrs{"val": u.lid}})
	}
	if fields["devices"] {
		u.watch(st.device.Load())
		var devices []wire.Node
		for _, d := range u.listDevices() {
			attrs := wire.Attrs{"id": int(d.id)}
			if d.id > 0 {
				attrs["key-index"] = int(d.id)
			}
			devices = append(devices, wire.Node{Tag: "device", Attrs: attrs})
		}
		out = append(out, wire.Node{Tag: "devices", Content: []wire.Node{{Tag: "device-list", Content: devices}}})
	}
	return append(out, u.usyncProfile(st.device.Load().user, fields)...)
}
