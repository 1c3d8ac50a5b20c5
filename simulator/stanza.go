package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// iq names a request of a client: namespace, type, and the tag of its first
// child ("" for any or none).
type iq struct{ namespace, kind, child string }

// needsLogin are the namespaces of a client that has not logged in yet: pairing
// and keepalive. Everything else before login is a violation.
var beforeLogin = map[string]bool{"md": true, "w:p": true}

// receive hands a stanza of the client to whoever knows it.
func (st *stream) receive(n *wire.Node) {
	switch n.Tag {
	case "iq":
		st.receiveIQ(n)
	case "message":
		if st.loggedIn(n) {
			st.receiveMessage(n)
		}
	case "receipt":
		if st.loggedIn(n) {
			st.receiveReceipt(n)
		}
	case "ack":
		st.receiveAck(n)
	case "presence":
		st.receivePresence(n)
	case "chatstate":
		if st.loggedIn(n) {
			st.receiveChatState(n)
		}
	case "call":
		if st.loggedIn(n) {
			st.receiveCall(n)
		}
	case "notification": // some clients acknowledge nothing else with it; nothing to do
	case "ib": // unified_session, offline_batch: nothing to answer
	default:
		st.sim.log.Warn("unknown stanza", "xml", n.String())
	}
}

func (st *stream) loggedIn(n *wire.Node) bool {
	if st.device.Load() != nil {
		return true
	}
	st.tooEarly("<" + n.Tag + ">")
	return false
}

// tooEarly is about a stanza that needs a login. A client whose login was
// refused may have sent it before it read so.
func (st *stream) tooEarly(what string) {
	if st.reg != nil {
		st.violate(NotAllowed, "%s before login", what)
	}
}

func (st *stream) receiveIQ(n *wire.Node) {
	id, _ := n.Attrs["id"].(string)
	kind, _ := n.Attrs["type"].(string)
	if kind == "result" || kind == "error" {
		if st.answered(id) {
			st.pairingAnswer(n, id)
		}
		return
	}
	if id == "" {
		st.violate(Malformed, "iq without id")
		return
	}
	namespace, _ := n.Attrs["xmlns"].(string)
	child := ""
	if children := n.GetChildren(); len(children) > 0 {
		child = children[0].Tag
	}
	if !beforeLogin[namespace] && st.device.Load() == nil {
		st.tooEarly("iq " + namespace)
		st.refuse(n, 401, "not-authorized")
		return
	}
	handle := iqHandlers[iq{namespace, kind, child}]
	if handle == nil {
		handle = iqHandlers[iq{namespace, kind, ""}]
	}
	if handle == nil {
		// The real service answers far more than this; a client must not hang
		// for 75 s on what it can do without.
		st.sim.log.Warn("unknown iq", "xml", n.String())
		st.result(n)
		return
	}
	handle(st, n)
}

// jidAttr reads an attribute that should be a JID. Clients that write it as
// text (a legacy @c.us address) are understood too.
func jidAttr(n *wire.Node, name string) (types.JID, bool) {
	switch v := n.Attrs[name].(type) {
	case types.JID:
		return v, true
	case string:
		j, err := types.ParseJID(v)
		return j, err == nil && v != ""
	default:
		return types.EmptyJID, false
	}
}

func textAttr(n *wire.Node, name string) string {
	switch v := n.Attrs[name].(type) {
	case string:
		return v
	case types.JID:
		return v.String()
	default:
		return ""
	}
}

// payload reads a node's content, which a client may send as bytes or as text
// (text that is in the token dictionary arrives as text).
func payload(n wire.Node) []byte {
	switch v := n.Content.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		return nil
	}
}

// child returns the node that a path of tags leads to, an empty one when there
// is none. (Node.GetChildByTag returns the last node on the way instead.)
func child(n *wire.Node, path ...string) wire.Node {
	found, ok := n.GetOptionalChildByTag(path...)
	if !ok {
		return wire.Node{}
	}
	return found
}
