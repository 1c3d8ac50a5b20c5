package simulator

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// person finds somebody by phone number, with or without a plus, by LID or by
// a JID of either kind. ErrNobody when there is none.
func (s *Simulator) person(name string) (*User, error) {
	var u *User
	if strings.Contains(name, "@") {
		if j, err := types.ParseJID(name); err == nil {
			u = s.findUser(j)
		}
	} else {
		u = s.Lookup(strings.TrimPrefix(name, "+"))
	}
	if u == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrNobody)
	}
	return u, nil
}

// Unlink is the phone that removes companions from its list of linked devices,
// given by their numbers; none means all. ErrNobody when there is no such
// companion.
func (u *User) Unlink(companions ...uint16) error {
	chosen := u.companions()
	if len(companions) > 0 {
		chosen = chosen[:0]
		for _, id := range companions {
			d := u.device(id)
			if d == nil || d.handset != nil {
				return fmt.Errorf("companion %d of %s: %w", id, u.pn.User, ErrNobody)
			}
			chosen = append(chosen, d)
		}
	}
	for _, d := range chosen {
		d.unlink()
	}
	return nil
}
