package signal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"roost/simulator/signal"
)

func (p party) senderKey(tb testing.TB) []byte {
	tb.Helper()
	skdm, err := p.SenderKey(group, p.addr)
	if err != nil {
		tb.Fatal(err)
	}
	return skdm
}

func (p party) learn(tb testing.TB, from party, skdm []byte) {
	tb.Helper()
	if err := p.ProcessSenderKey(group, from.addr, skdm); err != nil {
		tb.Fatal(err)
	}
}

func (p party) post(tb testing.TB, text string) []byte {
	tb.Helper()
	data, err := p.EncryptGroup(group, p.addr, []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func (p party) mustRead(tb testing.TB, from party, data []byte, want string) {
	tb.Helper()
	got, err := p.DecryptGroup(group, from.addr, data)
	if err != nil {
		tb.Fatal(err)
	}
	if string(got) != want {
		tb.Fatalf("got %q, want %q", got, want)
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	a, b, c := newParty("1"), newParty("2"), newParty("3")
	if _, err := a.EncryptGroup(group, a.addr, nil); !errors.Is(err, signal.ErrNoSenderKey) {
		t.Errorf("no key yet: %v, want ErrNoSenderKey", err)
	}
	first := a.senderKey(t)
	b.learn(t, a, first)
	early := a.post(t, "before c joined")
	b.mustRead(t, a, early, "before c joined")

	c.learn(t, a, a.senderKey(t))
	late := a.post(t, "for all")
	b.mustRead(t, a, late, "for all")
	c.mustRead(t, a, late, "for all")
	if _, err := c.DecryptGroup(group, a.addr, early); !errors.Is(err, signal.ErrDuplicate) {
		t.Errorf("c reads what was before it: %v, want ErrDuplicate", err)
	}
	if _, err := b.DecryptGroup(group, a.addr, late); !errors.Is(err, signal.ErrDuplicate) {
		t.Errorf("the same message: %v, want ErrDuplicate", err)
	}
	b.learn(t, a, first) // repeated by a sender that remembers nothing
	if _, err := b.DecryptGroup(group, a.addr, early); !errors.Is(err, signal.ErrDuplicate) {
		t.Errorf("replay after the key was repeated: %v, want ErrDuplicate", err)
	}

	onItsWay := a.post(t, "old key")
	a.RotateSenderKey(group, a.addr)
	b.learn(t, a, a.senderKey(t))
	fresh := a.post(t, "c has left")
	b.mustRead(t, a, fresh, "c has left")
	b.mustRead(t, a, onItsWay, "old key")
	if _, err := c.DecryptGroup(group, a.addr, fresh); !errors.Is(err, signal.ErrNoSenderKey) {
		t.Errorf("c after it left: %v, want ErrNoSenderKey", err)
	}
	if _, err := b.DecryptGroup("other@g.us", a.addr, fresh); !errors.Is(err, signal.ErrNoSenderKey) {
		t.Errorf("other group: %v, want ErrNoSenderKey", err)
	}
}

func TestGroupOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	b.learn(t, a, a.senderKey(t))
	sent := make([][]byte, 1000)
	for i := range sent {
		sent[i] = a.post(t, fmt.Sprint(i))
	}
	for i, s := range slices.Backward(sent) {
		b.mustRead(t, a, s, fmt.Sprint(i))
	}
	if _, err := b.DecryptGroup(group, a.addr, sent[17]); !errors.Is(err, signal.ErrDuplicate) {
		t.Errorf("again: %v, want ErrDuplicate", err)
	}
}

func TestGroupGapBeyondReach(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	b.learn(t, a, a.senderKey(t))
	for range 2001 {
		a.post(t, "missed")
	}
	skdm := a.senderKey(t)
	next := a.post(t, "back")
	if _, err := b.DecryptGroup(group, a.addr, next); !errors.Is(err, signal.ErrUndecryptable) {
		t.Errorf("2,001 ahead: %v, want ErrUndecryptable", err)
	}
	b.learn(t, a, skdm)
	b.mustRead(t, a, next, "back")
}

func TestForgedGroupMessageChangesNothing(t *testing.T) {
	t.Parallel()
	a, b := newParty("1"), newParty("2")
	b.learn(t, a, a.senderKey(t))
	data := a.post(t, "true")
	for i := range data {
		forged := bytes.Clone(data)
		forged[i] ^= 2
		if _, err := b.DecryptGroup(group, a.addr, forged); err == nil {
			t.Fatalf("byte %d changed and it opened", i)
		}
	}
	forged := bytes.Clone(data)
	forged[len(forged)-2] ^= 2
	if _, err := b.DecryptGroup(group, a.addr, forged); !errors.Is(err, signal.ErrBadSignature) {
		t.Errorf("changed signature: %v, want ErrBadSignature", err)
	}
	b.mustRead(t, a, data, "true")
}
