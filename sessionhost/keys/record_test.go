package keys_test

import (
	"math/rand" //nolint:depguard // what quick takes
	"reflect"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	grouprecord "go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"

	"roost/simulator/signal"
)

// oldFormat and oldSenderFormat are what libsignal itself stores.
var (
	oldFormat       = serialize.NewProtoBufSerializer().Session
	oldSenderFormat = serialize.NewProtoBufSerializer().SenderKeyRecord
)

// Sender keys come back as sessions do.
func TestSenderKeysComeBack(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewSource(seed))
	format := store.SignalProtobufSerializer.SenderKeyRecord
	for range 300 {
		value, ok := quick.Value(reflect.TypeFor[grouprecord.SenderKeyStructure](), dice)
		if !ok {
			t.Fatal("no value")
		}
		s, _ := reflect.TypeAssert[grouprecord.SenderKeyStructure](value)
		if s.SenderKeyStates == nil {
			s.SenderKeyStates = []*grouprecord.SenderKeyStateStructure{}
		}
		stored := format.Serialize(&s)
		got, err := format.Deserialize(stored)
		if diff := cmp.Diff(&s, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		if got, err = format.Deserialize(oldSenderFormat.Serialize(&s)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&s, got); diff != "" {
			t.Fatalf("from JSON: %s", diff)
		}
		for n := range min(len(stored), 200) {
			if _, err := format.Deserialize(stored[:n]); err == nil {
				t.Fatalf("%d of %d bytes are a record", n, len(stored))
			}
		}
	}
}

// FuzzSenderRecord is FuzzSessionRecord for sender keys.
func FuzzSenderRecord(f *testing.F) {
	format := store.SignalProtobufSerializer.SenderKeyRecord
	f.Add(format.Serialize(&grouprecord.SenderKeyStructure{SenderKeyStates: []*grouprecord.SenderKeyStateStructure{{KeyID: 7, SigningKeyPublic: []byte("public")}}}))
	f.Fuzz(func(t *testing.T, stored []byte) {
		s, err := format.Deserialize(stored)
		if err != nil || s == nil {
			return
		}
		again, err := format.Deserialize(format.Serialize(s))
		if diff := cmp.Diff(s, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// What comes back is what was stored, nil and empty apart, and what was stored as
// JSON is read as well.
func TestSessionRecordsComeBack(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewSource(seed))
	format := store.SignalProtobufSerializer.Session
	structures := []*record.SessionStructure{{PreviousStates: []*record.StateStructure{}}}
	for range 300 {
		value, ok := quick.Value(reflect.TypeFor[record.SessionStructure](), dice)
		if !ok {
			t.Fatal("no value")
		}
		s, _ := reflect.TypeAssert[record.SessionStructure](value)
		if s.PreviousStates == nil {
			s.PreviousStates = []*record.StateStructure{}
		}
		for _, state := range append(s.PreviousStates, s.SessionState) {
			if state != nil {
				state.SessionVersion = dice.Intn(4)
			}
		}
		structures = append(structures, &s)
	}
	for _, s := range structures {
		stored := format.Serialize(s)
		got, err := format.Deserialize(stored)
		if diff := cmp.Diff(s, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		if got, err = format.Deserialize(oldFormat.Serialize(s)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Fatalf("from JSON: %s", diff)
		}
		for n := range min(len(stored), 200) {
			if _, err := format.Deserialize(stored[:n]); err == nil {
				t.Fatalf("%d of %d bytes are a record", n, len(stored))
			}
		}
		if _, err := format.Deserialize(append(stored, 0)); err == nil {
			t.Fatal("a record with something behind it is one")
		}
	}
}

// FuzzSessionRecord looks for bytes that make the format panic, or that it writes
// otherwise than it reads them.
func FuzzSessionRecord(f *testing.F) {
	us := newCorrespondent(f)
	f.Add(us.record(f))
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	format := store.SignalProtobufSerializer.Session
	f.Fuzz(func(t *testing.T, stored []byte) {
		s, err := format.Deserialize(stored)
		if err != nil || s == nil {
			return
		}
		if s.PreviousStates == nil { // JSON can leave them out
			s.PreviousStates = []*record.StateStructure{}
		}
		again, err := format.Deserialize(format.Serialize(s))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// BenchmarkSessionRecord reads and writes a usual session as each message does.
func BenchmarkSessionRecord(b *testing.B) {
	us := newCorrespondent(b)
	stored := us.record(b)
	for name, format := range map[string]record.SessionSerializer{"json": oldFormat, "binary": store.SignalProtobufSerializer.Session} {
		b.Run(name, func(b *testing.B) {
			s, err := store.SignalProtobufSerializer.Session.Deserialize(stored)
			if err != nil {
				b.Fatal(err)
			}
			stored := format.Serialize(s)
			b.ReportAllocs()
			for b.Loop() {
				s, err := format.Deserialize(stored)
				if err != nil {
					b.Fatal(err)
				}
				if len(format.Serialize(s)) != len(stored) {
					b.Fatal("another length")
				}
			}
			b.ReportMetric(float64(len(stored)), "stored_B")
		})
	}
}

// record is a session of two who have written to each other, as it is stored.
func (c *correspondent) record(t testing.TB) []byte {
	t.Helper()
	them := signal.New()
	c.reads(t, c.begunBy(t, them), "their first")
	read(t, them, c, c.encrypt(t, "answer"), "answer")
	c.reads(t, theirs(t, them, c, "again"), "again")
	stored, err := c.keys.GetSession(t.Context(), c.other.String())
	if err != nil || len(stored) == 0 {
		t.Fatalf("%d bytes, %v", len(stored), err)
	}
	return stored
}
