package simulator

import (
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

const inviteLink = "https://chat.whatsapp.com/"

// ticketLife is how long an invitation message can be accepted: three days, as
// phones show it.
const ticketLife = 72 * time.Hour

// waysIn are the group's link and the invitations under way.
type waysIn struct {
	code    string
	revoked map[string]bool
	tickets map[*User]ticket
}

// ticket is an invitation for one person, sent to them in a message.
type ticket struct {
	code  string
	by    *User
	until time.Time
}

func (w *waysIn) init(g *Group) {
	w.code, w.revoked, w.tickets = g.sim.inviteCode(22), map[string]bool{}, map[*User]ticket{}
}

// inviteCode makes a code of letters and digits.
func (s *Simulator) inviteCode(length int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	s.mu.Lock()
	defer s.mu.Unlock()
	for range length {
		b.WriteByte(alphabet[s.random.IntN(len(alphabet))])
	}
	return b.String()
}

// InviteLink is the address under which anybody can join.
func (g *Group) InviteLink() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inviteLink + g.ways.code
}

// ResetInviteLink makes by revoke the link and returns the new one.
func (g *Group) ResetInviteLink(by *User) (string, error) {
	code, err := g.resetInvite(by)
	return inviteLink + code, err
}

func (g *Group) resetInvite(by *User) (string, error) {
	code := ""
	err := g.change(by, adminOnly, func() error {
		g.ways.revoked[g.ways.code] = true
		g.ways.code = g.sim.inviteCode(22)
		code = g.ways.code
		g.tell(g.users(), by, wire.Node{Tag: "invite", Attrs: wire.Attrs{"code": code}})
		return nil
	})
	return code, err
}

// Join makes somebody follow an invite link or type its code. In a group with
// approval they wait then for [Group.Approve]. The error is a [GroupError]: 406
// for a wrong code, 410 for a revoked one, 409 for a member, 419 when the group
// is full.
func (g *Group) Join(u *User, code string) error {
	_, err := g.join(u, strings.TrimPrefix(code, inviteLink))
	return err
}

// join reports whether an admin has to approve first.
func (g *Group) join(u *User, code string) (waits bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ways.revoked[code]:
		return false, errGone
	case g.ways.code != code:
		return false, errNotAcceptable
	case g.find(u) != nil:
		return false, errConflict
	case len(g.members) >= maxMembers:
		return false, errFull
	case g.approval:
		g.request(u, nil)
		return true, nil
	}
	g.enter(u)
	g.tellJoined(u, []*User{u}, "invite")
	return false, nil
}

// invitedTo finds the group that an invite code leads to: 410 for a revoked
// code, 406 for one that never was (whatsmeow's ErrInviteLinkRevoked and
// ErrInviteLinkInvalid).
func (s *Simulator) invitedTo(code string) (*Group, error) {
	for _, g := range s.Groups() {
		g.mu.Lock()
		current, revoked := g.ways.code == code, g.ways.revoked[code]
		g.mu.Unlock()
		if current {
			return g, nil
		}
		if revoked {
			return nil, errGone
		}
	}
	return nil, errNotAcceptable
}

// Invite makes by invite somebody whom others cannot add. The message is what
// by's phone sends them; whoever gets it can accept it for three days.
func (g *Group) Invite(by, who *User) (*waE2E.Message, error) {
	var t ticket
	var name string
	err := g.change(by, addMembers, func() error {
		if g.find(who) != nil {
			return errConflict
		}
		t, name = g.issueTicket(by, who), g.subject
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("invite %s: %w", who.pn.User, err)
	}
	return &waE2E.Message{GroupInviteMessage: &waE2E.GroupInviteMessage{
		GroupJID: new(g.jid.String()), InviteCode: new(t.code),
		InviteExpiration: new(t.until.Unix()), GroupName: new(name),
	}}, nil
}

func (g *Group) issueTicket(by, who *User) ticket {
	t := ticket{code: g.sim.inviteCode(16), by: by, until: time.Now().Add(ticketLife)}
	g.ways.tickets[who] = t
	return t
}

// checkTicket says why an invitation is not good. The group's mutex is held.
func (g *Group) checkTicket(u *User, code string, admin types.JID) error {
	t, ok := g.ways.tickets[u]
	switch {
	case !ok || t.code != code || g.sim.findUser(admin) != t.by:
		return errNotAcceptable
	case time.Now().After(t.until), g.find(t.by) == nil:
		return errGone
	}
	return nil
}

// accept makes the invited person join.
func (g *Group) accept(u *User, code string, admin types.JID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch err := g.checkTicket(u, code, admin); {
	case g.find(u) != nil:
		return errConflict
	case err != nil:
		return err
	case len(g.members) >= maxMembers:
		return errFull
	}
	by := g.ways.tickets[u].by
	g.enter(u)
	g.tellJoined(by, []*User{u}, "invite")
	return nil
}

// revokeTickets takes invitations back.
func (g *Group) revokeTickets(by *User, who []outcome) ([]outcome, error) {
	err := g.change(by, adminOnly, func() error {
		for i, o := range who {
			if _, ok := g.ways.tickets[o.user]; !ok {
				who[i].code = 404
			}
			delete(g.ways.tickets, o.user)
		}
		return nil
	})
	return who, err
}
