package companion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/simulator/companion/oracle"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

var errTest = errors.New("the test says so")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func session(t *testing.T, ctx context.Context, st *Store, address string) string {
	t.Helper()
	b, err := st.GetSession(ctx, address)
	must(t, err)
	return string(b)
}

func TestTransactionIsSeenInsideOnlyUntilItCommits(t *testing.T) {
	t.Parallel()
	st, out := new(Store), t.Context()
	must(t, st.PutSession(out, "a:0", []byte("old")))
	must(t, st.PutSession(out, "b:0", []byte("old")))
	hash := [32]byte{1}
	change := func(result error) error {
		return st.DoDecryptionTxn(out, func(ctx context.Context) error {
			must(t, st.PutSession(ctx, "a:0", []byte("new")))
			must(t, st.DeleteSession(ctx, "b:0"))
			must(t, st.PutBufferedEvent(ctx, hash, []byte("text"), time.Now()))
			if a, b := session(t, ctx, st, "a:0"), session(t, ctx, st, "b:0"); a != "new" || b != "" {
				t.Errorf("inside: a %q, b %q", a, b)
			}
			if a, b := session(t, out, st, "a:0"), session(t, out, st, "b:0"); a != "old" || b != "old" {
				t.Errorf("outside: a %q, b %q", a, b)
			}
			// A nested one is part of the whole, whatever becomes of that.
			return st.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				must(t, st.PutSession(ctx, "c:0", []byte("new")))
				return result
			})
		})
	}

	if err := change(errTest); !errors.Is(err, errTest) {
		t.Fatalf("error %v, want the function's", err)
	}
	if a, b, c := session(t, out, st, "a:0"), session(t, out, st, "b:0"), session(t, out, st, "c:0"); a != "old" || b != "old" || c != "" {
		t.Errorf("after rollback: a %q, b %q, c %q", a, b, c)
	}
	if evt, _ := st.GetBufferedEvent(out, hash); evt != nil {
		t.Error("after rollback: the event is in the buffer")
	}

	must(t, change(nil))
	if a, b, c := session(t, out, st, "a:0"), session(t, out, st, "b:0"), session(t, out, st, "c:0"); a != "new" || b != "" || c != "new" {
		t.Errorf("after commit: a %q, b %q, c %q", a, b, c)
	}
	if evt, _ := st.GetBufferedEvent(out, hash); evt == nil || string(evt.Plaintext) != "text" {
		t.Errorf("after commit: buffered event %v", evt)
	}
}

func TestTransactionIsRolledBackIfItsContextEndsOrItPanics(t *testing.T) {
	t.Parallel()
	st := new(Store)
	ctx, cancel := context.WithCancel(t.Context())
	err := st.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		must(t, st.PutSession(ctx, "a:0", []byte("new")))
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	var leaked context.Context
	func() {
		defer func() { _ = recover() }()
		_ = st.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			leaked = ctx //nolint:fatcontext // to see what it is worth afterwards
			must(t, st.PutSession(ctx, "a:0", []byte("new")))
			panic("decrypt")
		})
	}()
	if got := session(t, t.Context(), st, "a:0"); got != "" {
		t.Errorf("session %q is there", got)
	}
	if err := st.PutSession(leaked, "a:0", nil); !errors.Is(err, errTransactionOver) {
		t.Errorf("use after the end: error %v", err)
	}
	must(t, st.DoDecryptionTxn(t.Context(), func(context.Context) error { return nil }))
}

func TestHooks(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	fail := func(method string) error {
		if method == "PutSession" || method == "DoDecryptionTxn" {
			return fmt.Errorf("%s: %w", method, errTest)
		}
		return nil
	}
	put := func(ctx context.Context) error { return st.PutSession(ctx, "a:0", []byte("x")) }
	add := func(ctx context.Context) error { return st.PutIdentity(ctx, "a:0", [32]byte{1}) }

	calls := new(Counter)
	st.Hook(Hooks{Calls: calls, Fail: fail})
	if err := put(ctx); !errors.Is(err, errTest) || session(t, ctx, st, "a:0") != "" {
		t.Errorf("Fail: error %v, session %q", err, session(t, ctx, st, "a:0"))
	}
	if err := st.DoDecryptionTxn(ctx, add); !errors.Is(err, errTest) || len(st.base.identities.rows) != 0 {
		t.Errorf("Fail: error %v, identities %v", err, st.base.identities.rows)
	}
	st.Hook(Hooks{Calls: calls, FailAfter: fail})
	if err := put(ctx); !errors.Is(err, errTest) || session(t, ctx, st, "a:0") != "x" {
		t.Errorf("FailAfter: error %v, session %q", err, session(t, ctx, st, "a:0"))
	}
	if err := st.DoDecryptionTxn(ctx, add); !errors.Is(err, errTest) || len(st.base.identities.rows) != 1 {
		t.Errorf("FailAfter: error %v, identities %v", err, st.base.identities.rows)
	}
	want := map[string]int{"PutSession": 2, "GetSession": 2, "DoDecryptionTxn": 2, "PutIdentity": 1}
	if diff := cmp.Diff(want, calls.Calls()); diff != "" || calls.Total() != 7 {
		t.Errorf("calls %d (-want +got)\n%s", calls.Total(), diff)
	}
	st.Hook(Hooks{})
	must(t, put(ctx))
}

