package simulator

import (
	"maps"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// watch notes that a device has asked for the account's device list, and so
// wants to hear of changes: clients cache it.
func (u *User) watch(by *device) {
	u.mu.Lock()
	u.watchers[by] = struct{}{}
	u.mu.Unlock()
}

// tellWatchers delivers a notification to everybody else who knows the
// account's devices.
func (u *User) tellWatchers(compose func() wire.Node) {
	u.mu.Lock()
	watchers := slices.Collect(maps.Keys(u.watchers))
	u.mu.Unlock()
	for _, d := range watchers {
		if d.user != u {
			d.deliver(compose())
		}
	}
}

// announceDevice tells who should know that a device has come ("add") or gone
// ("remove"). Clients keep one list per address, hence a notification for the
// phone number and one for the LID. The account's own companions get the whole
// list as well: Baileys looks at the first, whatsmeow at both, in this order
// without finding a contradiction.
func (u *User) announceDevice(what string, changed *device) {
	others := u.companions()
	others = slices.DeleteFunc(others, func(d *device) bool { return d == changed })
	for _, account := range []types.JID{u.pn, u.lid} {
		hash := deviceListHash(u.deviceJIDs(account))
		compose := func() wire.Node {
			jid := withDevice(account, changed.id)
			return wire.Node{
				Tag:   "notification",
				Attrs: wire.Attrs{"from": account, "type": "devices", "id": u.sim.stanzaID(), "t": now()},
				Content: []wire.Node{{Tag: what, Attrs: wire.Attrs{"device_hash": hash}, Content: []wire.Node{
					{Tag: "device", Attrs: wire.Attrs{"jid": jid, "key-index": int(changed.id)}},
				}}},
			}
		}
		u.tellWatchers(compose)
		for _, d := range others {
			d.deliver(compose())
		}
	}
	list := u.deviceJIDs(u.pn)
	for _, d := range others {
		children := make([]wire.Node, len(list))
		for i, j := range list {
			children[i] = wire.Node{Tag: "device", Attrs: wire.Attrs{"jid": j, "key-index": int(j.Device)}}
		}
		d.deliver(wire.Node{
			Tag:     "notification",
			Attrs:   wire.Attrs{"from": u.pn, "type": "account_sync", "id": u.sim.stanzaID(), "t": now()},
			Content: []wire.Node{{Tag: "devices", Attrs: wire.Attrs{"dhash": deviceListHash(list)}, Content: children}},
		})
	}
}

// announceIdentity tells who knows the account that its identity has changed.
func (u *User) announceIdentity() {
	u.tellWatchers(func() wire.Node {
		return wire.Node{
			Tag:     "notification",
			Attrs:   wire.Attrs{"from": u.lid, "type": "encrypt", "id": u.sim.stanzaID(), "t": now()},
			Content: []wire.Node{{Tag: "identity"}},
		}
	})
}

// deviceJIDs lists the account's devices under its phone number or its LID.
func (u *User) deviceJIDs(account types.JID) []types.JID {
	devices := u.listDevices()
	out := make([]types.JID, len(devices))
	for i, d := range devices {
		out[i] = withDevice(account, d.id)
	}
	return out
}
