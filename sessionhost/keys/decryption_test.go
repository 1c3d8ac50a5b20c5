package keys_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/shared/table"
	"roost/shared/table/tabletest"
)

// A host dies at some point of a message's way. Whoever opens the keys then finds
// both the session and the event that it was taken on for, or none of the two.
func TestSessionAndEventAreOne(t *testing.T) {
	t.Parallel()
	event, other := [32]byte{1}, [32]byte{2}
	big := strings.Repeat("long", 100_000)
	for name, c := range map[string]struct {
		text     string
		happen   func(t *testing.T, s *shelf, k *keys.Keys) error
		session  string
		buffered string // "handled", "none" or the text
		requests int
	}{
		"nothing more":       {"text", func(*testing.T, *shelf, *keys.Keys) error { return nil }, "before", "none", 0},
		"too big to be kept": {big, func(*testing.T, *shelf, *keys.Keys) error { return nil }, "after", big, 2}, // one is a look at it in the table,
		"handled": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error {
			return k.ClearBufferedEventPlaintext(t.Context(), event)
		}, "after", "handled", 1},
		"big and handled": {big, func(t *testing.T, _ *shelf, k *keys.Keys) error {
			return errors.Join(k.ClearBufferedEventPlaintext(t.Context(), event), k.Flush(t.Context()))
		}, "after", "handled", 3},
		"something else is written": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error {
			return k.PutNCTSalt(t.Context(), []byte("salt"))
		}, "after", "text", 1},
		"answered": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error {
			return k.PutManySessions(t.Context(), map[string][]byte{"7_1:0": []byte("answered"), "7_1:1": []byte("too")})
		}, "answered", "text", 1},
		"answered to more than a transaction holds": {"text", func(t *testing.T, s *shelf, k *keys.Keys) error {
			many := map[string][]byte{"7_1:0": []byte("answered")}
			for n := range 2 * table.MaxTransactionOps {
				many["8_1:"+string(rune('a'+n))] = []byte("session")
			}
			s.faults.set(1, forever, tabletest.Refused) // after the first part
			if err := k.PutManySessions(t.Context(), many); !errors.Is(err, table.ErrUnavailable) {
				t.Errorf("many sessions: %v", err)
			}
			s.faults.set(0, 0, tabletest.Works)
			return nil
		}, "after", "text", 2},
		"next message": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error { // its handler failed
			return k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
				return errors.Join(k.PutSession(ctx, "7_1:0", []byte("next")), k.PutBufferedEvent(ctx, other, []byte("next"), time.Now()))
			})
		}, "next", "text", 1},
		"next message handled": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error {
			err := k.ClearBufferedEventPlaintext(t.Context(), event)
			err2 := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
				return errors.Join(k.PutSession(ctx, "7_1:0", []byte("next")), k.PutBufferedEvent(ctx, other, []byte("next"), time.Now()))
			})
			return errors.Join(err, err2, k.ClearBufferedEventPlaintext(t.Context(), other))
		}, "next", "handled", 2},
		"handled in an outage": {"text", func(t *testing.T, s *shelf, k *keys.Keys) error {
			s.faults.set(0, 1, tabletest.Refused)
			if err := k.ClearBufferedEventPlaintext(t.Context(), event); !errors.Is(err, table.ErrUnavailable) {
				t.Errorf("clear in an outage: %v", err)
			}
			return k.PutNCTSalt(t.Context(), []byte("salt"))
		}, "after", "handled", 2},
		"answered in an outage, then handled": {"text", func(t *testing.T, s *shelf, k *keys.Keys) error {
			s.faults.set(0, forever, tabletest.Persisted)
			if err := k.PutManySessions(t.Context(), map[string][]byte{"9_1:0": []byte("answered")}); !errors.Is(err, table.ErrUnknownOutcome) {
				t.Errorf("send in an outage: %v", err)
			}
			s.faults.set(0, 0, tabletest.Works)
			s.table.Reset()
			return k.ClearBufferedEventPlaintext(t.Context(), event)
		}, "after", "handled", 3}, // two are another look at the table
		"closed": {"text", func(t *testing.T, _ *shelf, k *keys.Keys) error { return k.Close(t.Context()) }, "after", "text", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			k := s.open(t, 1, keys.Options{})
			paired(t, k, "49151")
			if err := k.PutSession(t.Context(), "7_1:0", []byte("before")); err != nil {
				t.Fatal(err)
			}
			s.table.Reset()
			err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
				return errors.Join(k.PutSession(ctx, "7_1:0", []byte("after")), k.PutBufferedEvent(ctx, event, []byte(c.text), time.Now()))
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := k.GetSession(t.Context(), "7_1:0")
			e, err2 := k.GetBufferedEvent(t.Context(), event)
			if err := errors.Join(err, err2); err != nil || string(got) != "after" || e == nil || string(e.Plaintext) != c.text {
				t.Fatalf("memory has session %q and event %v, %v", got, e, err)
			}
			if err := c.happen(t, s, k); err != nil {
				t.Fatal(err)
			}
			if n := s.table.Total().Requests; n != c.requests {
				t.Errorf("%d requests, want %d: %v", n, c.requests, requests(s.table.Counts()))
			}
			k = s.open(t, 2, keys.Options{}) // the other is dead
			if got, err = k.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != c.session {
				t.Errorf("session %q, %v", got, err)
			}
			if e, err = k.GetBufferedEvent(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			buffered := "none"
			if e != nil && e.Plaintext == nil {
				buffered = "handled"
			} else if e != nil {
				buffered = string(e.Plaintext)
			}
			if buffered != c.buffered {
				t.Errorf("the event is %.20q, want %.20q", buffered, c.buffered)
			}
			for _, item := range s.items(t) {
				if strings.HasPrefix(item.Sort, "a/e/") && c.buffered == "handled" {
					t.Errorf("%s is left of a handled event", item.Sort)
				}
			}
		})
	}
}

