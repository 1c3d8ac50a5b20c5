package simulator

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// privacyGroups names the setting of who may add somebody to groups.
const privacyGroups = "groupadd"

// maxMembers is how many members a group can have (WhatsApp's help pages).
const maxMembers = 1024

// Add makes by add people. The error joins a [GroupError] for each who could
// not be added: 403 when their privacy setting groupadd says that they have to
// be invited, 401 when they have blocked by, 408 when they have
// left twice, 409 when they are members, 419 when the group is full. In a group
// with approval an admin has to approve whom somebody else adds.
func (g *Group) Add(by *User, who ...*User) error {
	return failures(g.add(by, named(who)))
}

// Remove makes by remove members; 404 for those who are none, 406 for the
// creator.
func (g *Group) Remove(by *User, who ...*User) error {
	return failures(g.remove(by, named(who)))
}

// Promote makes by make members admins; 404 for those who are none.
func (g *Group) Promote(by *User, who ...*User) error {
	return failures(g.promote(by, named(who)))
}

// Demote makes by make admins plain members; 404 for those who are no member,
// 406 for the creator.
func (g *Group) Demote(by *User, who ...*User) error {
	return failures(g.demote(by, named(who)))
}

func named(who []*User) []outcome {
	out := make([]outcome, len(who))
	for i, u := range who {
		out[i] = outcome{asked: u.lid, user: u}
	}
	return out
}

func failures(list []outcome, err error) error {
	if err != nil {
		return err
	}
	var all []error
	for _, o := range list {
		if o.code != 0 {
			all = append(all, fmt.Errorf("%s: %w", o.asked.User, &GroupError{Code: o.code, Text: "see the code"}))
		}
	}
	return errors.Join(all...)
}

// add is what <add> does. The codes are those whatsapp-web.js explains to its
// users: 403 invite them, 404 not on WhatsApp, 408 has left recently, 409
// already a member, 419 full.
func (g *Group) add(by *User, who []outcome) ([]outcome, error) {
	err := g.change(by, addMembers, func() error {
		var joined []*User
		for i := range who {
			o := &who[i]
			o.code = g.obstacle(by, o.user)
			switch {
			case o.code == 403:
				o.ticket = g.issueTicket(by, o.user)
			case o.code != 0:
			case g.approval && !g.find(by).admin():
				g.request(o.user, by)
			default:
				g.enter(o.user)
				joined = append(joined, o.user)
			}
		}
		if len(joined) > 0 {
			g.tellJoined(by, joined, "")
		}
		return nil
	})
	return who, err
}

// obstacle is the code of why by cannot add somebody, 0 if they can. Somebody
// who has blocked by is 401 (as users of other clients report it). Somebody who has left can be added again once; how long the service
// refuses after the second time is not known, here it is for good.
func (g *Group) obstacle(by, u *User) int {
	switch {
	case u == nil:
		return 404
	case g.find(u) != nil:
		return 409
	case len(g.members) >= maxMembers:
		return 419
	case g.left[u] > 1:
		return 408
	case u.blocks(by):
		return 401
	case u.privacy(privacyGroups) == "none":
		return 403
	}
	return 0
}

// enter makes somebody a member.
func (g *Group) enter(u *User) {
	g.members = append(g.members, &member{user: u, since: time.Now()})
	g.dropRequest(u)
	delete(g.ways.tickets, u)
}

// exit ends a membership. What was encrypted so far stays readable for the one
// who goes; what comes is not, because everybody takes a new sender key.
func (g *Group) exit(u *User) {
	g.members = slices.DeleteFunc(g.members, func(m *member) bool { return m.user == u })
	g.epoch++
}

func (g *Group) remove(by *User, who []outcome) ([]outcome, error) {
	err := g.change(by, adminOnly, func() error {
		var gone []*User
		for i := range who {
			m := g.find(who[i].user)
			switch {
			case m == nil:
				who[i].code = 404
			case m.role == "superadmin" && m.user != by:
				who[i].code = 406 // the creator stays until they leave; the code is a guess
			default:
				g.exit(m.user)
				gone = append(gone, m.user)
			}
		}
		if len(gone) > 0 {
			g.tellMembers("remove", by, gone, gone)
		}
		return nil
	})
	return who, err
}

func (g *Group) promote(by *User, who []outcome) ([]outcome, error) {
	return g.setRole("promote", "admin", by, who)
}

func (g *Group) demote(by *User, who []outcome) ([]outcome, error) {
	return g.setRole("demote", "", by, who)
}

func (g *Group) setRole(what, role string, by *User, who []outcome) ([]outcome, error) {
	err := g.change(by, adminOnly, func() error {
		var changed []*User
		for i := range who {
			m := g.find(who[i].user)
			switch {
			case m == nil:
				who[i].code = 404
			case m.role == "superadmin":
				if role == "" {
					who[i].code = 406
				}
			case m.role != role:
				m.role = role
				changed = append(changed, m.user)
			}
		}
		if len(changed) > 0 {
			g.tellMembers(what, by, changed, nil)
		}
		return nil
	})
	return who, err
}

// Leave makes a member leave. When the last admin goes, somebody else becomes
// one: WhatsApp takes anybody, here it is the member who is in longest.
func (g *Group) Leave(u *User) error {
	return g.change(u, anyMember, func() error {
		g.exit(u)
		g.left[u]++
		g.tellMembers("remove", u, []*User{u}, []*User{u})
		if len(g.members) > 0 && len(g.admins()) == 0 {
			heir := g.members[0]
			heir.role = "admin"
			g.tellMembers("promote", nil, []*User{heir.user}, nil)
		}
		return nil
	})
}
