package signal_test

import (
	"testing"

	"roost/simulator/signal"
)

// Arbitrary bytes are errors, never panics, and the session survives them.
func FuzzDecrypt(f *testing.F) {
	a, b := newParty("1"), newParty("2")
	a.begin(f, b, true)
	first := a.seal(f, b, "hello")
	f.Add(first.Type, first.Data)
	b.mustOpen(f, a, first, "hello")
	answer := b.seal(f, a, "answer")
	f.Add(answer.Type, answer.Data)
	a.mustOpen(f, b, answer, "answer")
	f.Add(signal.Message, []byte{0x33, 0x0a, 0x00, 0x22, 0x00, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(signal.PreKeyMessage, []byte{0x33, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00})
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		if got, err := b.Decrypt(a.addr, kind, data); err == nil {
			t.Fatalf("it opened as %q", got)
		}
		b.mustOpen(t, a, a.seal(t, b, "still there"), "still there")
		a.mustOpen(t, b, b.seal(t, a, "still there"), "still there")
	})
}

func FuzzProcessSenderKey(f *testing.F) {
	a, b := newParty("1"), newParty("2")
	f.Add(a.senderKey(f))
	f.Add([]byte{0x33, 0x1a, 0x00, 0x22, 0x00})
	data := a.post(f, "text")
	f.Fuzz(func(t *testing.T, skdm []byte) {
		if b.ProcessSenderKey(group, a.addr, skdm) == nil {
			_, _ = b.DecryptGroup(group, a.addr, data)
		}
	})
}

func FuzzDecryptGroup(f *testing.F) {
	a, b := newParty("1"), newParty("2")
	b.learn(f, a, a.senderKey(f))
	seed := a.post(f, "text")
	f.Add(seed)
	b.mustRead(f, a, seed, "text")
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := b.DecryptGroup(group, a.addr, data); err == nil {
			t.Fatalf("it opened as %q", got)
		}
		b.mustRead(t, a, a.post(t, "still there"), "still there")
	})
}
