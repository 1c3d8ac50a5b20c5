package companion

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// PutLIDMapping implements store.LIDStore. A new pair ends the old ones of both.
func (s *Store) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	return s.call(ctx, "PutLIDMapping", func(st *state) error {
		if !isPair(lid, pn) {
			return fmt.Errorf("invalid pair of LID and phone number %s/%s", lid, pn)
		}
		st.pair(lid.User, pn.User)
		return nil
	})
}

// PutManyLIDMappings implements store.LIDStore. Pairs with an empty or wrong
// server are ignored: group information has such.
func (s *Store) PutManyLIDMappings(ctx context.Context, mappings []store.LIDMapping) error {
	return s.do(ctx, "PutManyLIDMappings", func(st *state) {
		for _, m := range mappings {
			if isPair(m.LID, m.PN) {
				st.pair(m.LID.User, m.PN.User)
			}
		}
	})
}

// GetPNForLID implements store.LIDStore. The device number stays; an unknown LID
// gives an empty JID.
func (s *Store) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	return s.other(ctx, "GetPNForLID", lid, types.HiddenUserServer)
}

// GetLIDForPN implements store.LIDStore. The device number stays; an unknown
// phone number gives an empty JID.
func (s *Store) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	return s.other(ctx, "GetLIDForPN", pn, types.DefaultUserServer)
}

func (s *Store) other(ctx context.Context, method string, jid types.JID, server string) (types.JID, error) {
	var found types.JID
	err := s.call(ctx, method, func(st *state) error {
		if jid.Server != server {
			return fmt.Errorf("%s of %s: wrong server", method, jid)
		}
		found = st.alternate(jid)
		return nil
	})
	return found, err
}

// GetManyLIDsForPNs implements store.LIDStore. Only known phone numbers are in
// the result.
func (s *Store) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	var found map[types.JID]types.JID
	err := s.do(ctx, "GetManyLIDsForPNs", func(st *state) {
		if len(pns) == 0 {
			return
		}
		found = make(map[types.JID]types.JID, len(pns))
		for _, pn := range pns {
			if pn.Server != types.DefaultUserServer {
				continue
			}
			if lid := st.alternate(pn); !lid.IsEmpty() {
				found[pn] = lid
			}
		}
	})
	return found, err
}

func isPair(lid, pn types.JID) bool {
	return lid.Server == types.HiddenUserServer && pn.Server == types.DefaultUserServer
}

func (s *state) pair(lid, pn string) {
	oldPN, hadPN := s.phoneOfLID.get(lid)
	oldLID, hadLID := s.lidOfPhone.get(pn)
	if hadPN && oldPN == pn {
		return
	}
	if hadPN {
		s.lidOfPhone.remove(oldPN)
	}
	if hadLID {
		s.phoneOfLID.remove(oldLID)
	}
	s.phoneOfLID.put(lid, pn)
	s.lidOfPhone.put(pn, lid)
}

// alternate returns the LID of a phone number or the phone number of a LID, or
// an empty JID.
func (s *state) alternate(jid types.JID) types.JID {
	switch jid.Server {
	case types.DefaultUserServer:
		if user, ok := s.lidOfPhone.get(jid.User); ok {
			return types.JID{User: user, Device: jid.Device, Server: types.HiddenUserServer}
		}
	case types.HiddenUserServer:
		if user, ok := s.phoneOfLID.get(jid.User); ok {
			return types.JID{User: user, Device: jid.Device, Server: types.DefaultUserServer}
		}
	}
	return types.EmptyJID
}

// names returns the user behind jid under every name known, the given one first.
func (s *state) names(jid types.JID) []types.JID {
	jid = jid.ToNonAD()
	if other := s.alternate(jid); !other.IsEmpty() {
		return []types.JID{jid, other}
	}
	return []types.JID{jid}
}
