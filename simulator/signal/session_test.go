package signal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"roost/simulator/signal"
)

func TestTwoDevicesTalk(t *testing.T) {
	t.Parallel()
	for _, withOneTime := range []bool{true, false} {
		t.Run(fmt.Sprintf("one-time key %t", withOneTime), func(t *testing.T) {
			t.Parallel()
			a, b := newParty("1"), newParty("2")
			a.begin(t, b, withOneTime)
			a.tell(t, b, "first", signal.PreKeyMessage)
			a.tell(t, b, "second", signal.PreKeyMessage)
			b.tell(t, a, "answer", signal.Message)
			a.tell(t, b, "", signal.Message)
			for i := range 50 {
				from, to := a, b
				if i%3 == 0 {
					from, to = b, a
				}
				from.tell(t, to, fmt.Sprint("message ", i), signal.Message)
			}
		})
	}
}

func TestBothBeginAtOnce(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	b.begin(t, a, true)
	fromA, fromB := a.seal(t, b, "from a"), b.seal(t, a, "from b")
	b.mustOpen(t, a, fromA, "from a")
	a.mustOpen(t, b, fromB, "from b")
	for range 6 {
		a.mustOpen(t, b, b.seal(t, a, "b"), "b")
		b.mustOpen(t, a, a.seal(t, b, "a"), "a")
	}
	a.tell(t, b, "settled", signal.Message)
	b.tell(t, a, "settled", signal.Message)
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	a.tell(t, b, "first", signal.PreKeyMessage)
	b.tell(t, a, "answer", signal.Message)

	const n = 200
	sent := make([]signal.Ciphertext, n)
	for i := range sent {
		sent[i] = a.seal(t, b, fmt.Sprint(i))
	}
	for _, i := range rand.Perm(n) {
		b.mustOpen(t, a, sent[i], fmt.Sprint(i))
	}
	for _, i := range []int{0, n / 2, n - 1} {
		if _, err := b.Decrypt(a.addr, sent[i].Type, sent[i].Data); !errors.Is(err, signal.ErrDuplicate) {
			t.Errorf("message %d again: %v, want ErrDuplicate", i, err)
		}
	}
}

func TestSkippedMessagesStillOpen(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	late := make([]signal.Ciphertext, 1000)
	for i := range late {
		late[i] = a.seal(t, b, fmt.Sprint(i))
	}
	a.tell(t, b, "after the gap", signal.PreKeyMessage)
	b.tell(t, a, "turn the ratchet", signal.Message)
	a.tell(t, b, "new chain", signal.Message)
	for i, l := range slices.Backward(late) {
		b.mustOpen(t, a, l, fmt.Sprint(i))
	}
	for range 2001 {
		a.seal(t, b, "lost")
	}
	far := a.seal(t, b, "too far")
	if _, err := b.Decrypt(a.addr, far.Type, far.Data); !errors.Is(err, signal.ErrUndecryptable) {
		t.Errorf("2,002 messages ahead: %v, want ErrUndecryptable", err)
	}
}

func TestFirstMessageTwiceIsADuplicate(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	c := a.seal(t, b, "hello")
	b.mustOpen(t, a, c, "hello")
	if _, err := b.Decrypt(a.addr, c.Type, c.Data); !errors.Is(err, signal.ErrDuplicate) {
		t.Errorf("the same first message: %v, want ErrDuplicate", err)
	}
	b.Forget(a.addr)
	if _, err := b.Decrypt(a.addr, c.Type, c.Data); !errors.Is(err, signal.ErrNoPreKey) {
		t.Errorf("its prekey is used up: %v, want ErrNoPreKey", err)
	}
}

func TestBeginAgainKeepsOldMessages(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	a.tell(t, b, "hello", signal.PreKeyMessage)
	b.tell(t, a, "hello", signal.Message)
	onItsWay := a.seal(t, b, "old session")
	backwards := b.seal(t, a, "old session, other way")

	a.begin(t, b, true)
	a.tell(t, b, "new session", signal.PreKeyMessage)
	b.mustOpen(t, a, onItsWay, "old session")
	a.mustOpen(t, b, backwards, "old session, other way")
	for range 5 {
		b.mustOpen(t, a, a.seal(t, b, "x"), "x")
		a.mustOpen(t, b, b.seal(t, a, "y"), "y")
	}
	for range 100 {
		a.begin(t, b, false)
		b.mustOpen(t, a, a.seal(t, b, "again"), "again")
	}
	b.tell(t, a, "after many sessions", signal.Message)
}

// The peer never saw the new session, so the answer must go to the one it uses.
func TestAnswersGoToTheSessionLastHeard(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	a.tell(t, b, "hello", signal.PreKeyMessage)
	b.tell(t, a, "hello", signal.Message)
	b.begin(t, a, true)
	b.seal(t, a, "lost")
	a.tell(t, b, "are you there?", signal.Message)
	b.tell(t, a, "yes", signal.Message)
}

func TestForgedMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	first := a.seal(t, b, "hello")
	for i := 0; i < len(first.Data); i++ { //nolint:intrange // its length changes below
		forged := bytes.Clone(first.Data)
		forged[i] ^= 1
		if got, err := b.Decrypt(a.addr, first.Type, forged); err == nil && string(got) != "hello" {
			t.Fatalf("byte %d changed and it opened as %q", i, got)
		}
		if b.HasSession(a.addr) {
			// A bit of the registration id, which nothing protects.
			b.Forget(a.addr)
			a, b = newParty("1"), newParty("2")
			a.begin(t, b, true)
			first = a.seal(t, b, "hello")
		}
	}
	b.mustOpen(t, a, first, "hello")
	b.tell(t, a, "answer", signal.Message)

	next := a.seal(t, b, "new ratchet key")
	a.seal(t, b, "lost")
	for i := range next.Data {
		forged := bytes.Clone(next.Data)
		forged[i] ^= 0x40
		if _, err := b.Decrypt(a.addr, next.Type, forged); err == nil {
			t.Fatalf("byte %d changed and it opened", i)
		}
	}
	a.tell(t, b, "later", signal.Message)
	forged := bytes.Clone(next.Data)
	forged[len(forged)-1] ^= 1
	if _, err := b.Decrypt(a.addr, next.Type, forged); !errors.Is(err, signal.ErrUndecryptable) {
		t.Fatalf("forged late message: %v, want ErrUndecryptable", err)
	}
	b.mustOpen(t, a, next, "new ratchet key")
	b.tell(t, a, "still in step", signal.Message)
	a.tell(t, b, "still in step", signal.Message)
}

func TestReinstall(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	a.begin(t, b, true)
	a.tell(t, b, "hello", signal.PreKeyMessage)
	b.tell(t, a, "hello", signal.Message)
	before := b.IdentityPublic()
	lost := a.seal(t, b, "for the old phone")

	b.Reinstall()
	if b.IdentityPublic() == before {
		t.Fatal("the identity is the old one")
	}
	if b.HasSession(a.addr) {
		t.Fatal("a session is left")
	}
	if _, err := b.Decrypt(a.addr, lost.Type, lost.Data); !errors.Is(err, signal.ErrNoSession) {
		t.Errorf("message of the old session: %v, want ErrNoSession", err)
	}
	if id := b.NewPreKeys(1)[0].ID; id != 1 {
		t.Errorf("first prekey id %d, want 1", id)
	}
	b.begin(t, a, true)
	b.tell(t, a, "it is me again", signal.PreKeyMessage)
	if got, ok := a.PeerIdentity(b.addr); !ok || got != b.IdentityPublic() {
		t.Errorf("a still has the old identity of b")
	}
	a.tell(t, b, "welcome back", signal.Message)
}

func TestBundleSignatureIsChecked(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	for name, spoil := range map[string]func(*signal.Bundle){
		"signature": func(b *signal.Bundle) { b.Signed.Signature[3] ^= 1 },
		"missing":   func(b *signal.Bundle) { b.Signed.Signature = nil },
		"key":       func(b *signal.Bundle) { b.Signed.Public[3] ^= 1 },
		"identity":  func(b *signal.Bundle) { b.Identity = a.IdentityPublic() },
	} {
		bundle := b.bundle(true)
		spoil(&bundle)
		if err := a.Begin(b.addr, bundle); !errors.Is(err, signal.ErrBadSignature) {
			t.Errorf("%s: %v, want ErrBadSignature", name, err)
		}
	}
	if a.HasSession(b.addr) {
		t.Error("a refused bundle left a session")
	}
	if _, err := a.Encrypt(b.addr, nil); !errors.Is(err, signal.ErrNoSession) {
		t.Errorf("encrypt: %v, want ErrNoSession", err)
	}
}

func TestPreKeyIDsHaveNoGaps(t *testing.T) {
	t.Parallel()
	d := signal.New()
	want := uint32(1)
	for _, n := range []int{3, 0, 5} {
		for _, k := range d.NewPreKeys(n) {
			if k.ID != want {
				t.Fatalf("id %d, want %d", k.ID, want)
			}
			want++
		}
	}
	if id := d.RegistrationID(); id < 1 || id > 16380 {
		t.Errorf("registration id %d", id)
	}
}

// One device serves all its chats at once; the race detector judges.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	hub := newParty("1")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			p := newParty(fmt.Sprint(100 + i))
			if err := p.Begin(hub.addr, hub.bundle(true)); err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				c, err := p.Encrypt(hub.addr, []byte("up"))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err = hub.Decrypt(p.addr, c.Type, c.Data); err != nil {
					t.Error(err)
				}
				if c, err = hub.Encrypt(p.addr, []byte("down")); err != nil {
					t.Error(err)
					return
				}
				if _, err = p.Decrypt(hub.addr, c.Type, c.Data); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
