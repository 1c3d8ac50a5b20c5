package keys_test

import (
	"context"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/simulator/signal"
)

// While a message is encrypted again for who could not read it, nothing is
// decrypted: both would go on from the same state of the session, and what is
// sent later with a key that was used before cannot be read.
func TestAnswerShutsOutDecryption(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]bool{"with the session there is": false, "with new keys": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			us := correspond(t, keys.Options{}.WithAnswerLimit(time.Hour))
			them := signal.New()
			us.reads(t, us.begunBy(t, them), "their first")
			read(t, them, us, us.encrypt(t, "ours"), "ours")
			next := theirs(t, them, us, "at the same time")

			receiver := types.NewADJID("100000000002", types.LIDDomain, 0)
			if receiver.SignalAddress().String() != us.other.String() {
				t.Fatalf("receiver %s is not %s", receiver.SignalAddress(), us.other)
			}
			if err := us.keys.BeginAnswer(t.Context(), receiver); err != nil {
				t.Fatal(err)
			}
			began, decrypted := make(chan struct{}), make(chan error, 1)
			go func() {
				decrypted <- us.keys.DoDecryptionTxn(t.Context(), func(context.Context) error { close(began); return nil })
			}()
			if _, err := us.keys.GetSession(t.Context(), "100000000003_1:0"); err != nil { // others may be read,
				t.Fatal(err)
			}
			if err := us.keys.PutSession(t.Context(), "100000000003_1:0", []byte("begun")); err != nil { // and stored
				t.Fatal(err)
			}
			if fresh {
				us.begin(t, them)
			}
			select {
			case <-began:
				t.Fatal("a decryption began before the answer was encrypted")
			default:
			}
			again := us.encrypt(t, "once more")
			select {
			case <-began:
			case <-t.Context().Done():
				t.Fatal("the answer never ended")
			}
			if err := <-decrypted; err != nil {
				t.Fatal(err)
			}
			us.reads(t, next, "at the same time")
			read(t, them, us, again, "once more")
			_, done := us.keys.BeginSend(t.Context())
			done()
		})
	}
}

// An answer that comes to nothing does not keep others out for good.
func TestAnswerThatComesToNothing(t *testing.T) {
	t.Parallel()
	us := correspond(t, keys.Options{}.WithAnswerLimit(time.Millisecond))
	for range 2 {
		if err := us.keys.BeginAnswer(t.Context(), types.NewADJID("100000000002", types.LIDDomain, 0)); err != nil {
			t.Fatal(err)
		}
	}
	them := signal.New()
	us.reads(t, us.begunBy(t, them), "their first")
}

// What was sent is there for the next owner as soon as its session is.
func TestSentMessageIsKeptWithItsSession(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	lid, pn := types.NewJID("7", types.HiddenUserServer), types.NewJID("497", types.DefaultUserServer)
	s.table.Reset()
	ctx, done := k.BeginSend(t.Context())
	if err := k.AddOutgoingEvent(ctx, lid, "3EB0", "wa", []byte("said")); err != nil {
		t.Fatal(err)
	}
	if n := s.table.Counts()["Write"].Requests; n != 0 {
		t.Errorf("%d writes before the session is stored", n)
	}
	if err := k.PutManySessions(ctx, map[string][]byte{"7_1:0": []byte("session")}); err != nil {
		t.Fatal(err)
	}
	done()
	if n := s.table.Counts()["Write"].Requests; n != 1 {
		t.Errorf("%d writes, want one for both", n)
	}
	k = s.open(t, 2, keys.Options{}) // the one before has died
	if format, plain, err := k.GetOutgoingEvent(t.Context(), pn, lid, "3EB0"); err != nil || format != "wa" || string(plain) != "said" {
		t.Errorf("%q %q %v", format, plain, err)
	}
	if _, _, err := k.GetOutgoingEvent(t.Context(), types.NewJID("8", types.HiddenUserServer), types.EmptyJID, "3EB0"); err == nil {
		t.Error("somebody else was given the message")
	}
}
