package simulator

import "fmt"

// GroupError is why a group does not let somebody do something: the code and
// text of the iq error that a client gets (whatsmeow's errors.go names them).
type GroupError struct {
	Code int
	Text string
}

func (e *GroupError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Text) }

// Is makes errors of the same code equal.
func (e *GroupError) Is(other error) bool {
	o, ok := other.(*GroupError) // the target itself is compared
	return ok && o.Code == e.Code
}

var (
	errBadRequest    = &GroupError{400, "bad-request"}
	errNotAuthorized = &GroupError{401, "not-authorized"} // a member who would have to be an admin
	errForbidden     = &GroupError{403, "forbidden"}      // nobody who is in the group
	errNoGroup       = &GroupError{404, "item-not-found"}
	errNotAcceptable = &GroupError{406, "not-acceptable"}
	errConflict      = &GroupError{409, "conflict"}
	errGone          = &GroupError{410, "gone"}
	errFull          = &GroupError{419, "resource-limit"}
)

// right is what a change of a group needs.
type right int

const (
	anyMember  right = iota
	changeInfo       // admins, and everybody while the group is not locked
	addMembers       // admins, and everybody while members may add
	adminOnly
)

// permit says whether a user may do something. The group's mutex is held.
func (g *Group) permit(by *User, need right) error {
	self := g.find(by)
	switch {
	case self == nil:
		return errForbidden
	case self.admin(), need == anyMember:
		return nil
	case need == changeInfo && !g.locked, need == addMembers && !g.adminAdd:
		return nil
	}
	return errNotAuthorized
}

// change does something to the group for a user who has the right to.
func (g *Group) change(by *User, need right, do func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.permit(by, need); err != nil {
		return err
	}
	return do()
}
