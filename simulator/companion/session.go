package companion

import (
	"bytes"
	"context"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

type senderKey struct{ group, address string }

// PutIdentity implements store.IdentityStore.
func (s *Store) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	return s.do(ctx, "PutIdentity", func(st *state) { st.identities.put(address, key) })
}

// IsTrustedIdentity implements store.IdentityStore: an unknown identity is
// trusted.
func (s *Store) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	var trusted bool
	err := s.do(ctx, "IsTrustedIdentity", func(st *state) {
		known, ok := st.identities.get(address)
		trusted = !ok || known == key
	})
	return trusted && err == nil, err
}

// DeleteIdentity implements store.IdentityStore.
func (s *Store) DeleteIdentity(ctx context.Context, address string) error {
	return s.do(ctx, "DeleteIdentity", func(st *state) { st.identities.remove(address) })
}

// DeleteAllIdentities implements store.IdentityStore.
func (s *Store) DeleteAllIdentities(ctx context.Context, phone string) error {
	return s.do(ctx, "DeleteAllIdentities", func(st *state) { removeUser(&st.identities, phone) })
}

// GetSession implements store.SessionStore. A missing session is nil.
func (s *Store) GetSession(ctx context.Context, address string) ([]byte, error) {
	var session []byte
	err := s.do(ctx, "GetSession", func(st *state) { session = bytes.Clone(st.sessions.value(address)) })
	return session, err
}

// HasSession implements store.SessionStore.
func (s *Store) HasSession(ctx context.Context, address string) (bool, error) {
	var found bool
	err := s.do(ctx, "HasSession", func(st *state) { _, found = st.sessions.get(address) })
	return found, err
}

// GetManySessions implements store.SessionStore. The result holds every asked
// address: whatsmeow never fetches prekeys for one that is left out, and
// silently sends nothing to that device.
func (s *Store) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	var sessions map[string][]byte
	err := s.do(ctx, "GetManySessions", func(st *state) {
		if len(addresses) == 0 {
			return
		}
		sessions = make(map[string][]byte, len(addresses))
		for _, address := range addresses {
			sessions[address] = bytes.Clone(st.sessions.value(address))
		}
	})
	return sessions, err
}

// PutSession implements store.SessionStore.
func (s *Store) PutSession(ctx context.Context, address string, session []byte) error {
	return s.do(ctx, "PutSession", func(st *state) { st.sessions.put(address, bytes.Clone(session)) })
}

// PutManySessions implements store.SessionStore, all or none.
func (s *Store) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	return s.do(ctx, "PutManySessions", func(st *state) {
		for address, session := range sessions {
			st.sessions.put(address, bytes.Clone(session))
		}
	})
}

// DeleteSession implements store.SessionStore.
func (s *Store) DeleteSession(ctx context.Context, address string) error {
	return s.do(ctx, "DeleteSession", func(st *state) { st.sessions.remove(address) })
}

// DeleteAllSessions implements store.SessionStore.
func (s *Store) DeleteAllSessions(ctx context.Context, phone string) error {
	return s.do(ctx, "DeleteAllSessions", func(st *state) { removeUser(&st.sessions, phone) })
}

// MigratePNToLID implements store.SessionStore: sessions, identities and sender
// keys of every device of pn become those of lid. Only the first call for a
// number does anything (whatsmeow makes one for every message).
func (s *Store) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	return s.do(ctx, "MigratePNToLID", func(st *state) {
		from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
		if _, done := st.migrated.get(from); done {
			return
		}
		st.migrated.put(from, struct{}{})
		moveUser(&st.sessions, from, to)
		moveUser(&st.identities, from, to)
		for key, row := range st.senderKeys.all() {
			if device, ok := strings.CutPrefix(key.address, from+":"); ok {
				st.senderKeys.remove(key)
				st.senderKeys.put(senderKey{key.group, to + ":" + device}, row)
			}
		}
	})
}

// PutSenderKey implements store.SenderKeyStore.
func (s *Store) PutSenderKey(ctx context.Context, group, user string, session []byte) error {
	return s.do(ctx, "PutSenderKey", func(st *state) {
		st.senderKeys.put(senderKey{group, user}, bytes.Clone(session))
	})
}

// GetSenderKey implements store.SenderKeyStore. A missing key is nil.
func (s *Store) GetSenderKey(ctx context.Context, group, user string) ([]byte, error) {
	var session []byte
	err := s.do(ctx, "GetSenderKey", func(st *state) {
		session = bytes.Clone(st.senderKeys.value(senderKey{group, user}))
	})
	return session, err
}

// removeUser removes the rows of all devices of user. whatsmeow passes the bare
// user of a LID as well (notification.go, identity change), so its addresses
// are meant too.
func removeUser[V any](t *table[string, V], user string) {
	for address := range t.all() {
		if strings.HasPrefix(address, user+":") || strings.HasPrefix(address, user+"_1:") {
			t.remove(address)
		}
	}
}

func moveUser[V any](t *table[string, V], from, to string) {
	for address, row := range t.all() {
		if device, ok := strings.CutPrefix(address, from+":"); ok {
			t.remove(address)
			t.put(to+":"+device, row)
		}
	}
}
