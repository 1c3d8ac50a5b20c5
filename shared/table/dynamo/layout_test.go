package dynamo

import (
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/shared/table"
)

// roomy is an item as the hot paths have them.
func roomy() table.Item {
	return table.Item{
		Key:        table.Key{Partition: "keys#0123456789abcdef", Sort: "a/session/4917012345678:3"},
		Attributes: map[string]any{"epoch": int64(7), "host": "host-1", "at": "2026-02-03T04:05:06Z"},
		Body:       make([]byte, 600),
		Expires:    time.UnixMilli(4_000_000_000_123),
	}
}

// TestExpiry: DynamoDB must never remove what is still alive.
func TestExpiry(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{1000: "1", 1001: "2", 1999: "2", 2000: "2"} {
		if seconds, exact := encodeExpiry(time.UnixMilli(ms)); seconds.Value != want || exact.Value != encodeNumber(ms).Value {
			t.Errorf("%d ms: %s s and %s ms, want %s s", ms, seconds.Value, exact.Value, want)
		}
	}
}

// TestForeign: what somebody else has put into the table is an error, no crash.
func TestForeign(t *testing.T) {
	t.Parallel()
	good := func() map[string]value { return encodeItem(roomy(), 1, []byte("id")) }
	for name, spoil := range map[string]func(map[string]value){
		"no key":        func(i map[string]value) { delete(i, partitionName) },
		"no revision":   func(i map[string]value) { delete(i, revisionName) },
		"revision":      func(i map[string]value) { i[revisionName] = &text{Value: "1"} },
		"huge revision": func(i map[string]value) { i[revisionName] = &number{Value: "1e99"} },
		"huge expiry":   func(i map[string]value) { i[expiryMsName] = &number{Value: "99999999999999999999"} },
		"fraction": func(i map[string]value) {
			i[attributesName] = &object{Value: map[string]value{"n": &number{Value: "1.5"}}}
		},
		"list": func(i map[string]value) {
			i[attributesName] = &object{Value: map[string]value{"l": &list{Value: []value{&flag{}}}}}
		},
		"map": func(i map[string]value) {
			i[attributesName] = &object{Value: map[string]value{"m": &object{Value: map[string]value{"k": nil}}}}
		},
		"nil": func(i map[string]value) { i[attributesName] = &object{Value: map[string]value{"m": nil}} },
	} {
		encoded := good()
		spoil(encoded)
		if item, err := decodeItem(encoded); err == nil {
			t.Errorf("%s: decoded as %+v", name, item)
		}
	}
	if _, err := decodeItem(good()); err != nil {
		t.Error(err)
	}
}

func FuzzItem(f *testing.F) {
	f.Add("plain", "k", int64(1), []byte("raw"), int64(0))
	f.Add("\"\\\u2028<&\x7f", "pk", int64(math.MinInt64), []byte{0xff}, int64(4_000_000_000_001))
	f.Fuzz(func(t *testing.T, s, name string, n int64, raw []byte, expires int64) {
		want := table.Item{Key: table.Key{Partition: s, Sort: name}, Revision: 1, Body: raw, Attributes: map[string]any{
			"text": s, "n": n, "raw": raw, "flag": n%2 == 0, "list": []string{s, name}, "map": map[string]string{name: s, "a": name},
		}}
		if expires > 0 {
			want.Expires = time.UnixMilli(expires)
		}
		if !utf8.ValidString(s) || want.Validate() != nil {
			t.Skip()
		}
		got, err := decodeItem(encodeItem(want, 1, nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkEncodeItem(b *testing.B) {
	item, id := roomy(), []byte("12345678")
	b.ReportAllocs()
	for b.Loop() {
		encodeItem(item, 1, id)
	}
}

func BenchmarkDecodeItem(b *testing.B) {
	encoded := encodeItem(roomy(), 1, []byte("12345678"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeItem(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeTransaction(b *testing.B) {
	t := &Table{name: "roost"}
	ops := []table.Op{
		table.CheckOp(roomy().Key, table.Equals("epoch", int64(7))),
		table.PutOp(roomy(), table.AtMost("epoch", 7)),
		table.PutOp(roomy(), table.Revision(3)),
		table.DeleteOp(roomy().Key, table.None()),
	}
	id := []byte("12345678")
	b.ReportAllocs()
	for b.Loop() {
		for _, op := range ops {
			t.encodeOp(op, id)
		}
	}
}
