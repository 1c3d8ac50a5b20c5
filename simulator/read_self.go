package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// noteRead tells the other companions of a user what one of them has read, as
// far as the service does: "read" or "played" in the user's own name,
// "read-self" when nobody else may know.
func (u *User) noteRead(reader *device, id, kind string, chat types.JID) {
	if kind == "read" && u.privacy(privacyReads) == "none" {
		kind = "read-self"
	}
	for _, d := range u.companions() {
		if d == reader {
			continue
		}
		attrs := wire.Attrs{"id": id, "type": kind, "t": now(), "from": u.lid, "recipient": u.sim.canonical(chat)}
		if chat.Server == types.GroupServer || chat.Server == types.BroadcastServer {
			attrs["from"], attrs["participant"] = chat, u.lid
			delete(attrs, "recipient")
		}
		d.deliver(wire.Node{Tag: "receipt", Attrs: attrs})
	}
}
