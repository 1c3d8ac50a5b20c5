package oracle

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

// operation is a call with random arguments, made the same on any device.
type operation struct {
	name          string
	transactional bool // sqlstore's caches do not survive a rollback of the others
	prepare       func(*Pair) func(context.Context, *store.Device) (any, error)
}

type (
	ctx    = context.Context
	device = *store.Device
	call   = func(ctx, device) (any, error)
)

// The values are few, so that calls meet; keys and users are chosen so that no
// LIKE pattern of sqlstore matches more than it means.
func user(r *rand.Rand) string   { return fmt.Sprintf("49151000000%d", r.IntN(4)) }
func hidden(r *rand.Rand) string { return fmt.Sprintf("70000000000%d", r.IntN(4)) }

func pn(r *rand.Rand) types.JID {
	return types.JID{User: user(r), Device: uint16(r.IntN(3)), Server: types.DefaultUserServer}
}

func lid(r *rand.Rand) types.JID {
	return types.JID{User: hidden(r), Device: uint16(r.IntN(3)), Server: types.HiddenUserServer}
}

func person(r *rand.Rand) types.JID {
	if r.IntN(2) == 0 {
		return pn(r)
	}
	return lid(r)
}

func chat(r *rand.Rand) types.JID {
	if r.IntN(3) == 0 {
		return types.JID{User: "120363000000000001", Server: types.GroupServer}
	}
	return person(r).ToNonAD()
}

func address(r *rand.Rand) string { return person(r).SignalAddress().String() }
func group(r *rand.Rand) string   { return fmt.Sprintf("12036300000000000%d@g.us", r.IntN(3)) }
func name(r *rand.Rand) string    { return []string{"", "Alice", "Bob", "Zoë"}[r.IntN(4)] }
func unix(r *rand.Rand) time.Time { return time.Unix(r.Int64N(1e9)+1, 0) }

func blob(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// key32 is one of few.
func key32(r *rand.Rand) [32]byte { return [32]byte{0: byte(r.IntN(6)), 31: 1} }

func collection(r *rand.Rand) string { return []string{"regular", "critical_block"}[r.IntN(2)] }

// secretOf gives each message one chat, sender and secret: with two senders that
// are the same person sqlstore may answer with either, and of two secrets it
// keeps the first while these keys, which do not look, keep the last.
func secretOf(r *rand.Rand) store.MessageSecretInsert {
	n := r.Uint64N(40)
	fixed := rand.New(rand.NewPCG(n, 1)) //nolint:gosec // reproducible on purpose
	return store.MessageSecretInsert{Chat: chat(fixed), Sender: person(fixed), ID: fmt.Sprintf("3EB0%02d", n), Secret: blob(fixed, 32)}
}

// renamed is jid or what the person is otherwise called.
func renamed(r *rand.Rand, jid types.JID) types.JID {
	if r.IntN(2) == 0 || jid.Server == types.GroupServer {
		return jid
	}
	return person(r)
}

func nothing(f func(ctx, device) error) call {
	return func(c ctx, d device) (any, error) { return nil, f(c, d) }
}

func one1[T any](f func(ctx, device) (T, error)) call {
	return func(c ctx, d device) (any, error) { return f(c, d) }
}

// ids are compared; the keys themselves are random on both sides.
func ids(found []*keys.PreKey) []uint32 {
	var out []uint32
	for _, k := range found {
		if k != nil {
			out = append(out, k.KeyID)
		}
	}
	return out
}
