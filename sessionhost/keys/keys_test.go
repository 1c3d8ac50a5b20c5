package keys_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/table/tabletest"
)

// shelf is a table with a wrapper, to open keys on.
type shelf struct {
	table   *table.Counting
	faults  window
	wrapper seal.Wrapper
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{wrapper: newWrapper(t)}
	s.table = table.NewCounting(&tabletest.Faulty{Inner: newTable(t), Plan: s.faults.plan})
	return s
}

func (s *shelf) open(t testing.TB, epoch int64, options keys.Options) *keys.Keys {
	t.Helper()
	k, err := keys.Open(t.Context(), s.table, someInstance, epoch, s.wrapper, options)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *shelf) items(t testing.TB) []table.Item {
	t.Helper()
	var items []table.Item
	for item, err := range table.All(t.Context(), s.table, table.Query{Partition: "keys#" + string(someInstance)}) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	return items
}

// paired stores a device.
func paired(t testing.TB, k *keys.Keys, user string) *store.Device {
	t.Helper()
	d, err := k.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.ID = &types.JID{User: user, Device: 7, Server: types.DefaultUserServer}
	d.Account = &waAdv.ADVSignedDeviceIdentity{Details: randomBytes(20), AccountSignature: randomBytes(64)}
	if err := d.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// Once another owner has opened the keys, the one before stores nothing, also
// where the new one has not written.
func TestFence(t *testing.T) {
	t.Parallel()
	for _, next := range []int64{5, 6} { // the same host again, and another
		t.Run(fmt.Sprint(next), func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			var told []error
			old := s.open(t, 5, keys.Options{OnFailure: func(err error) { told = append(told, err) }})
			if err := old.PutSession(t.Context(), "7_1:0", []byte("mine")); err != nil {
				t.Fatal(err)
			}
			fresh := s.open(t, next, keys.Options{})
			for name, write := range map[string]func() error{
				"session": func() error { return old.PutSession(t.Context(), "8_1:0", []byte("late")) },
				"salt":    func() error { return old.PutNCTSalt(t.Context(), []byte("late")) },
				"decryption": func() error {
					return old.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
						return old.PutSession(ctx, "7_1:0", []byte("late"))
					})
				},
				"device": func() error { return old.DeleteDevice(t.Context(), nil) },
				"delete": func() error { return old.Delete(t.Context()) },
				"many":   func() error { return old.PutManySessions(t.Context(), map[string][]byte{"9_1:0": {1}}) },
			} {
				if err := write(); !errors.Is(err, keys.ErrFenced) {
					t.Errorf("%s of the old owner: %v, want ErrFenced", name, err)
				}
			}
			if len(told) != 1 || !errors.Is(told[0], keys.ErrFenced) {
				t.Errorf("the host was told %v", told)
			}
			before := s.table.Total().Requests
			if err := old.PutNCTSalt(t.Context(), []byte("later")); !errors.Is(err, keys.ErrFenced) || s.table.Total().Requests != before {
				t.Errorf("a fenced owner asked the table again: %v", err)
			}
			if got, err := fresh.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != "mine" {
				t.Errorf("session %q, %v", got, err)
			}
			if got, err := fresh.GetSession(t.Context(), "8_1:0"); err != nil || got != nil {
				t.Errorf("a session of the old owner is there: %q, %v", got, err)
			}
			if err := fresh.PutSession(t.Context(), "7_1:0", []byte("mine now")); err != nil {
				t.Error(err)
			}
			_, err := keys.Open(t.Context(), s.table, someInstance, 4, s.wrapper, keys.Options{})
			if !errors.Is(err, keys.ErrFenced) {
				t.Errorf("open with a lower epoch: %v", err)
			}
		})
	}
}

// A fault while decrypting wraps context.Canceled, whatever whatsmeow makes of
// it in between, leaves memory as it was, and is told.
func TestFaultWhileDecryptingIsLeftForLater(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	var told []error
	k := s.open(t, 1, keys.Options{OnFailure: func(err error) { told = append(told, err) }})
	paired(t, k, "49151")
	if err := k.PutSession(t.Context(), "7_1:0", []byte("before")); err != nil {
		t.Fatal(err)
	}
	s.faults.set(0, 1, tabletest.Refused)
	err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		return k.PutSession(ctx, "7_1:0", []byte("after"))
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, table.ErrUnavailable) {
		t.Errorf("failed write: %v", err)
	}
	if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != "before" {
		t.Errorf("session %q, %v", got, err)
	}
	s.faults.set(0, 1, tabletest.Refused)
	err = k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		if _, err := k.GetSenderKey(ctx, "1@g.us", "8_1:0"); err == nil {
			t.Error("the read did not fail")
		}
		return k.PutSession(ctx, "7_1:0", []byte("in spite of it"))
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("failed read that was swallowed: %v", err)
	}
	if err := k.PutBufferedEvent(t.Context(), [32]byte{1}, []byte("text"), time.Now()); err != nil {
		t.Fatal(err)
	}
	k = s.open(t, 2, keys.Options{OnFailure: func(err error) { told = append(told, err) }})
	s.faults.set(0, 1, tabletest.Refused)
	if _, err = k.GetBufferedEvent(t.Context(), [32]byte{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("failed read of the buffer: %v", err)
	}
	mine := errors.New("bad ciphertext")
	if err := k.DoDecryptionTxn(t.Context(), func(context.Context) error { return mine }); !errors.Is(err, mine) || errors.Is(err, context.Canceled) {
		t.Errorf("error of the ratchet: %v", err)
	}
	if len(told) != 3 {
		t.Errorf("the host was told %d times: %v", len(told), told)
	}
	if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != "before" {
		t.Errorf("session %q, %v", got, err)
	}
}

// When a write's outcome stays unknown the table is read again: memory is what
// happened, either way, and late arrivals are kept out.
func TestUnknownOutcomeIsReadBack(t *testing.T) {
	t.Parallel()
	for fault, want := range map[tabletest.Fault]string{tabletest.Lost: "before", tabletest.Persisted: "after"} {
		s := newShelf(t)
		k := s.open(t, 1, keys.Options{})
		paired(t, k, "49151")
		if err := k.PutSession(t.Context(), "7_1:0", []byte("before")); err != nil {
			t.Fatal(err)
		}
		s.faults.set(0, forever, fault)
		if err := k.PutSession(t.Context(), "7_1:0", []byte("after")); !errors.Is(err, table.ErrUnknownOutcome) {
			t.Errorf("fault %d: %v", fault, err)
		}
		if _, err := k.GetSession(t.Context(), "7_1:0"); err == nil {
			t.Errorf("fault %d: memory was trusted", fault)
		}
		s.faults.set(0, 0, tabletest.Works)
		if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != want {
			t.Errorf("fault %d: session %q, %v, want %q", fault, got, err, want)
		}
		// One lost answer is settled without anybody noticing.
		s.faults.set(0, 1, fault)
		if err := k.PutSession(t.Context(), "7_1:0", []byte("settled")); err != nil {
			t.Errorf("fault %d: one lost answer: %v", fault, err)
		}
		k = s.open(t, 2, keys.Options{})
		if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || string(got) != "settled" {
			t.Errorf("fault %d: session %q, %v", fault, got, err)
		}
	}
}
