package simulator

import (
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// SetAbout makes the person's phone change the text below the name. Who may
// see it is notified.
func (u *User) SetAbout(text string) {
	u.mu.Lock()
	u.profile.about = about{text: text, set: time.Now()}
	u.mu.Unlock()
	u.tellOthers(privacyAbout, func() wire.Node {
		return u.notification("status", u.lid, wire.Node{Tag: "set", Content: []byte(text)})
	})
}

// About is the text below the name.
func (u *User) About() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.profile.about.text
}

func (u *User) aboutNode(asker *User) wire.Node {
	if !u.shows(privacyAbout, asker) {
		return wire.Node{Tag: "status", Attrs: wire.Attrs{"code": 401, "type": "fail"}}
	}
	u.mu.Lock()
	a := u.profile.about
	u.mu.Unlock()
	n := wire.Node{Tag: "status", Attrs: wire.Attrs{"t": unixOr0(a.set)}}
	if a.text != "" {
		n.Content = []byte(a.text)
	}
	return n
}

// setAbout is a client that changes its account's text.
func (st *stream) setAbout(n *wire.Node) {
	text := payload(child(n, "status"))
	st.result(n)
	st.device.Load().user.SetAbout(string(text))
}

// statusAudience is who gets the account's status updates. The zero value is
// all contacts.
type statusAudience struct {
	kind types.StatusPrivacyType
	list []types.JID
}

// SetStatusAudience makes the phone choose who gets status updates: contacts,
// a whitelist or a blacklist (types.StatusPrivacyType) of others.
func (u *User) SetStatusAudience(kind types.StatusPrivacyType, others ...*User) {
	list := make([]types.JID, len(others))
	for i, other := range others {
		list[i] = other.pn
	}
	u.mu.Lock()
	u.profile.audience = statusAudience{kind: kind, list: list}
	u.mu.Unlock()
}

func (st *stream) getStatusPrivacy(n *wire.Node) {
	u := st.device.Load().user
	u.mu.Lock()
	kind, people := u.profile.audience.kind, slices.Clone(u.profile.audience.list)
	u.mu.Unlock()
	if kind == "" {
		kind = types.StatusPrivacyTypeContacts
	}
	list := wire.Node{Tag: "list", Attrs: wire.Attrs{"type": string(kind), "default": "true"}}
	if len(people) > 0 {
		users := make([]wire.Node, len(people))
		for i, jid := range people {
			users[i] = wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid}}
		}
		list.Content = users
	}
	st.result(n, wire.Node{Tag: "privacy", Content: []wire.Node{list}})
}
