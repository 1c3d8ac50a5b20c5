package keys_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/shared/table"
)

// A takeover of many sessions costs a page now and then, not a request each.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	const many = 300
	sessions := make(map[string][]byte)
	for i := range many {
		user := fmt.Sprint(1000 + i)
		sessions[user+"_1:0"] = randomBytes(2500)
		lid, pn := types.NewJID(user, types.HiddenUserServer), types.NewJID("49"+user, types.DefaultUserServer)
		_, _, err := k.PutPushName(t.Context(), lid, "Name "+user)
		if err = errors.Join(err, k.PutLIDMapping(t.Context(), lid, pn)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(k.PutManySessions(t.Context(), sessions), k.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	s.table.Reset()
	k = s.open(t, 2, keys.Options{})
	for i := range many {
		user := fmt.Sprint(1000 + i)
		lid, pn := types.NewJID(user, types.HiddenUserServer), types.NewJID("49"+user, types.DefaultUserServer)
		err := k.PutLIDMapping(t.Context(), lid, pn)
		_, err2 := k.GetBufferedEvent(t.Context(), [32]byte{byte(i), byte(i >> 8)})
		session, err3 := k.GetSession(t.Context(), user+"_1:0")
		_, _, err4 := k.PutPushName(t.Context(), lid, "Name "+user)
		_, err5 := k.GetPrivacyToken(t.Context(), lid)
		if err := errors.Join(err, err2, err3, err4, err5); err != nil || len(session) != 2500 {
			t.Fatalf("session of %d bytes, %v", len(session), err)
		}
	}
	total := s.table.Total()
	t.Logf("takeover of %d sessions: %d requests, %d bytes", many, total.Requests, total.Bytes)
	if total.Requests > 5+many/100 {
		t.Errorf("%d requests", total.Requests)
	}
}

// sizes of sessions: fresh, usual, after many skipped messages.
var sizes = []int{1000, 2000, 179_000}

func BenchmarkInbound(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("session=%d", size), func(b *testing.B) {
			s := newShelf(b)
			k := s.open(b, 1, keys.Options{})
			paired(b, k, "49151")
			session, plaintext := randomBytes(size), randomBytes(200)
			lid, pn := types.NewJID("7", types.HiddenUserServer), types.NewJID("497", types.DefaultUserServer)
			var hash [32]byte
			message := func() {
				binary.BigEndian.PutUint64(hash[:], binary.BigEndian.Uint64(hash[:])+1)
				binary.BigEndian.PutUint64(session, binary.BigEndian.Uint64(hash[:]))
				ctx := b.Context()
				err := k.PutLIDMapping(ctx, lid, pn)
				_, err2 := k.GetBufferedEvent(ctx, hash)
				err3 := k.DoDecryptionTxn(ctx, func(ctx context.Context) error {
					_, err := k.GetSession(ctx, "7_1:0")
					_, err2 := k.IsTrustedIdentity(ctx, "7_1:0", [32]byte{1})
					return errors.Join(err, err2, k.PutIdentity(ctx, "7_1:0", [32]byte{1}),
						k.PutSession(ctx, "7_1:0", session), k.PutBufferedEvent(ctx, hash, plaintext, time.Time{}))
				})
				_, _, err4 := k.PutPushName(ctx, lid, "Name")
				if err := errors.Join(err, err2, err3, err4, k.ClearBufferedEventPlaintext(ctx, hash)); err != nil {
					b.Fatal(err)
				}
			}
			message()
			measure(b, s.table, message)
		})
	}
}

func BenchmarkOutbound(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("session=%d", size), func(b *testing.B) {
			s := newShelf(b)
			k := s.open(b, 1, keys.Options{})
			paired(b, k, "49151")
			sessions := map[string][]byte{"7_1:0": randomBytes(size), "8_1:0": randomBytes(size)}
			lid, pn := types.NewJID("7", types.HiddenUserServer), types.NewJID("497", types.DefaultUserServer)
			count := uint64(0)
			message := func() {
				count++
				ctx, done := k.BeginSend(b.Context())
				defer done()
				_, err := k.GetLIDForPN(ctx, pn)
				_, err2 := k.GetManySessions(ctx, []string{"7_1:0", "8_1:0"})
				for address, session := range sessions {
					binary.BigEndian.PutUint64(session, count)
					err2 = errors.Join(err2, k.PutIdentity(ctx, address, [32]byte{1}))
				}
				err3 := k.PutManySessions(ctx, sessions)
				_, err4 := k.GetPrivacyToken(ctx, lid)
				_, err5 := k.GetNCTSalt(ctx)
				if err := errors.Join(err, err2, err3, err4, err5); err != nil {
					b.Fatal(err)
				}
			}
			message()
			measure(b, s.table, message)
		})
	}
}

func measure(b *testing.B, t *table.Counting, message func()) {
	b.Helper()
	b.ReportAllocs()
	t.Reset()
	messages := 0
	for b.Loop() {
		message()
		messages++
	}
	total := t.Total()
	b.ReportMetric(float64(total.Requests)/float64(messages), "requests/op")
	b.ReportMetric(float64(total.Bytes)/float64(messages), "table_B/op")
}