func TestDelayIsSpentBeforeTheEffectAndEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := new(Store)
		st.Hook(Hooks{Delay: 5 * time.Millisecond})
		began := time.Now()
		must(t, st.PutSession(t.Context(), "a:0", []byte("x")))
		must(t, st.PutSession(t.Context(), "a:0", []byte("x")))
		if took := time.Since(began); took != 10*time.Millisecond {
			t.Errorf("two calls took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := st.DeleteSession(ctx, "a:0"); !errors.Is(err, context.DeadlineExceeded) || session(t, t.Context(), st, "a:0") == "" {
			t.Errorf("error %v; want a deadline and no effect", err)
		}
	})
}

func TestCloneIsACrash(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	d := pairedDevice(st)
	must(t, d.Save(ctx))
	_, err := d.PreKeys.GetOrGenPreKeys(ctx, 3)
	must(t, err)
	var during *Store
	must(t, st.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		must(t, d.PreKeys.RemovePreKey(ctx, 2))
		during = st.Clone()
		return nil
	}))
	must(t, d.Identities.PutIdentity(ctx, "a:0", [32]byte{1}))

	again := during.Device()
	if again == nil || *again.ID != *d.ID || !again.Initialized || again.Sessions != during {
		t.Fatalf("the clone's device is %+v", again)
	}
	if k, _ := again.PreKeys.GetPreKey(ctx, 2); k == nil {
		t.Error("the clone has seen an open transaction")
	}
	if ok, _ := again.Identities.IsTrustedIdentity(ctx, "a:0", [32]byte{2}); !ok {
		t.Error("the clone has seen a later write")
	}
	must(t, again.Sessions.PutSession(ctx, "b:0", []byte("x")))
	if session(t, ctx, st, "b:0") != "" {
		t.Error("the store has seen a write to its clone")
	}
	ours, _ := d.PreKeys.GenOnePreKey(ctx)
	theirs, _ := again.PreKeys.GenOnePreKey(ctx)
	if ours.KeyID != theirs.KeyID || *ours.Priv == *theirs.Priv {
		t.Errorf("new prekeys %d and %d must be different keys of one id", ours.KeyID, theirs.KeyID)
	}
}

func TestDeleteDeviceEmptiesTheStore(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	d := pairedDevice(st)
	must(t, d.Save(ctx))
	pn := d.ID.ToNonAD()
	must(t, st.PutPrivacyTokens(ctx, store.PrivacyToken{User: pn, Token: []byte{1}}))
	must(t, st.PutLIDMapping(ctx, d.LID, pn))
	_, err := st.GetOrGenPreKeys(ctx, 812)
	must(t, err)
	must(t, d.Delete(ctx))
	if st.Device() != nil || st.JID() != types.EmptyJID {
		t.Error("the device is still there")
	}
	if token, _ := st.GetPrivacyToken(ctx, pn); token != nil {
		t.Error("a token is still there")
	}
	if k, _ := st.GetPreKey(ctx, 1); k != nil {
		t.Error("a prekey is still there")
	}
	if lid, _ := st.GetLIDForPN(ctx, pn); lid.IsEmpty() {
		t.Error("the LID of a number is forgotten")
	}
	must(t, pairedDevice(st).Save(ctx))
	if err := NewDevice(st).Save(ctx); !errors.Is(err, errNoDeviceID) {
		t.Errorf("saving a device without JID: error %v", err)
	}
}

