package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// idleInstances is how many TestIdle has. IDLE_INSTANCES=10000 makes it strict: a
// few on a busy machine say nothing.
func idleInstances(t *testing.T) (count int, looked time.Duration, strict bool) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("IDLE_INSTANCES")); err == nil {
		return n, 30 * time.Second, true
	}
	return 10, time.Second, false
}

// maxGoroutines is what an idle instance may have: four of the library's and
// those of its WebSocket and session.
const maxGoroutines = 12

// TestIdle measures what open instances cost when nothing happens: memory,
// goroutines and CPU. The simulator, which has the other ends, is in another
// process. Most of the time is spent on linking, some 20 a second:
//
//	IDLE_INSTANCES=10000 go test -v -timeout 3h -run 'TestIdle$' ./local
func TestIdle(t *testing.T) {
	instances, looked, strict := idleInstances(t)
	w := newWorld(t, 3*time.Minute+time.Duration(instances)*time.Second)
	private := freePort(t)
	w.start("-log-level", "error", "-host-listen", "127.0.0.1:"+private)
	empty, none := memory(t, w.cmd.Process.Pid), goroutines(t, private)
	var linking sync.WaitGroup
	slots := make(chan struct{}, 8)
	for n := range instances {
		linking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w.link(fmt.Sprintf("idle-%d", n), fmt.Sprintf("49151%08d", n))
		})
	}
	linking.Wait()
	if strict {
		<-time.After(10 * time.Second) // the last of the linking
	}
	before := cpuTime(t, w.cmd.Process.Pid)
	<-time.After(looked)
	used := cpuTime(t, w.cmd.Process.Pid) - before
	share := used.Seconds() / looked.Seconds()
	kilobytes := float64(memory(t, w.cmd.Process.Pid)-empty) / float64(instances)
	running := float64(goroutines(t, private)-none) / float64(instances)
	t.Logf("%d idle instances: %.2f %% of a core over %s; for each of them %.3f ms a second, %.0f kB, %.1f goroutines",
		instances, 100*share, looked, 1000*share/float64(instances), kilobytes, running)
	if running > maxGoroutines {
		t.Errorf("%.1f goroutines an instance, at most %d were meant", running, maxGoroutines)
	}
	if !strict {
		return
	}
	// whatsmeow itself: 0.027 ms a second and connection (TLS; measured on a bare client).
	if limit := 0.01 + float64(instances)*0.000054; share > limit {
		t.Errorf("%.2f %% of a core is more than %.2f %%", 100*share, 100*limit)
	}
	if instances >= 1000 && kilobytes > 500 { // fewer do not fill what the program takes for itself
		t.Errorf("%.0f kB an instance, at most 500 were meant", kilobytes)
	}
}

// cpuTime is what a process has used, user and system, from Linux' proc.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // 100 ticks a second on every Linux
}

// memory is what a process has resident, in kB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	return number(t, string(status), "VmRSS:")
}

// goroutines is how many a session host has.
func goroutines(t *testing.T, port string) int {
	t.Helper()
	r, err := http.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return number(t, string(text), "roost_goroutines ")
}

// number is what follows a name.
func number(t *testing.T, text, name string) int {
	t.Helper()
	_, rest, found := strings.Cut(text, name)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		t.Fatalf("there is no %s", name)
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
