package simulator_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// How many prekeys clients upload: as few as one can without being asked for
// more, and as many as whatsmeow does.
const fewKeys, manyKeys = 8, 812

// bench is a simulator with light clients in another process. It is polite: no
// noise and no refresh of QR codes.
type bench struct {
	*simulator.Simulator
	fleet
	users []*simulator.User
}

func newBench(b *testing.B) *bench {
	b.Helper()
	knobs := simulator.DefaultKnobs()
	knobs.RefreshAfterScan = false
	knobs.AnswerSeconds = 600
	s := simulator.New(simulator.Config{Knobs: &knobs})
	server := httptest.NewServer(s)
	b.Cleanup(func() {
		s.Close()
		server.Close()
	})
	w := &bench{Simulator: s, fleet: startFleet(b, s, server.URL)}
	b.Cleanup(func() {
		for _, v := range s.Violations() {
			b.Errorf("violation: %s", v)
		}
	})
	return w
}

// accounts makes phones.
func (w *bench) accounts(b *testing.B, n int) {
	b.Helper()
	w.users = make([]*simulator.User, n)
	for i := range w.users {
		u, err := w.Phone(strconv.Itoa(491510000000+i), fmt.Sprintf("Person %d", i))
		if err != nil {
			b.Fatal(err)
		}
		w.users[i] = u
	}
}

// settle waits until everything is answered.
func (w *bench) settle(b *testing.B) {
	b.Helper()
	if err := w.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func (w *bench) loginAll(b *testing.B) {
	b.Helper()
	w.call(b, "LoginAll", struct{}{}, new(struct{}))
	w.settle(b)
}

// dropAll cuts all connections and waits until the simulator has seen it.
func (w *bench) dropAll(b *testing.B) {
	b.Helper()
	w.call(b, "DropAll", struct{}{}, new(struct{}))
	for w.Connections() > 0 {
		runtime.Gosched()
	}
}

// BenchmarkIdle reports what 10,000 clients that are connected and idle take of
// the simulator's memory. An operation is a login of all of them.
func BenchmarkIdle(b *testing.B) {
	const clients = 10_000
	w := newBench(b)
	start := measure()
	w.accounts(b, clients)
	made := measure()
	w.pair(b, w.users, fewKeys)
	w.settle(b)
	w.dropAll(b)
	dropped := measure()
	for b.Loop() {
		w.dropAll(b)
		w.loginAll(b)
	}
	online := measure()
	each := func(after, before int64, unit string) { b.ReportMetric(float64(after-before)/clients, unit) }
	each(made.heap, start.heap, "account-B")
	each(dropped.heap, made.heap, "linked-B")
	each(online.heap, dropped.heap, "conn-heap-B")
	each(online.stack, dropped.stack, "conn-stack-B")
	each(online.resident, dropped.resident, "conn-RSS-B")
	each(online.goroutines, dropped.goroutines, "goroutines/conn")
	each(online.resident, start.resident, "all-RSS-B")
}

// BenchmarkPreKeys reports what it takes of the simulator's memory that a client
// uploads 812 prekeys, as many as whatsmeow does at first, and not 8. An
// operation means nothing.
func BenchmarkPreKeys(b *testing.B) {
	const clients = 500
	each := func(preKeys int) float64 {
		w := newBench(b)
		w.accounts(b, clients)
		before := measure()
		w.pair(b, w.users, preKeys)
		w.settle(b)
		return float64(measure().heap-before.heap) / clients
	}
	each(fewKeys) // with it comes what a process makes once, some 2 MB
	few, many := each(fewKeys), each(manyKeys)
	b.ReportMetric(many-few, "B/more-keys")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPair is pairing as a whole: connection, scan, signatures, and the
// connection after it on which the client uploads a few prekeys and gets the
// first sync.
func BenchmarkPair(b *testing.B) {
	w := newBench(b)
	w.accounts(b, b.N)
	used := w.usage(b)
	b.ResetTimer()
	w.pair(b, w.users, fewKeys)
	w.settle(b)
	b.StopTimer()
	used.report(b, w, "pairings/s")
}

// BenchmarkLogin is a client that connects and becomes active. They come in
// thousands, so b.N should be a multiple of 1,000.
func BenchmarkLogin(b *testing.B) {
	const clients = 1000
	w := newBench(b)
	w.accounts(b, clients)
	w.pair(b, w.users, fewKeys)
	w.settle(b)
	used := w.usage(b)
	b.ResetTimer()
	for i := 0; i < b.N; i += clients {
		w.dropAll(b)
		w.loginAll(b)
	}
	b.StopTimer()
	used.report(b, w, "logins/s")
}

// BenchmarkFanOne is messages to one client, each confirmed by it.
func BenchmarkFanOne(b *testing.B) { fan(b, 1) }

// BenchmarkFanThousand is messages spread over 1,000 clients, each confirmed.
func BenchmarkFanThousand(b *testing.B) { fan(b, 1000) }

// fan sends b.N texts of 100 letters, encrypted beforehand.
func fan(b *testing.B, clients int) {
	b.Helper()
	w := newBench(b)
	w.accounts(b, clients)
	w.pair(b, w.users, fewKeys)
	alice, err := w.Contact("4917012345678", "Alice")
	if err != nil {
		b.Fatal(err)
	}
	text := content.Text(strings.Repeat("a", 100))
	prepare := func(n int) []*simulator.Prepared {
		prepared := make([]*simulator.Prepared, n)
		for i := range prepared {
			if prepared[i], err = alice.Prepare(w.users[i%clients].LID(), text); err != nil {
				b.Fatal(err)
			}
		}
		return prepared
	}
	deliver := func(prepared []*simulator.Prepared) {
		w.call(b, "Expect", len(prepared), new(struct{}))
		for _, p := range prepared {
			p.Deliver()
		}
		w.call(b, "Received", struct{}{}, new(struct{}))
		w.settle(b)
	}
	deliver(prepare(clients)) // begins the sessions
	prepared := prepare(b.N)
	runtime.GC()
	used := w.usage(b)
	b.ReportAllocs()
	b.ResetTimer()
	deliver(prepared)
	b.StopTimer()
	used.report(b, w, "msgs/s")
}

// usage is processor time so far: of the simulator and of its clients.
type usage struct{ simulator, clients time.Duration }

func (w *bench) usage(b *testing.B) usage {
	b.Helper()
	u := usage{simulator: processorTime()}
	w.call(b, "Usage", struct{}{}, &u.clients)
	return u
}

// report says how much was used since, by operation.
func (u usage) report(b *testing.B, w *bench, rate string) {
	b.Helper()
	now := w.usage(b)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), rate)
	b.ReportMetric(float64(now.simulator-u.simulator)/float64(time.Microsecond)/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(now.clients-u.clients)/float64(time.Microsecond)/float64(b.N), "client-cpu-us/op")
}

type memory struct{ heap, stack, goroutines, resident int64 }

func measure() memory {
	for range 3 { // a sync.Pool survives two collections
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{int64(m.HeapAlloc), int64(m.StackInuse), int64(runtime.NumGoroutine()), residentSize()}
}

// residentSize is the process's memory as the kernel counts it, in bytes; 0
// where there is no /proc.
func residentSize() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(statm), &total, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