func TestBareLIDNamesItsAddresses(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	for _, address := range []string{"7_1:0", "7_1:3", "7:0", "77:0", "77_1:0"} {
		must(t, st.PutSession(ctx, address, []byte("x")))
		must(t, st.PutIdentity(ctx, address, [32]byte{1}))
	}
	must(t, st.DeleteAllSessions(ctx, "7"))
	must(t, st.DeleteAllIdentities(ctx, "7"))
	if n, m := len(st.base.sessions.rows), len(st.base.identities.rows); n != 2 || m != 2 {
		t.Errorf("%d sessions and %d identities are left, want 2: %v", n, m, st.base.sessions.rows)
	}
}

func TestOldEventsAreDeleted(t *testing.T) {
	t.Parallel()
	at := time.Now()
	st, ctx := &Store{now: func() time.Time { return at }}, t.Context()
	add := func(n byte) {
		must(t, st.PutBufferedEvent(ctx, [32]byte{n}, []byte("x"), at))
		must(t, st.AddOutgoingEvent(ctx, types.EmptyJID, string('a'+rune(n)), "wa", []byte("x")))
	}
	left := func(buffered, outgoing int) {
		t.Helper()
		must(t, st.DeleteOldBufferedHashes(ctx))
		must(t, st.DeleteOldOutgoingEvents(ctx))
		if n, m := len(st.base.buffered.rows), len(st.base.outgoing.rows); n != buffered || m != outgoing {
			t.Errorf("%v: %d buffered, %d outgoing; want %d, %d", at, n, m, buffered, outgoing)
		}
	}
	add(1)
	at = at.Add(7 * 24 * time.Hour)
	add(2)
	left(2, 2)
	at = at.Add(time.Millisecond)
	left(2, 1)
	at = at.Add(7 * 24 * time.Hour)
	left(1, 0)
}

func TestPreKeysStayTheSameAndIDsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	made, err := st.GetOrGenPreKeys(ctx, 812)
	must(t, err)
	seen := make(map[[32]byte]bool)
	for i, k := range made {
		kept, err := st.GetPreKey(ctx, k.KeyID)
		must(t, err)
		if k.KeyID != uint32(i+1) || *kept.Priv != *k.Priv || *kept.Pub != *k.Pub || seen[*k.Pub] {
			t.Fatalf("prekey %d: id %d, kept as %d, seen %t", i, k.KeyID, kept.KeyID, seen[*k.Pub])
		}
		seen[*k.Pub] = true
	}
	must(t, st.RemovePreKey(ctx, 812))
	_ = st.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		_, err := st.GenOnePreKey(ctx)
		must(t, err)
		return errTest
	})
	next, err := st.GenOnePreKey(ctx)
	must(t, err)
	if next.KeyID != 814 {
		t.Errorf("next id %d, want 814", next.KeyID)
	}
}

func TestCompactForgetsMessageSecrets(t *testing.T) {
	t.Parallel()
	st, ctx, who := &Store{Compact: true}, t.Context(), types.NewJID("1", types.DefaultUserServer)
	must(t, st.PutMessageSecret(ctx, who, who, "x", []byte("secret")))
	if secret, _, err := st.GetMessageSecret(ctx, who, who, "x"); secret != nil || err != nil {
		t.Errorf("secret %q, error %v", secret, err)
	}
}

func TestRowsAreNotSharedWithCallers(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	b := []byte("session")
	must(t, st.PutSession(ctx, "a:0", b))
	b[0] = 'X'
	got, _ := st.GetSession(ctx, "a:0")
	got[1] = 'X'
	if again, _ := st.GetSession(ctx, "a:0"); !bytes.Equal(again, []byte("session")) {
		t.Errorf("session is %q", again)
	}
}

// Meaningful with -race.
func TestStoreIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	st, ctx := new(Store), t.Context()
	must(t, pairedDevice(st).Save(ctx))
	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			for n := range 50 {
				_ = st.DoDecryptionTxn(ctx, func(ctx context.Context) error {
					_, _ = st.GetManySessions(ctx, []string{"a:0", "b:0"})
					_ = st.PutSession(ctx, "a:0", []byte{byte(n)})
					return st.PutBufferedEvent(ctx, [32]byte{byte(i), byte(n)}, nil, time.Now())
				})
				_ = st.PutManySessions(ctx, map[string][]byte{"b:0": {byte(n)}})
				_, _ = st.GetOrGenPreKeys(ctx, 2)
				st.Hook(Hooks{Calls: new(Counter)})
				_ = st.Clone().Device()
			}
		})
	}
	workers.Wait()
	if n := len(st.base.buffered.rows); n != 200 {
		t.Errorf("%d events are buffered, want 200", n)
	}
}

func pairedDevice(st *Store) *store.Device {
	d := NewDevice(st)
	oracle.Link(d)
	return d
}
