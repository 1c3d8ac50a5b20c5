package keys_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/shared/seal"
	"roost/shared/table"
)

// No secret and no name can be read in the table, nor be moved to another
// place, nor read with another key.
func TestSealedAtRest(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	d := paired(t, k, "49151")
	secret := []byte("not to be read by anybody")
	identity := [32]byte(randomBytes(32))
	preKeys, err := k.GetOrGenPreKeys(t.Context(), 30)
	if err != nil {
		t.Fatal(err)
	}
	chat := types.NewJID("7", types.HiddenUserServer)
	_, _, err = k.PutPushName(t.Context(), chat, string(secret))
	err = errors.Join(err,
		k.PutSession(t.Context(), "7_1:0", secret), k.PutSession(t.Context(), "8_1:0", []byte("other")),
		k.PutIdentity(t.Context(), "7_1:0", identity),
		k.PutSenderKey(t.Context(), "1@g.us", "7_1:0", secret),
		k.PutMessageSecret(t.Context(), chat, chat, "ID", secret),
		k.PutPoll(t.Context(), chat, "ID", []string{string(secret)}),
		k.PutPrivacyTokens(t.Context(), store.PrivacyToken{User: chat, Token: secret, Timestamp: time.Now()}),
		k.PutNCTSalt(t.Context(), secret),
		k.PutBufferedEvent(t.Context(), [32]byte{1}, secret, time.Now()),
		k.Flush(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	hidden := [][]byte{secret, identity[:], d.NoiseKey.Priv[:], d.IdentityKey.Priv[:], d.AdvSecretKey, preKeys[7].Priv[:]}
	items := s.items(t)
	if len(items) < 10 {
		t.Fatalf("only %d items", len(items))
	}
	var one, other table.Item
	for _, item := range items {
		text := fmt.Sprint(item.Sort, item.Attributes)
		for i, h := range hidden {
			if bytes.Contains(item.Body, h) || strings.Contains(text, string(h)) || strings.Contains(text, hex.EncodeToString(h)) {
				t.Errorf("%s shows secret %d", item.Sort, i)
			}
		}
		if item.Attributes["epoch"] != int64(1) {
			t.Errorf("%s has epoch %v", item.Sort, item.Attributes["epoch"])
		}
		switch item.Sort {
		case "p/7_1:0":
			one = item
		case "p/8_1:0":
			other = item
		}
	}
	other.Body = one.Body
	if _, err := s.table.Put(t.Context(), other, table.None()); err != nil {
		t.Fatal(err)
	}
	k = s.open(t, 2, keys.Options{})
	if _, err := k.GetSession(t.Context(), "8_1:0"); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a moved session was read: %v", err)
	}
	if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("session %q, %v", got, err)
	}
	if _, err := keys.Open(t.Context(), s.table, someInstance, 3, newWrapper(t), keys.Options{}); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("opened with another key: %v", err)
	}
}

// Sessions grow with skipped messages: one of 1,100 has 179 kB, and the limit of
// libsignal is far above an item's.
func TestBigSessions(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	sizes := []int{10, 179_000, 1_300_000, 500_000, 399_000, 20}
	for i, size := range sizes {
		want := randomBytes(size)
		err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			return errors.Join(k.PutSession(ctx, "7_1:0", want),
				k.PutBufferedEvent(ctx, [32]byte{byte(i + 1)}, randomBytes(450_000), time.Now()))
		})
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		k = s.open(t, int64(i+2), keys.Options{})
		if got, err := k.GetSession(t.Context(), "7_1:0"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d, %v", size, len(got), err)
		}
		if e, err := k.GetBufferedEvent(t.Context(), [32]byte{byte(i + 1)}); err != nil || len(e.Plaintext) != 450_000 {
			t.Errorf("event: %v", err)
		}
		if err := k.ClearBufferedEventPlaintext(t.Context(), [32]byte{byte(i + 1)}); err != nil {
			t.Error(err)
		}
	}
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, item := range s.items(t) {
		if strings.HasPrefix(item.Sort, "z/") {
			t.Errorf("part %s is left", item.Sort)
		}
	}
	k = s.open(t, 100, keys.Options{})
	if err := k.PutSession(t.Context(), "7_1:0", randomBytes(5_000_000)); !errors.Is(err, table.ErrTooLarge) {
		t.Errorf("5 MB: %v", err)
	}
	compressible := bytes.Repeat([]byte("abcdefgh"), 1_000_000)
	if err := k.PutSession(t.Context(), "7_1:0", compressible); err != nil {
		t.Errorf("8 MB of little content: %v", err)
	}
	if got, err := s.open(t, 101, keys.Options{}).GetSession(t.Context(), "7_1:0"); err != nil || !bytes.Equal(got, compressible) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A send to a big group stores more sessions than a transaction takes.
