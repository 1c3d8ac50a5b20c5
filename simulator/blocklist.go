package simulator

import (
	"slices"
	"strconv"

	"roost/simulator/wire"
)

// blocklist is whom an account does not want to hear from. The zero value is
// nobody.
type blocklist struct {
	people  []*User
	version int
}

// hash names a version of the list, as clients compare it.
func (b blocklist) hash() string { return strconv.Itoa(1_700_000_000 + b.version) }

// Block makes the person's phone block another: what that one writes, types
// and calls does not arrive, and the person's presence is hidden from them.
func (u *User) Block(other *User) { u.changeBlock(nil, other, true) }

// Unblock ends Block. What was sent meanwhile is lost.
func (u *User) Unblock(other *User) { u.changeBlock(nil, other, false) }

// Blocked lists the phone numbers that are blocked, in the order of blocking.
func (u *User) Blocked() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []string
	for _, other := range u.profile.blocked.people {
		out = append(out, other.pn.User)
	}
	return out
}

func (u *User) blocks(other *User) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Contains(u.profile.blocked.people, other)
}

func (u *User) changeBlock(by *device, other *User, block bool) {
	u.mu.Lock()
	b := &u.profile.blocked
	if slices.Contains(b.people, other) == block {
		u.mu.Unlock()
		return
	}
	before := b.hash()
	b.version++
	if block {
		b.people = append(b.people, other)
	} else {
		b.people = slices.DeleteFunc(b.people, func(p *User) bool { return p == other })
	}
	after := b.hash()
	u.mu.Unlock()
	action := "unblock"
	if block {
		action = "block"
	}
	u.syncAccount(by, func() wire.Node {
		return wire.Node{
			Tag: "blocklist", Attrs: wire.Attrs{"dhash": after, "prev_dhash": before},
			Content: []wire.Node{{Tag: "item", Attrs: wire.Attrs{"jid": other.lid, "action": action}}},
		}
	})
	u.tellPresence()
	other.tellPresence()
}

// getBlocklist answers an iq that has no child.
func (st *stream) getBlocklist(n *wire.Node) {
	st.result(n, st.device.Load().user.blocklistNode())
}

func (st *stream) setBlocklist(n *wire.Node) {
	d := st.device.Load()
	item := child(n, "item")
	jid, ok := jidAttr(&item, "jid")
	action := textAttr(&item, "action")
	if !ok || action != "block" && action != "unblock" {
		st.refuse(n, 400, "bad-request")
		return
	}
	other := st.sim.findUser(jid)
	if other == nil || other == d.user {
		st.refuse(n, 404, "item-not-found")
		return
	}
	d.user.changeBlock(d, other, action == "block")
	st.result(n, d.user.blocklistNode())
}

func (u *User) blocklistNode() wire.Node {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := &u.profile.blocked
	items := make([]wire.Node, len(b.people))
	for i, other := range b.people {
		items[i] = wire.Node{Tag: "item", Attrs: wire.Attrs{"jid": other.lid}}
	}
	return wire.Node{Tag: "list", Attrs: wire.Attrs{"dhash": b.hash()}, Content: items}
}
