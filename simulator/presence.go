package simulator

import (
	"maps"
	"slices"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// presence is whether an account is there, and who follows it. Guarded by
// User.mu. An account is there while its phone or one of its companions is.
type presence struct {
	phone     bool                // the phone is in use
	clients   map[*device]*stream // the connections that are available
	lastSeen  time.Time           // when the account was there last
	followers map[*device]*follower
	follows   map[*User]struct{} // whom the account's companions follow

	// telling keeps what followers are told in the order in which it became
	// true. It is taken before any User.mu.
	telling sync.Mutex
}

// follower is a connection that has subscribed to somebody's presence. It
// ends with the connection.
type follower struct {
	stream *stream
	asked  types.JID // the address it knows the account by
	told   string    // what it was told last, guarded by presence.telling
}

// SetPresence makes the person's phone open the app (available) or leave it.
// LastSeen is when the person was there last; the zero time means now. Whoever
// follows the person is told, unless the person hides it.
func (u *User) SetPresence(available bool, lastSeen time.Time) {
	if lastSeen.IsZero() {
		lastSeen = time.Now()
	}
	u.mu.Lock()
	u.profile.presence.phone = available
	u.profile.presence.lastSeen = lastSeen
	u.mu.Unlock()
	u.tellPresence()
}

// Available reports whether the account is there: on its phone or on a
// companion.
func (u *User) Available() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.profile.presence.phone || len(u.profile.presence.clients) > 0
}

// receivePresence takes what a client says of itself, and whom it follows. A
// client may say its name, or nothing at all, before it is linked.
func (st *stream) receivePresence(n *wire.Node) {
	d := st.device.Load()
	if d == nil {
		return
	}
	if name := textAttr(n, "name"); name != "" {
		d.user.rename(name)
	}
	switch textAttr(n, "type") {
	case "available":
		st.setAvailable(d, true)
	case "unavailable":
		st.setAvailable(d, false)
	case "subscribe":
		to, ok := jidAttr(n, "to")
		if !ok {
			st.violate(Malformed, "presence subscription without to")
			return
		}
		if target := st.sim.findUser(to); target != nil {
			target.addFollower(d, st, to.ToNonAD())
		}
	case "unsubscribe":
		if to, ok := jidAttr(n, "to"); ok {
			if target := st.sim.findUser(to); target != nil {
				target.removeFollower(d, st)
			}
		}
	}
}

func (u *User) rename(name string) {
	u.mu.Lock()
	u.name = name
	u.mu.Unlock()
}

func (st *stream) setAvailable(d *device, available bool) {
	before := st.available.Swap(available)
	u := d.user
	u.mu.Lock()
	p := &u.profile.presence
	if p.clients == nil {
		p.clients = map[*device]*stream{}
	}
	if available {
		p.clients[d] = st
	} else if before {
		delete(p.clients, d)
		p.lastSeen = time.Now()
	}
	u.mu.Unlock()
	u.tellPresence()
	if available && !before {
		u.catchUp(d, st)
	}
}

func (u *User) addFollower(d *device, st *stream, asked types.JID) {
	f := &follower{stream: st, asked: asked}
	u.mu.Lock()
	p := &u.profile.presence
	if p.followers == nil {
		p.followers = map[*device]*follower{}
	}
	p.followers[d] = f
	u.mu.Unlock()
	d.user.mu.Lock()
	if d.user.profile.presence.follows == nil {
		d.user.profile.presence.follows = map[*User]struct{}{}
	}
	d.user.profile.presence.follows[u] = struct{}{}
	d.user.mu.Unlock()
	u.showPresence(d, f)
}

// removeFollower ends a subscription, unless a later connection of the device
// has made one of its own.
func (u *User) removeFollower(d *device, st *stream) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f, ok := u.profile.presence.followers[d]; ok && f.stream == st {
		delete(u.profile.presence.followers, d)
	}
}

// tellPresence tells followers whether the account is there, if that has
// changed, or whether they may know.
func (u *User) tellPresence() {
	u.mu.Lock()
	followers := maps.Clone(u.profile.presence.followers)
	u.mu.Unlock()
	for d, f := range followers {
		u.showPresence(d, f)
	}
}

// showPresence tells one follower, who must be available itself to hear of it
// (whatsmeow's SubscribePresence says so of the service).
func (u *User) showPresence(d *device, f *follower) {
	if f.stream != d.online() || !f.stream.available.Load() {
		return
	}
	u.profile.presence.telling.Lock()
	defer u.profile.presence.telling.Unlock()
	n := u.presenceNode(d.user, f.asked)
	if said := n.String(); said != f.told {
		f.told = said
		f.stream.push(n)
	}
}

// catchUp tells a client that has become available how those are whom it
// follows.
func (u *User) catchUp(d *device, st *stream) {
	for _, target := range u.following() {
		target.mu.Lock()
		f, ok := target.profile.presence.followers[d]
		target.mu.Unlock()
		if ok && f.stream == st {
			target.showPresence(d, f)
		}
	}
}

func (u *User) following() []*User {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Collect(maps.Keys(u.profile.presence.follows))
}

// presenceNode is the account's presence as viewer may see it. "deny" is what
// the service says instead of a time that is hidden (whatsmeow's
// handlePresence).
func (u *User) presenceNode(viewer *User, asked types.JID) wire.Node {
	n := wire.Node{Tag: "presence", Attrs: wire.Attrs{"from": asked}}
	online, seen := u.showsPresence(viewer)
	if online && u.Available() {
		return n
	}
	n.Attrs["type"], n.Attrs["last"] = "unavailable", "deny"
	if seen {
		u.mu.Lock()
		last := u.profile.presence.lastSeen
		u.mu.Unlock()
		if last.IsZero() {
			last = u.sim.began
		}
		n.Attrs["last"] = unixOr0(last)
	}
	return n
}

// showsPresence says what viewer may know: whether the account is there, and
// when it was. Whoever hides their own last seen does not learn others'.
func (u *User) showsPresence(viewer *User) (online, lastSeen bool) {
	if viewer != u && (u.blocks(viewer) || viewer.blocks(u)) {
		return false, false
	}
	lastSeen = u.shows(privacyLastSeen, viewer)
	online = u.privacy(privacyOnline) == "all" || lastSeen
	return online, lastSeen && viewer.privacy(privacyLastSeen) != "none"
}

// noteOnline is called when a companion has become active. It is not available
// before it says so.
func (u *User) noteOnline(*device) {}

// noteOffline is called when a connection of a companion has ended: the
// account may be gone with it, and what it followed is forgotten.
func (u *User) noteOffline(d *device) {
	current := d.online()
	u.mu.Lock()
	if st, ok := u.profile.presence.clients[d]; ok && st != current {
		delete(u.profile.presence.clients, d)
		u.profile.presence.lastSeen = time.Now()
	}
	u.mu.Unlock()
	for _, target := range u.following() {
		target.mu.Lock()
		if f, ok := target.profile.presence.followers[d]; ok && f.stream != current {
			delete(target.profile.presence.followers, d)
		}
		target.mu.Unlock()
	}
	u.tellPresence()
}
