package simulator

import (
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// profile is what others can learn of an account and what it wants them to.
// Guarded by User.mu.
type profile struct {
	picture  picture
	about    about
	business *Business
	username string
	timer    defaultTimer
	privacy  map[string]string // what differs from the defaults
	audience statusAudience
	blocked  blocklist
	presence presence
	chats    map[*User]struct{} // who there is a chat with
	tokens   map[*User]int64    // who has this account's privacy token, from which bucket
	typing   journal[ChatState]
	calls    journal[Call]
	qr       int       // how often the contact link was revoked
	locked   time.Time // until when it may not write to strangers
}

// defaultTimer is after how long messages of new chats disappear.
type defaultTimer struct {
	seconds int
	set     time.Time
}

// about is the text below a person's name.
type about struct {
	text string
	set  time.Time
}

// meet notes that two people have a chat.
func (u *User) meet(peer *User) {
	u.noteChat(peer)
	peer.noteChat(u)
}

func (u *User) noteChat(peer *User) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.profile.chats == nil {
		u.profile.chats = map[*User]struct{}{}
	}
	u.profile.chats[peer] = struct{}{}
}

func (u *User) hasChat(peer *User) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.profile.chats[peer]
	return ok
}

// usyncProfile answers what asker wants to know about the account, as far as
// the account shows it to them.
func (u *User) usyncProfile(asker *User, fields map[string]bool) []wire.Node {
	var out []wire.Node
	if fields["business"] {
		if n, ok := u.businessNode(); ok {
			out = append(out, n)
		}
	}
	if fields["status"] {
		out = append(out, u.aboutNode(asker))
	}
	if fields["picture"] && u.shows(privacyProfile, asker) {
		u.mu.Lock()
		id := u.profile.picture.id
		u.mu.Unlock()
		if id != "" {
			out = append(out, wire.Node{Tag: "picture", Attrs: wire.Attrs{"id": id}})
		}
	}
	u.mu.Lock()
	timer, username := u.profile.timer, u.profile.username
	u.mu.Unlock()
	if fields["disappearing_mode"] {
		out = append(out, timer.node())
	}
	if fields["username"] && username != "" {
		out = append(out, wire.Node{Tag: "username", Content: []byte(username)})
	}
	return out
}

func (t defaultTimer) node() wire.Node {
	return wire.Node{Tag: "disappearing_mode", Attrs: wire.Attrs{"duration": strconv.Itoa(t.seconds), "t": unixOr0(t.set)}}
}

func unixOr0(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// SetUsername gives the account a user name; "" takes it away.
func (u *User) SetUsername(name string) {
	u.mu.Lock()
	u.profile.username = name
	u.mu.Unlock()
}

// setDisappearing keeps the default timer of new chats that a client has
// chosen, and tells the account's other companions.
func (st *stream) setDisappearing(n *wire.Node) {
	request := child(n, "disappearing_mode")
	seconds, err := strconv.Atoi(textAttr(&request, "duration"))
	if err != nil || seconds < 0 {
		st.refuse(n, 400, "bad-request")
		return
	}
	d := st.device.Load()
	timer := defaultTimer{seconds: seconds, set: time.Now()}
	d.user.mu.Lock()
	d.user.profile.timer = timer
	d.user.mu.Unlock()
	st.result(n)
	d.user.syncAccount(d, timer.node)
}

// tellOthers delivers a notification to the companions of everybody who may
// see it. Everybody knows everybody here, as with the status.
func (u *User) tellOthers(category string, compose func() wire.Node) {
	for _, other := range u.sim.everybody() {
		if other == u || !u.shows(category, other) {
			continue
		}
		for _, d := range other.companions() {
			d.deliver(compose())
		}
	}
}

// syncAccount tells the account's companions of a change of its settings,
// except the one that made it (nil when it was the phone).
func (u *User) syncAccount(but *device, change func() wire.Node) {
	for _, d := range u.companions() {
		if d == but {
			continue
		}
		d.deliver(u.notification("account_sync", u.pn, change()))
	}
}

func (u *User) notification(kind string, from types.JID, children ...wire.Node) wire.Node {
	return wire.Node{
		Tag:     "notification",
		Attrs:   wire.Attrs{"from": from, "type": kind, "id": u.sim.stanzaID(), "t": now()},
		Content: children,
	}
}
