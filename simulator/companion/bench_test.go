package companion

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/types"
)

// What a client weighs decides how many of them a load test can run.
func BenchmarkMemory(b *testing.B) {
	b.Run("store", func(b *testing.B) { weigh(b, func() any { return pairedStore(b, context.Background()) }) })
	b.Run("client", func(b *testing.B) { // unconnected; whatsmeow's own share
		weigh(b, func() any { return New(http.DefaultClient, WithRecordedLimit(0)) })
	})
}

func weigh(b *testing.B, build func() any) {
	b.Helper()
	const many = 100
	for b.Loop() {
		before := heap()
		built := make([]any, many)
		for i := range built {
			built[i] = build()
		}
		b.ReportMetric(float64(heap()-before)/many, "B/each")
		runtime.KeepAlive(built)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// pairedStore holds what a client has after pairing and the first app state sync.
func pairedStore(b *testing.B, ctx context.Context) *Store {
	b.Helper()
	st := &Store{Compact: true}
	d := pairedDevice(st)
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(d.Save(ctx))
	must(d.LIDs.PutLIDMapping(ctx, d.LID, d.ID.ToNonAD()))
	must(d.Identities.PutIdentity(ctx, types.NewJID(d.LID.User, types.HiddenUserServer).SignalAddress().String(), [32]byte{1}))
	_, err := d.PreKeys.GetOrGenPreKeys(ctx, 812)
	must(err)
	must(d.PreKeys.MarkPreKeysAsUploaded(ctx, 812))
	must(d.Sessions.PutSession(ctx, "100000000001_1:0", random.Bytes(1200)))
	for _, name := range []string{"critical_block", "critical_unblock_low", "regular", "regular_high", "regular_low"} {
		must(d.AppState.PutAppStateVersion(ctx, name, 1, [128]byte{}))
	}
	return st
}

// A decryption as whatsmeow does it.
func BenchmarkTransaction(b *testing.B) {
	ctx, d := context.Background(), pairedStore(b, context.Background()).Device()
	session := random.Bytes(1200)
	b.ReportAllocs()
	var hash [32]byte
	for i := 0; b.Loop(); i++ {
		hash[0], hash[1], hash[2] = byte(i), byte(i>>8), byte(i>>16)
		err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			if _, err := d.Sessions.GetSession(ctx, "100000000001_1:0"); err != nil {
				return err
			}
			if err := d.Sessions.PutSession(ctx, "100000000001_1:0", session); err != nil {
				return err
			}
			return d.EventBuffer.PutBufferedEvent(ctx, hash, nil, time.Time{})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
