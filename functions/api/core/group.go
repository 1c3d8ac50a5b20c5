package core

import (
	"context"
	"strings"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/group"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/transcript"
)

// ask puts a question to WhatsApp through the instance's connection.
func ask[R any](ctx context.Context, c *Core, i instance.Instance, kind command.Kind, args any) (R, error) {
	var out R
	i, err := c.online(ctx, i)
	if err != nil {
		return out, err
	}
	err = c.do(ctx, i, kind, args, &out)
	return out, err
}

// GroupJID is the address of a group, whose server may be left out.
func GroupJID(id string) string {
	id = strings.TrimSpace(id)
	if id == "" || strings.HasSuffix(id, groupServer) {
		return id
	}
	return id + groupServer
}

// NewGroup is a group to make.
type NewGroup struct {
	Subject, Description string
	Numbers              []string // of its members, as users write them; who is not on WhatsApp is left out
	Promote              bool     // all of them are admins
}

// CreateGroup makes a group. Errors: AbsentError when none of the numbers is on
// WhatsApp; those of the host.
func (c *Core) CreateGroup(ctx context.Context, i instance.Instance, g NewGroup) (group.Group, error) {
	i, err := c.online(ctx, i)
	if err != nil {
		return group.Group{}, err
	}
	found, err := c.lookup(ctx, i, g.Numbers)
	if err != nil {
		return group.Group{}, err
	}
	args := command.CreateGroupArgs{Subject: g.Subject, Description: g.Description, Promote: g.Promote}
	for _, person := range found {
		if person.Exists && person.Person() {
			args.People = append(args.People, person.JID)
		}
	}
	if len(args.People) == 0 && len(found) > 0 {
		return group.Group{}, &AbsentError{Contact: found[0]}
	}
	var out group.Group
	err = c.do(ctx, i, command.CreateGroup, args, &out)
	return out, err
}

// Group tells what a group is. Errors: NotFound when there is none; Forbidden when
// the account is not in it.
func (c *Core) Group(ctx context.Context, i instance.Instance, id string, picture bool) (group.Group, error) {
	return ask[group.Group](ctx, c, i, command.ShowGroup, command.GroupArgs{Group: id, Picture: picture})
}

// Groups lists those that the account is in.
func (c *Core) Groups(ctx context.Context, i instance.Instance, members, pictures bool) ([]group.Group, error) {
	all, err := ask[command.Groups](ctx, c, i, command.ListGroups, command.ListGroupsArgs{Members: members, Pictures: pictures})
	return all.Groups, err
}

// ChangeGroup changes what a group says of itself.
func (c *Core) ChangeGroup(ctx context.Context, i instance.Instance, id string, s group.Settings) error {
	_, err := ask[struct{}](ctx, c, i, command.ChangeGroup, command.ChangeGroupArgs{Group: id, Settings: s})
	return err
}

// Moved is what became of a number that was to be added, removed, promoted or
// demoted.
type Moved struct {
	Address message.Address
	Status  int // 200, or WhatsApp's code
}

// MoveMembers does something with people: group.Add, Remove, Promote or Demote.
// Who is not on WhatsApp has the status 404.
func (c *Core) MoveMembers(ctx context.Context, i instance.Instance, id, action string, numbers []string) ([]Moved, error) {
	i, err := c.online(ctx, i)
	if err != nil {
		return nil, err
	}
	found, err := c.lookup(ctx, i, numbers)
	if err != nil {
		return nil, err
	}
	args := command.MoveMembersArgs{Group: id, Action: action}
	out := []Moved{}
	for _, person := range found {
		switch {
		case !person.Exists:
			out = append(out, Moved{AddressOf(person.JID), 404})
		case !person.Person():
			return nil, fault.New(fault.Invalid, "%q is no person", person.Number)
		default:
			args.People = append(args.People, person.JID)
		}
	}
	if len(args.People) == 0 {
		return out, nil
	}
	var moved command.Moved
	if err := c.do(ctx, i, command.MoveMembers, args, &moved); err != nil {
		return nil, err
	}
	for _, m := range moved.Members {
		out = append(out, Moved(m))
	}
	return out, nil
}

// LeaveGroup leaves a group.
func (c *Core) LeaveGroup(ctx context.Context, i instance.Instance, id string) error {
	_, err := ask[struct{}](ctx, c, i, command.LeaveGroup, command.GroupArgs{Group: id})
	return err
}

// InvitePrefix stands before an invite code in a link.
const InvitePrefix = "https://chat.whatsapp.com/"

// InviteCode tells the code that opens a group, or replaces it by a new one.
func (c *Core) InviteCode(ctx context.Context, i instance.Instance, id string, revoke bool) (string, error) {
	invite, err := ask[command.InviteCode](ctx, c, i, command.ShowInvite, command.InviteArgs{Group: id, Revoke: revoke})
	return invite.Code, err
}

// Invited tells what group a code leads to. Errors: NotFound when to none.
func (c *Core) Invited(ctx context.Context, i instance.Instance, code string) (group.Group, error) {
	return ask[group.Group](ctx, c, i, command.ReadInvite, command.InviteCode{Code: code})
}

// JoinGroup joins the group that a code leads to and returns its JID.
func (c *Core) JoinGroup(ctx context.Context, i instance.Instance, code string) (string, error) {
	joined, err := ask[command.JoinedGroup](ctx, c, i, command.JoinGroup, command.InviteCode{Code: code})
	return joined.Group, err
}

// Known tells what is known of members, in their order.
func (c *Core) Known(ctx context.Context, i instance.Instance, members []group.Member) ([]transcript.Contact, error) {
	people := make([]message.Address, len(members))
	for n, m := range members {
		people[n] = m.Address
	}
	return c.transcripts.Known(ctx, i.ID, people)
}
