package keys

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"roost/shared/table"
)

// A peer is what is known of one Signal address: its identity key and the
// session with it. They stand in one item, since a message reads both and a
// first message writes both: a byte of flags, the identity, the session.
const (
	hasIdentity byte = 1 << iota
	hasSession
)

type peer struct {
	identity []byte // 32 bytes, nil if unknown
	session  []byte // nil if there is none
}

func decodePeer(value []byte) (peer, error) {
	var p peer
	if len(value) == 0 {
		return p, nil
	}
	flags, rest := value[0], value[1:]
	if flags&hasIdentity != 0 {
		if len(rest) < 32 {
			return p, fmt.Errorf("peer of %d bytes", len(value))
		}
		p.identity, rest = rest[:32:32], rest[32:]
	}
	if flags&hasSession != 0 {
		p.session = slices.Clip(rest)
	}
	return p, nil
}

func (p peer) encode() []byte {
	if p.identity == nil && p.session == nil {
		return nil
	}
	value := make([]byte, 1, 1+len(p.identity)+len(p.session))
	if p.identity != nil {
		value[0] |= hasIdentity
		value = append(value, p.identity...)
	}
	if p.session != nil {
		value[0] |= hasSession
		value = append(value, p.session...)
	}
	return value
}

func (k *Keys) peer(ctx context.Context, address string) (peer, error) {
	value, err := k.read(ctx, peerSort(address))
	if err != nil {
		return peer{}, err
	}
	return decodePeer(value)
}

// editPeer changes the peer that is stored under sort.
func (tx *txn) editPeer(ctx context.Context, sort string, change func(*peer)) error {
	old, err := tx.read(ctx, sort)
	if err != nil {
		return err
	}
	p, err := decodePeer(old)
	if err != nil {
		return err
	}
	change(&p)
	return tx.putPeer(sort, old, p)
}

// putPeer replaces old by p, if they differ.
func (tx *txn) putPeer(sort string, old []byte, p peer) error {
	value := p.encode()
	switch {
	case bytes.Equal(value, old):
		return nil
	case value == nil:
		tx.remove(sort)
		return nil
	}
	return tx.put(sort, value)
}

// PutIdentity implements [store.IdentityStore].
func (k *Keys) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	if p, err := k.peer(ctx, address); err == nil && bytes.Equal(p.identity, key[:]) {
		return nil
	}
	return k.update(ctx, k.sendUrgency(ctx), func(tx *txn) error {
		return tx.editPeer(ctx, peerSort(address), func(p *peer) { p.identity = key[:] })
	})
}

// IsTrustedIdentity implements [store.IdentityStore]: an unknown one is trusted.
func (k *Keys) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	p, err := k.peer(ctx, address)
	if err != nil {
		return false, err
	}
	return p.identity == nil || bytes.Equal(p.identity, key[:]), nil
}

// DeleteIdentity implements [store.IdentityStore].
func (k *Keys) DeleteIdentity(ctx context.Context, address string) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		return tx.editPeer(ctx, peerSort(address), func(p *peer) { p.identity = nil })
	})
}

// GetSession implements [store.SessionStore].
func (k *Keys) GetSession(ctx context.Context, address string) ([]byte, error) {
	p, err := k.peer(ctx, address)
	return bytes.Clone(p.session), err
}

// HasSession implements [store.SessionStore].
func (k *Keys) HasSession(ctx context.Context, address string) (bool, error) {
	p, err := k.peer(ctx, address)
	return p.session != nil, err
}

// GetManySessions implements [store.SessionStore]: every address is in the
// answer, with nil where there is no session. Sends begin with it, so it also
// loads what they ask for next.
func (k *Keys) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	sorts := make([]string, len(addresses), len(addresses)+2*prefetchTokens)
	for i, address := range addresses {
		sorts[i] = peerSort(address)
	}
	if len(addresses) <= prefetchTokens {
		sorts = append(sorts, k.tokenSorts(addresses)...)
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return nil, err
	}
	sessions := make(map[string][]byte, len(addresses))
	for i, address := range addresses {
		p, err := decodePeer(values[sorts[i]])
		if err != nil {
			return nil, err
		}
		sessions[address] = bytes.Clone(p.session)
	}
	return sessions, nil
}

// PutSession implements [store.SessionStore].
func (k *Keys) PutSession(ctx context.Context, address string, session []byte) error {
	if k.joined(ctx) == nil && !holding(ctx, k) {
		defer k.answered(address, session)
	}
	return k.putSessions(ctx, map[string][]byte{address: session})
}

// PutManySessions implements [store.SessionStore]. A group too big for one
// transaction is written in several: each session stands for itself. It ends
// the hold of [Keys.BeginSend].
func (k *Keys) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	defer k.sent(ctx)
	return k.putSessions(ctx, sessions)
}

func (k *Keys) putSessions(ctx context.Context, sessions map[string][]byte) error {
	addresses := make([]string, 0, len(sessions))
	sorts := make([]string, 0, len(sessions))
	for address := range sessions {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		sorts = append(sorts, peerSort(address))
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		values, err := tx.readMany(ctx, sorts)
		if err != nil {
			return err
		}
		for i, sort := range sorts {
			p, err := decodePeer(values[sort])
			if err != nil {
				return err
			}
			session := append([]byte{}, sessions[addresses[i]]...)
			if tx.decrypting && p.session != nil {
				session = mend(p.session, session)
			}
			p.session = session
			if err := tx.putPeer(sort, values[sort], p); err != nil {
				return fmt.Errorf("session of %d bytes: %w", len(p.session), err)
			}
		}
		return nil
	})
}

// DeleteSession implements [store.SessionStore].
func (k *Keys) DeleteSession(ctx context.Context, address string) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		return tx.editPeer(ctx, peerSort(address), func(p *peer) { p.session = nil })
	})
}

// DeleteAllIdentities implements [store.IdentityStore], for the number and for
// the LID of that name: whatsmeow passes either without telling which.
func (k *Keys) DeleteAllIdentities(ctx context.Context, phone string) error {
	return k.editAll(ctx, phone, func(p *peer) { p.identity = nil })
}

// DeleteAllSessions implements [store.SessionStore], as DeleteAllIdentities does.
func (k *Keys) DeleteAllSessions(ctx context.Context, phone string) error {
	return k.editAll(ctx, phone, func(p *peer) { p.session = nil })
}

func (k *Keys) editAll(ctx context.Context, user string, change func(*peer)) error {
	return k.update(ctx, inPieces, func(tx *txn) error {
		sorts, err := tx.peersOf(ctx, user)
		if err != nil {
			return err
		}
		for _, sort := range sorts {
			if err := tx.editPeer(ctx, sort, change); err != nil {
				return err
			}
		}
		return nil
	})
}

// peersOf returns the sort keys of all devices of a number and of a LID.
func (tx *txn) peersOf(ctx context.Context, user string) ([]string, error) {
	sorts := tx.nativesOf(prefixNativePeer + user + ":")
	hidden := prefixPeer + user + "_1:"
	if !native(user) {
		hidden = prefixPeer + user + ":"
	}
	found := make(map[string]bool)
	query := table.Query{Partition: tx.k.partition, Prefix: hidden}
	for item, err := range table.All(ctx, tx.k.table, query) {
		if err != nil {
			return nil, tx.note(err)
		}
		found[item.Sort] = true
	}
	for _, changes := range [...]map[string]edit{tx.k.pending, tx.edits} {
		for sort := range changes {
			if strings.HasPrefix(sort, hidden) {
				found[sort] = true
			}
		}
	}
	return append(sorts, slices.Sorted(maps.Keys(found))...), nil
}
