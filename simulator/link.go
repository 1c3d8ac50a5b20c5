package simulator

import (
	"fmt"
	"strconv"
	"strings"

	"roost/simulator/wire"
)

// ContactLink is the code in the person's contact link, what follows
// https://wa.me/qr/.
func (u *User) ContactLink() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	number, _ := strconv.ParseUint(u.pn.User, 10, 64) // it was checked when the account was made
	return strings.ToUpper(fmt.Sprintf("%sQ%d", strconv.FormatUint(number, 32), u.profile.qr))
}

// findLink returns whose contact link a code is, nil when it is nobody's or
// was revoked. Digits of base 32 end at V, so the Q of the separator is the
// last one.
func (s *Simulator) findLink(code string) *User {
	i := strings.LastIndexByte(code, 'Q')
	if i < 0 {
		return nil
	}
	number, err := strconv.ParseUint(strings.ToLower(code[:i]), 32, 64)
	if err != nil {
		return nil
	}
	u := s.Lookup(itoa(number))
	if u == nil || u.ContactLink() != code {
		return nil
	}
	return u
}

// contactLink gives a client its account's contact link, a new one when it
// revokes the old.
func (st *stream) contactLink(n *wire.Node) {
	request := child(n, "qr")
	u := st.device.Load().user
	switch textAttr(&request, "action") {
	case "get":
	case "revoke":
		u.mu.Lock()
		u.profile.qr++
		u.mu.Unlock()
	default:
		st.refuse(n, 400, "bad-request")
		return
	}
	st.result(n, wire.Node{Tag: "qr", Attrs: wire.Attrs{"code": u.ContactLink(), "type": "contact"}})
}

// resolveLink says whose contact link or business message link a code is:
// both are asked for in the same words.
func (st *stream) resolveLink(n *wire.Node) {
	request := child(n, "qr")
	u := st.sim.findLink(textAttr(&request, "code"))
	if u == nil {
		st.refuse(n, 404, "item-not-found")
		return
	}
	answer := wire.Node{Tag: "qr", Attrs: wire.Attrs{"jid": u.pn, "type": "contact", "notify": u.Name()}}
	if b := u.businessProfile(); b != nil {
		answer.Content = []wire.Node{{Tag: "business", Attrs: wire.Attrs{
			"is_signed": "true", "verified_name": b.Name, "verified_level": "unknown",
		}}}
	}
	st.result(n, answer)
}
