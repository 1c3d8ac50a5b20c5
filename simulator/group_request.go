package simulator

import (
	"slices"
	"time"

	"roost/simulator/wire"
)

// joinRequest is somebody who waits for an admin.
type joinRequest struct {
	user *User
	by   *User // the member who wanted to add them, nil when they came by link
	at   time.Time
}

// Requests lists who waits for an admin to let them in.
func (g *Group) Requests() []*User {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*User
	for _, r := range g.requests {
		out = append(out, r.user)
	}
	return out
}

// Approve makes by let people in who wait; 404 for those who do not.
func (g *Group) Approve(by *User, who ...*User) error {
	return failures(g.decide(by, true, named(who)))
}

// Reject makes by refuse people who wait; 404 for those who do not.
func (g *Group) Reject(by *User, who ...*User) error {
	return failures(g.decide(by, false, named(who)))
}

func (g *Group) decide(by *User, approve bool, who []outcome) ([]outcome, error) {
	err := g.change(by, adminOnly, func() error {
		var decided []*User
		for i, o := range who {
			switch {
			case !g.dropRequest(o.user):
				who[i].code = 404
				continue
			case approve:
				g.enter(o.user)
			}
			decided = append(decided, o.user)
		}
		switch {
		case len(decided) == 0:
		case approve:
			g.tellJoined(by, decided, "")
		default:
			g.tellRevoked(by, decided)
		}
		return nil
	})
	return who, err
}

// request notes that somebody wants to join and tells the admins, in the form
// of WhatsApp Web's group notifications: one who asks themselves is the
// notification's participant, others are requested users.
func (g *Group) request(u, by *User) {
	if slices.ContainsFunc(g.requests, func(r joinRequest) bool { return r.user == u }) {
		return
	}
	g.requests = append(g.requests, joinRequest{user: u, by: by, at: time.Now()})
	method := "non_admin_add"
	if by == nil {
		method, by = "invite_link", u
	}
	g.tell(g.admins(), by, wire.Node{
		Tag: "created_membership_requests", Attrs: wire.Attrs{"request_method": method},
		Content: []wire.Node{{Tag: "requested_user", Attrs: wire.Attrs{"jid": u.lid, "phone_number": u.pn}}},
	})
}

func (g *Group) dropRequest(u *User) bool {
	before := len(g.requests)
	g.requests = slices.DeleteFunc(g.requests, func(r joinRequest) bool { return r.user == u })
	return len(g.requests) < before
}

// tellRevoked tells admins and those concerned that requests have ended without
// a membership.
func (g *Group) tellRevoked(by *User, who []*User) {
	children := make([]wire.Node, len(who))
	for i, u := range who {
		children[i] = g.participant(u)
	}
	g.tell(append(g.admins(), who...), by, wire.Node{Tag: "revoked_membership_requests", Content: children})
}

// withdraw ends a person's own request.
func (g *Group) withdraw(u *User) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.dropRequest(u) {
		return errNoGroup
	}
	g.tellRevoked(u, []*User{u})
	return nil
}

// requestNodes lists who waits, for admins.
func (g *Group) requestNodes(by *User) ([]wire.Node, error) {
	var out []wire.Node
	err := g.change(by, adminOnly, func() error {
		for _, r := range g.requests {
			attrs := wire.Attrs{"jid": r.user.lid, "phone_number": r.user.pn, "request_time": r.at.Unix(), "request_method": "invite_link"}
			if r.by != nil {
				attrs["request_method"], attrs["requestor"] = "non_admin_add", r.by.lid
			}
			out = append(out, wire.Node{Tag: "membership_approval_request", Attrs: attrs})
		}
		return nil
	})
	return out, err
}
