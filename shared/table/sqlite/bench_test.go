package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/shared/table"
)

func record(i int) table.Item {
	return table.Item{
		Key:        table.Key{Partition: fmt.Sprintf("instance#%03d", i%100), Sort: fmt.Sprintf("key#%08d", i)},
		Attributes: map[string]any{"state": "open", "host": "host-1", "epoch": int64(i)},
		Body:       make([]byte, 200),
	}
}

// BenchmarkSync is what this disk asks for one durable write, the floor under
// every commit: 8 KiB appended and synced.
func BenchmarkSync(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	page := make([]byte, 8<<10)
	for b.Loop() {
		if _, err := file.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPut is a lone writer: what one commit costs, disk included.
func BenchmarkPut(b *testing.B) {
	tbl := open(b)
	b.ReportAllocs()
	took := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if _, err := tbl.Put(b.Context(), record(i), table.Absent()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkPutConcurrent is the group commit: 100 writers, conditional writes,
// half of them creations and half updates by revision.
func BenchmarkPutConcurrent(b *testing.B) {
	tbl := open(b)
	b.ReportAllocs()
	const writers = 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := w; n < b.N; n += writers {
				item, condition := record(w), table.Absent()
				item.Sort = fmt.Sprintf("%08d", n/(2*writers))
				if n/writers%2 == 1 {
					condition = table.Revision(1)
				}
				if _, err := tbl.Put(b.Context(), item, condition); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
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

func BenchmarkGet(b *testing.B) {
	tbl := open(b)
	items := fill(b, tbl, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := tbl.Get(b.Context(), items[i%len(items)].Key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueryHundred(b *testing.B) {
	tbl := open(b)
	fill(b, tbl, 20000) // 200 in each partition
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		page, err := tbl.Query(b.Context(), table.Query{Partition: record(i).Partition, Limit: 100})
		if err != nil || len(page.Items) != 100 {
			b.Fatal(len(page.Items), err)
		}
	}
}

func fill(b *testing.B, tbl table.Table, n int) []table.Item {
	b.Helper()
	items := make([]table.Item, n)
	for i := range items {
		items[i] = record(i)
	}
	if err := tbl.BatchWrite(b.Context(), items, nil); err != nil {
		b.Fatal(err)
	}
	return items
}