// Who wrote when, and under which name, waits for company: each message says it.
func TestNamesCostNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	user := types.NewJID("7", types.HiddenUserServer)
	if _, err := k.GetContact(t.Context(), user); err != nil { // memory is filled
		t.Fatal(err)
	}
	s.table.Reset()
	hash := [32]byte{1}
	err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		return errors.Join(k.PutSession(ctx, "7_1:0", []byte("session")), k.PutBufferedEvent(ctx, hash, []byte("text"), time.Now()))
	})
	err = errors.Join(err, k.ClearBufferedEventPlaintext(t.Context(), hash))
	if changed, _, err2 := k.PutPushName(t.Context(), user, "Late"); err != nil || err2 != nil || !changed {
		t.Fatal(changed, err, err2)
	}
	if n := s.table.Counts()["Write"].Requests; n != 1 {
		t.Errorf("%d writes", n)
	}
	if err := k.PutNCTSalt(t.Context(), []byte("company")); err != nil {
		t.Fatal(err)
	}
	if c, err := s.open(t, 2, keys.Options{}).GetContact(t.Context(), user); err != nil || c.PushName != "Late" {
		t.Errorf("contact %+v, %v", c, err)
	}
}

// The marks of handled events do not grow without end, and the latest are there
// after a takeover without a request of their own.
func TestHandledEventsAreBounded(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	const many = 500
	hash := func(n int) [32]byte { return [32]byte{byte(n), byte(n >> 8), 1} }
	for n := range many {
		err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			return errors.Join(k.PutSession(ctx, "7_1:0", []byte{byte(n)}), k.PutBufferedEvent(ctx, hash(n), []byte("text"), time.Now()))
		})
		if err = errors.Join(err, k.ClearBufferedEventPlaintext(t.Context(), hash(n))); err != nil {
			t.Fatal(err)
		}
	}
	chunks := 0
	for _, item := range s.items(t) {
		if strings.HasPrefix(item.Sort, "a/d/") {
			chunks++
		}
	}
	if chunks != 4 {
		t.Errorf("%d chunks", chunks)
	}
	known := func(k *keys.Keys) (count int) {
		for n := range many {
			e, err := k.GetBufferedEvent(t.Context(), hash(n))
			if err != nil || e != nil && e.Plaintext != nil {
				t.Fatal(e, err)
			}
			if e != nil {
				count++
			} else if n > many-3*40 {
				t.Errorf("event %d of %d is forgotten", n, many)
			}
		}
		return count
	}
	if n := known(k); n != many {
		t.Errorf("memory knows %d", n)
	}
	k = s.open(t, 2, keys.Options{})
	s.table.Reset()
	if n := known(k); n < 3*40 || n > 4*40 {
		t.Errorf("a new owner knows %d", n)
	}
	if n := s.table.Total().Requests; n != 0 {
		t.Errorf("that cost %d requests", n)
	}
}

// A name is known as it is, whatever it looks like.
func TestNamesAreKnown(t *testing.T) {
	t.Parallel()
	k := newShelf(t).open(t, 1, keys.Options{})
	user := types.NewJID("7", types.HiddenUserServer)
	names := []string{"Al", "Alice", "", `"`, `\`, `","push":"Al`, `x"push":"Al"`, "<é\u2028\xff", "Al"}
	if err := k.PutContactName(t.Context(), user, `"push":"Al"`, `"business":"Al"`); err != nil {
		t.Fatal(err)
	}
	for n, name := range names {
		for range 2 {
			before, err := k.GetContact(t.Context(), user)
			changed, previous, err2 := k.PutPushName(t.Context(), user, name)
			after, err3 := k.GetContact(t.Context(), user)
			if err := errors.Join(err, err2, err3); err != nil {
				t.Fatal(err)
			}
			wanted := strings.ToValidUTF8(name, "\ufffd")
			if after.PushName != wanted || changed != (before.PushName != name) || changed && previous != before.PushName {
				t.Errorf("name %d, %q: %q before, %q after, changed %t from %q", n, name, before.PushName, after.PushName, changed, previous)
			}
			if changed, _, err := k.PutBusinessName(t.Context(), user, name); err != nil || changed != (before.BusinessName != name) {
				t.Errorf("business name %d, %q: changed %t, %v", n, name, changed, err)
			}
		}
	}
}
