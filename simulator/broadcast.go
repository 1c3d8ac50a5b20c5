package simulator

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// prepareStatus encrypts a status update for every user's companions: everybody
// knows everybody here.
func (u *User) prepareStatus(m *waE2E.Message, id string) (*Prepared, error) {
	everybody := u.sim.everybody()
	self := &member{user: u}
	p, err := u.prepareWithSenderKey(types.StatusBroadcastJID, m, id, func() ([]*User, func(*device) bool, error) {
		return everybody, self.needsKey, nil
	})
	if err != nil {
		return nil, err
	}
	p.local = func() {
		for _, other := range everybody {
			if other != u {
				other.hearFrom(u, types.StatusBroadcastJID, id, m)
			}
		}
	}
	return p, nil
}

func (s *Simulator) everybody() []*User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*User
	for name, u := range s.users {
		if name == u.pn.User {
			out = append(out, u)
		}
	}
	return out
}
