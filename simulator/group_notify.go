package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// tell notifies the companions of some users of a change, also those of the
// one who made it, as the service does. By is nil when the server itself has
// done it. The group's mutex is held, which keeps notifications in order.
func (g *Group) tell(to []*User, by *User, changes ...wire.Node) {
	g.notify("w:gp2", to, by, changes)
}

func (g *Group) notify(kind string, to []*User, by *User, changes []wire.Node) {
	id, t := g.sim.stanzaID(), now()
	for _, u := range to {
		for _, d := range u.companions() {
			attrs := wire.Attrs{"from": g.jid, "type": kind, "id": id, "t": t, "addressing_mode": "lid"}
			if by != nil {
				attrs["participant"], attrs["participant_pn"], attrs["notify"] = by.lid, by.pn, by.Name()
			}
			d.deliver(wire.Node{Tag: "notification", Attrs: attrs, Content: changes})
		}
	}
}

// tellCreated tells the members of a new group that it is there.
func (g *Group) tellCreated(key string) {
	for _, u := range g.users() {
		attrs := wire.Attrs{"type": "new"}
		if u == g.creator && key != "" {
			attrs["key"] = key
		}
		g.tell([]*User{u}, g.creator, wire.Node{Tag: "create", Attrs: attrs, Content: []wire.Node{g.node(whole)}})
	}
}

// tellJoined tells a group of newcomers: they get the whole group first, and
// everybody hears of them. Reason is "invite" for those who came by link or
// invitation (whatsmeow's events.JoinedGroup).
func (g *Group) tellJoined(by *User, joined []*User, reason string) {
	before := g.membersVersion
	g.membersVersion = nextVersion(before)
	add := g.membersNode("add", before, joined)
	welcome := wire.Node{Tag: "create", Attrs: wire.Attrs{}, Content: []wire.Node{g.node(whole)}}
	if reason != "" {
		add.Attrs["reason"], welcome.Attrs["reason"] = reason, reason
	}
	g.tell(joined, by, welcome)
	g.tell(g.users(), by, add)
}

// tellMembers tells everybody of a change of the list of members. Also are
// those it concerns who are not in the list any more.
func (g *Group) tellMembers(what string, by *User, concerned, also []*User) {
	before := g.membersVersion
	g.membersVersion = nextVersion(before)
	g.tell(append(g.users(), also...), by, g.membersNode(what, before, concerned))
}

// membersNode is <add>, <remove>, <promote> or <demote> with its users.
func (g *Group) membersNode(what string, before uint64, users []*User) wire.Node {
	children := make([]wire.Node, len(users))
	for i, u := range users {
		children[i] = g.participant(u)
	}
	return wire.Node{
		Tag: what, Content: children,
		Attrs: wire.Attrs{"prev_v_id": itoa(before), "v_id": itoa(g.membersVersion)},
	}
}

// participant names a user, with the role they have now.
func (g *Group) participant(u *User) wire.Node {
	attrs := wire.Attrs{"jid": u.lid, "phone_number": u.pn}
	if m := g.find(u); m != nil && m.admin() {
		attrs["type"] = m.role
	}
	return wire.Node{Tag: "participant", Attrs: attrs}
}

// resolve finds who is meant by a list of <participant jid>, by phone number or
// LID. Unknown ones stay, with a nil user.
func (s *Simulator) resolve(list []wire.Node) []outcome {
	var out []outcome
	for _, c := range list {
		if jid, ok := jidAttr(&c, "jid"); ok && c.Tag == "participant" {
			out = append(out, outcome{asked: jid.ToNonAD(), user: s.findUser(jid)})
		}
	}
	return out
}

// outcome is what became of one of several users in a request.
type outcome struct {
	asked  types.JID
	user   *User  // nil when the number is not on WhatsApp
	code   int    // 0 when it was done
	ticket ticket // for 403: with what they can be invited instead
}

func (o outcome) node() wire.Node {
	attrs := wire.Attrs{"jid": o.asked}
	if o.user != nil {
		attrs["jid"], attrs["phone_number"] = o.user.lid, o.user.pn
	}
	n := wire.Node{Tag: "participant", Attrs: attrs}
	if o.code != 0 {
		attrs["error"] = o.code
	}
	if o.ticket.code != "" {
		n.Content = []wire.Node{{Tag: "add_request", Attrs: wire.Attrs{"code": o.ticket.code, "expiration": o.ticket.until.Unix()}}}
	}
	return n
}

func outcomeNodes(list []outcome) []wire.Node {
	out := make([]wire.Node, len(list))
	for i, o := range list {
		out[i] = o.node()
	}
	return out
}
