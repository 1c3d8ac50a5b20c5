package host_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/shared/event"
	"roost/shared/instance"
	"roost/simulator/content"
)

// While the queue of events takes nothing, what comes in stays with WhatsApp: a
// host keeps no more of it with every connection that it opens. Afterwards all
// of it arrives once.
func TestMemoryDuringQueueOutage(t *testing.T) { // not parallel: others would be counted
	w := newWorld(t)
	opener := &trouble{Opener: w.queues}
	w.queues = opener
	w.host()
	i := w.create("flooded")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	for told := ""; told != "open"; told = w.connection() {
	}
	fail := func() error { return errTrouble }
	opener.before.Store(&fail)
	want := map[string]int{}
	const each = 32 << 10
	for n := range 100 {
		id, err := bob.Send(alice.PN(), content.Text(fmt.Sprint(n, strings.Repeat(" long", each/5))))
		must(t, err)
		want[id] = 1
	}
	// Between two connections, more or less: what is on its way at such a moment
	// is counted as well.
	const connections = 10
	var heap, running [connections]uint64
	for n, logins := 0, w.Logins(); n < connections; n++ {
		w.until(i, "between two connections", func(i instance.Instance, _ *instance.Offer) bool {
			return w.Logins() >= logins+n && i.State == instance.Connecting
		})
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[n], running[n] = m.HeapAlloc>>10, uint64(runtime.NumGoroutine())
	}
	t.Logf("%d messages of %d KiB: heap %d KiB, goroutines %d", len(want), each>>10, heap, running)
	const room = 250 // messages: they come three times
	if before, after := slices.Min(heap[1:3]), slices.Min(heap[connections-5:]); after > before+room*each>>10 {
		t.Errorf("the heap grew from %d to %d KiB", before, after)
	}
	if before, after := slices.Min(running[1:3]), slices.Min(running[connections-5:]); after > before+10 {
		t.Errorf("%d goroutines became %d", before, after)
	}
	opener.before.Store(nil)
	got := map[string]int{}
	for len(got) < len(want) {
		e := w.next(event.MessageReceived)
		got[w.said(e).ID]++
	}
	for id, n := range w.received(100 * time.Millisecond) {
		got[id] += n
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("message %s was told of %d times", id, got[id])
		}
	}
	must(t, w.Settle(w.ctx))
}
