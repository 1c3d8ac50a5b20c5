package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/shared/queue"
	"roost/shared/sqlite"
	"roost/shared/table"
)

const (
	crashes      = 30
	crashWriters = 3
)

// childWrite writes as fast as it can and prints each write once it is
// acknowledged, until it is killed.
func childWrite(ctx context.Context, h house) error {
	q, err := h.queues.Open(ctx, "q", queue.Options{})
	if err != nil {
		return err
	}
	life := strconv.Itoa(os.Getpid())
	var printing sync.Mutex
	say := func(kind, partition string, n int) error {
		printing.Lock()
		defer printing.Unlock()
		_, err := fmt.Printf("%s %s %d\n", kind, partition, n)
		return err
	}
	errs := make(chan error)
	for w := range crashWriters {
		name := fmt.Sprintf("%s-%d", life, w)
		go func() {
			for n := 0; ; n++ {
				sort := fmt.Sprintf("%06d", n)
				// Both or neither, like a message and its session.
				err := h.table.Write(ctx, table.PutOp(item(name, sort), table.Absent()), table.PutOp(item(name+"-pair", sort), table.Absent()))
				if err == nil {
					err = say("table", name, n)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		}()
		go func() {
			for n := 0; ; n++ {
				err := q.Send(ctx, queue.Message{Group: name, Deduplication: strconv.Itoa(n), Body: []byte(strconv.Itoa(n))})
				if err == nil {
					err = say("queue", name, n)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// TestCrash kills a writing process at random instants. Everything it was told
// is durable is there, whole and in order.
func TestCrash(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	path := newPath(t)
	h, err := openHouse(path)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for round := range crashes {
		child := startChild(t, "write", path)
		kill := time.AfterFunc(time.Duration(dice.IntN(60_000))*time.Microsecond, func() {
			_ = child.command.Process.Kill()
		})
		last := make(map[string]int) // by kind and name
		for child.lines.Scan() {
			kind, rest, _ := strings.Cut(child.lines.Text(), " ")
			name, number, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			if err != nil {
				break // cut off by the kill
			}
			last[kind+" "+name] = n + 1
			total++
		}
		kill.Stop()
		_ = child.command.Wait() // killed
		// Half of the time the survivor goes on, half of the time everything
		// has died and starts again.
		if round%2 == 0 {
			if err := h.db.Close(); err != nil {
				t.Fatal(err)
			}
			if h, err = openHouse(path); err != nil {
				t.Fatal(err)
			}
		}
		checkCrash(t, h, last)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	err = h.db.Read(t.Context(), func(conn *sqlite.Conn) error {
		return conn.Query(`PRAGMA integrity_check`, func(r sqlite.Row) bool {
			if r.Text(0) != "ok" {
				t.Errorf("integrity: %s", r.Text(0))
			}
			return true
		})
	})
	if err != nil {
		t.Error(err)
	}
	// A write finds out who is dead, after its answer: the second one begins
	// when the first is done with that.
	for range 2 {
		if _, err := h.table.Put(t.Context(), item("p", "s"), table.None()); err != nil {
			t.Error(err)
		}
	}
	if left := pipes(t, path); len(left) != 1 {
		t.Errorf("pipes of the dead are left: %v", left)
	}
	if err := h.db.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d writes acknowledged over %d crashes", total, crashes)
}

// checkCrash expects, for each name, at least the acknowledged count, at most
// the one more that was under way, and no gap.
func checkCrash(t *testing.T, h house, acknowledged map[string]int) {
	t.Helper()
	found := make(map[string]int)
	for key := range acknowledged {
		kind, name, _ := strings.Cut(key, " ")
		if kind != "table" {
			continue
		}
		for _, partition := range []string{name, name + "-pair"} {
			n := 0
			for got, err := range table.All(t.Context(), h.table, table.Query{Partition: partition}) {
				if err != nil || got.Sort != fmt.Sprintf("%06d", n) {
					t.Fatalf("item %d of %s is %s, %v", n, partition, got.Sort, err)
				}
				n++
			}
			if before, ok := found[key]; ok && before != n {
				t.Errorf("%s has %d items, its pair %d", name, before, n)
			}
			found[key] = n
		}
	}
	q := h.queue(t, "q")
	for {
		deliveries, err := q.Receive(t.Context(), 10, 0, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if len(deliveries) == 0 {
			break
		}
		var receipts []string
		for _, d := range deliveries {
			if string(d.Body) != strconv.Itoa(found["queue "+d.Group]) {
				t.Fatalf("message %s of %s after %d", d.Body, d.Group, found["queue "+d.Group])
			}
			found["queue "+d.Group]++
			receipts = append(receipts, d.Receipt)
		}
		if err := q.Delete(t.Context(), receipts...); err != nil {
			t.Fatal(err)
		}
	}
	for key, n := range acknowledged {
		if found[key] != n && found[key] != n+1 {
			t.Errorf("%s: %d found, %d acknowledged", key, found[key], n)
		}
	}
}
