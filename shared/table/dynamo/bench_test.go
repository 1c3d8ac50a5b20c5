package dynamo_test

import (
	"fmt"
	"testing"

	"roost/shared/table"
)

func record(i int) table.Item {
	return table.Item{
		Key:        table.Key{Partition: fmt.Sprintf("instance#%03d", i%100), Sort: fmt.Sprintf("key#%08d", i)},
		Attributes: map[string]any{"state": "open", "host": "host-1", "epoch": int64(i)},
		Body:       make([]byte, 200),
	}
}

func BenchmarkPut(b *testing.B) {
	tbl := open(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := tbl.Put(b.Context(), record(i), table.Absent()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	tbl := open(b)
	if _, err := tbl.Put(b.Context(), record(1), table.None()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tbl.Get(b.Context(), record(1).Key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteThree(b *testing.B) {
	tbl := open(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ops := make([]table.Op, 3)
		for n := range ops {
			ops[n] = table.PutOp(record(3*i+n), table.AtMost("epoch", int64(3*i+n)))
		}
		if err := tbl.Write(b.Context(), ops...); err != nil {
			b.Fatal(err)
		}
	}
}
