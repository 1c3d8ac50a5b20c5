package sqlite_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/shared/queue"
	database "roost/shared/sqlite"
)

func openQueue(b *testing.B) queue.Queue {
	b.Helper()
	q, err := open(b, database.Options{}).Open(b.Context(), "q", queue.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return q
}

func numbered(i int) queue.Message {
	return queue.Message{Group: "g" + strconv.Itoa(i%100), Deduplication: strconv.Itoa(i), Body: make200()}
}

func make200() []byte {
	body := make([]byte, 200)
	for i := range body {
		body[i] = 'x'
	}
	return body
}

func BenchmarkSend(b *testing.B) {
	q := openQueue(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := q.Send(b.Context(), numbered(i)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSendTen(b *testing.B) {
	q := openQueue(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		messages := make([]queue.Message, 10)
		for n := range messages {
			messages[n] = numbered(10*i + n)
		}
		if err := q.Send(b.Context(), messages...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiveDelete(b *testing.B) {
	q := openQueue(b)
	fill(b, q, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		deliveries, err := q.Receive(b.Context(), 1, 0, time.Minute)
		if err != nil || len(deliveries) != 1 {
			b.Fatal(len(deliveries), err)
		}
		if err := q.Delete(b.Context(), deliveries[0].Receipt); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPassConcurrent is send, receive and delete of each message, with 50
// senders and 20 receivers on one queue.
func BenchmarkPassConcurrent(b *testing.B) {
	q := openQueue(b)
	b.ReportAllocs()
	var senders, receivers sync.WaitGroup
	for w := range 50 {
		senders.Go(func() {
			for i := w; i < b.N; i += 50 {
				if err := q.Send(b.Context(), numbered(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(b.N))
	for range 20 {
		receivers.Go(func() {
			for {
				deliveries, err := q.Receive(ctx, 10, 20*time.Second, time.Minute)
				if err != nil {
					return // canceled when all were there
				}
				receipts := make([]string, 0, len(deliveries))
				for _, d := range deliveries {
					receipts = append(receipts, d.Receipt)
				}
				if err := q.Delete(b.Context(), receipts...); err != nil {
					b.Error(err)
				}
				if left.Add(-int64(len(deliveries))) == 0 {
					cancel()
				}
			}
		})
	}
	senders.Wait()
	receivers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func fill(b *testing.B, q queue.Queue, n int) {
	b.Helper()
	messages := make([]queue.Message, n)
	for i := range messages {
		messages[i] = numbered(i)
	}
	if err := q.Send(b.Context(), messages...); err != nil {
		b.Fatal(err)
	}
}