func TestManySessions(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{Sessions: 100})
	paired(t, k, "49151")
	want := make(map[string][]byte)
	var addresses []string
	for i := range 700 {
		address := fmt.Sprintf("%d_1:0", 1000+i)
		want[address] = randomBytes(8000)
		addresses = append(addresses, address)
	}
	if err := k.PutManySessions(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	s.table.Reset()
	k = s.open(t, 2, keys.Options{Sessions: 100})
	got, err := k.GetManySessions(t.Context(), append(addresses, "1_1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if session, asked := got["1_1:0"]; !asked || session != nil {
		t.Errorf("a missing session is %q, %t", session, asked)
	}
	for address, session := range want {
		if !bytes.Equal(got[address], session) {
			t.Fatalf("session %s differs", address)
		}
	}
	t.Logf("%v", requests(s.table.Counts()))
}

// Memory is bounded however many contacts an instance has.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a table") // not parallel: it measures the heap
	}
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	const many = 4000
	for first := 0; first < many; first += 400 {
		sessions := make(map[string][]byte)
		for i := range 400 {
			sessions[fmt.Sprintf("%d_1:0", 100_000+first+i)] = randomBytes(4000)
		}
		if err := k.PutManySessions(t.Context(), sessions); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	k = s.open(t, 2, keys.Options{})
	for i := range many {
		if _, err := k.GetSession(t.Context(), fmt.Sprintf("%d_1:0", 100_000+i)); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d sessions of 4 kB: %d kB in memory", many, used>>10)
	if used > 8<<20 {
		t.Errorf("%d bytes in memory", used)
	}
	runtime.KeepAlive(k)
}

// Pairs of more than one chunk stay a map in both directions when numbers move
// between LIDs, and survive.
func TestManyPairs(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	byLID, byPN := make(map[string]string), make(map[string]string)
	for round := range 40 {
		var mappings []store.LIDMapping
		for range 1 + r.IntN(200)*((round+1)%2) {
			lid, pn := fmt.Sprint(70000+r.IntN(600)), fmt.Sprint(49000+r.IntN(600))
			mappings = append(mappings, store.LIDMapping{
				LID: types.NewJID(lid, types.HiddenUserServer), PN: types.NewJID(pn, types.DefaultUserServer),
			})
			if old, ok := byLID[lid]; ok {
				delete(byPN, old)
			}
			if old, ok := byPN[pn]; ok {
				delete(byLID, old)
			}
			byLID[lid], byPN[pn] = pn, lid
		}
		if err := k.PutManyLIDMappings(t.Context(), mappings); err != nil {
			t.Fatal(err)
		}
		if round%10 == 9 {
			if err := k.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			k = s.open(t, int64(round), keys.Options{})
		}
		for i := range 600 {
			lid, pn := fmt.Sprint(70000+i), fmt.Sprint(49000+i)
			gotPN, err := k.GetPNForLID(t.Context(), types.NewJID(lid, types.HiddenUserServer))
			gotLID, err2 := k.GetLIDForPN(t.Context(), types.NewJID(pn, types.DefaultUserServer))
			if err != nil || err2 != nil || gotPN.User != byLID[lid] || gotLID.User != byPN[pn] {
				t.Fatalf("round %d: %s has %q, want %q; %s has %q, want %q", round, lid, gotPN.User, byLID[lid], pn, gotLID.User, byPN[pn])
			}
		}
	}
}

// A used prekey is gone for good, and its id does not come again.
func TestPreKeysAreGoneWhenUsed(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	s.table.Reset()
	made, err := k.GetOrGenPreKeys(t.Context(), 812)
	if err != nil || len(made) != 812 || made[811].KeyID != 812 {
		t.Fatalf("%d keys, %v", len(made), err)
	}
	if err := k.MarkPreKeysAsUploaded(t.Context(), 812); err != nil {
		t.Fatal(err)
	}
	if n := s.table.Total().Requests; n != 2 {
		t.Errorf("making and marking 812 keys cost %d requests", n)
	}
	for _, key := range made {
		if err := k.RemovePreKey(t.Context(), key.KeyID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if n, err := k.UploadedPreKeyCount(t.Context()); err != nil || n != 0 {
			t.Errorf("%d keys are left, %v", n, err)
		}
		k = s.open(t, 2, keys.Options{})
	}
	if n := slices.IndexFunc(s.items(t), func(i table.Item) bool { return strings.HasPrefix(i.Sort, "a/k/") && len(i.Body) > 100 }); n >= 0 {
		t.Error("keys are left in the table")
	}
	if key, err := k.GenOnePreKey(t.Context()); err != nil || key.KeyID != 813 {
		t.Errorf("next key %v, %v", key, err)
	}
}

// Rows that nobody needs for ever have an end.
func TestExpiries(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	now := time.Now().Truncate(time.Millisecond)
	k := s.open(t, 1, keys.Options{Now: func() time.Time { return now }})
	paired(t, k, "49151")
	chat := types.NewJID("7", types.HiddenUserServer)
	err := errors.Join(
		k.PutBufferedEvent(t.Context(), [32]byte{1}, []byte("handled"), now),
		k.PutBufferedEvent(t.Context(), [32]byte{2}, []byte("not"), now),
		k.PutMessageSecret(t.Context(), chat, chat, "ID", []byte("secret")),
		k.ClearBufferedEventPlaintext(t.Context(), [32]byte{1}), // is written with what comes next
		k.PutPoll(t.Context(), chat, "ID", []string{"yes"}))
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	want := map[string]time.Duration{"a/d/": 14 * day, "a/e/": 14 * day, "x/p/": 30 * day, "x/s/": 30 * day}
	for _, item := range s.items(t) {
		for prefix, life := range want {
			if strings.HasPrefix(item.Sort, prefix) {
				delete(want, prefix)
				if left := item.Expires.Sub(now); left != life {
					t.Errorf("%s expires after %s", item.Sort, left)
				}
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not stored: %v", want)
	}
}

// A send and a decryption do not meet between reading a session and storing it,
// and nobody waits for nobody.
func TestSendAndDecryptTakeTurns(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	if err := k.PutSession(t.Context(), "7_1:0", make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	const rounds = 40
	next := func(ctx context.Context, put func([]byte) error) error {
		session, err := k.GetSession(ctx, "7_1:0")
		if err != nil {
			return err
		}
		runtime.Gosched()
		return put(binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(session)+1))
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range rounds {
				ctx, done := k.BeginSend(t.Context())
				err := next(ctx, func(session []byte) error {
					return k.PutManySessions(ctx, map[string][]byte{"7_1:0": session})
				})
				if err != nil {
					t.Error(err)
				}
				// Its answer may need that a message is decrypted.
				err = k.DoDecryptionTxn(t.Context(), func(context.Context) error { return nil })
				if err != nil {
					t.Error(err)
				}
				done()
				done()
			}
		})
		group.Go(func() {
			for range rounds {
				err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
					return next(ctx, func(session []byte) error { return k.PutSession(ctx, "7_1:0", session) })
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() { // and the rest of a client
			for i := range rounds {
				user := types.NewJID(fmt.Sprint(i), types.HiddenUserServer)
				_, _, err := k.PutPushName(t.Context(), user, "name")
				err = errors.Join(err, k.PutLIDMapping(t.Context(), user, types.NewJID(fmt.Sprint(i), types.DefaultUserServer)),
					k.PutIdentity(t.Context(), "7_1:0", [32]byte{byte(i)}))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	session, err := k.GetSession(t.Context(), "7_1:0")
	if err != nil || binary.BigEndian.Uint64(session) != 4*rounds {
		t.Errorf("%d of %d steps, %v", binary.BigEndian.Uint64(session), 4*rounds, err)
	}
	// Whoever waits can give up.
	_, done := k.BeginSend(t.Context())
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, none := k.BeginSend(over)
	none()
	if err := k.DoDecryptionTxn(over, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("decryption during a send: %v", err)
	}
	done()
}

// What a message leaves behind is stored before its receipt, in the one request
// that its session is stored with.
func TestSecretIsStoredBeforeTheReceipt(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	user, number := types.NewJID("7", types.HiddenUserServer), types.NewJID("497", types.DefaultUserServer)
	if err := k.PutSession(t.Context(), "7_1:0", []byte("warm")); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		hash := [32]byte{byte(i + 1)}
		if e, err := k.GetBufferedEvent(t.Context(), hash); err != nil || e != nil {
			t.Fatal(e, err)
		}
		s.table.Reset()
		err := k.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			return errors.Join(k.PutSession(ctx, "7_1:0", []byte{byte(i)}), k.PutBufferedEvent(ctx, hash, []byte("text"), time.Now()))
		})
		if i%2 == 1 {
			err = errors.Join(err, k.PutMessageSecret(t.Context(), user, user, fmt.Sprint(i), []byte("secret")))
			err = errors.Join(err, k.PutLIDMapping(t.Context(), user, number))
		}
		if err = errors.Join(err, k.ClearBufferedEventPlaintext(t.Context(), hash)); err != nil {
			t.Fatal(err)
		}
		if n := s.table.Total().Requests; n != 1 {
			t.Errorf("message %d cost %d requests", i, n)
		}
	}
	k = s.open(t, 2, keys.Options{})
	if secret, sender, err := k.GetMessageSecret(t.Context(), number, number, "5"); err != nil || string(secret) != "secret" || sender != user {
		t.Errorf("secret %q of %s, %v", secret, sender, err)
	}
	if e, err := k.GetBufferedEvent(t.Context(), [32]byte{6}); err != nil || e == nil || e.Plaintext != nil {
		t.Errorf("handled event: %v, %v", e, err)
	}
}

// What waits for the next transaction does not make later ones fail, and is
// written in the end.
func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	chat := types.NewJID("7", types.HiddenUserServer)
	if err := k.PutMessageSecret(t.Context(), chat, chat, "\x00\xff"+strings.Repeat("x", 5000), []byte("odd id")); err != nil {
		t.Error(err)
	}
	if _, _, err := k.PutPushName(t.Context(), types.NewJID("7\x00", types.HiddenUserServer), "odd"); err == nil {
		t.Error("a name without a possible key was taken")
	}
	for i := range 300 {
		user := types.NewJID(fmt.Sprint(i), types.HiddenUserServer)
		if _, _, err := k.PutPushName(t.Context(), user, "name"); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	k = s.open(t, 2, keys.Options{})
	if all, err := k.GetAllContacts(t.Context()); err != nil || len(all) != 300 {
		t.Errorf("%d contacts, %v", len(all), err)
	}
	if secret, _, err := k.GetMessageSecret(t.Context(), chat, chat, "\x00\xff"+strings.Repeat("x", 5000)); err != nil || string(secret) != "odd id" {
		t.Errorf("secret %q, %v", secret, err)
	}
}
