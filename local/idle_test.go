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

// TestIdle measures what 100 open instances, or IDLE_INSTANCES, cost when nothing
// happens: memory, goroutines and CPU. It takes half a minute, and with 10,000
// of them as many as it takes to link so many phones (some 20 a second), so it
// runs where IDLE_SECONDS says how long to look.
func TestIdle(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("IDLE_SECONDS"))
	if err != nil {
		t.Skip("set IDLE_SECONDS=10 to measure an idle system")
	}
	instances := 100
	if n, err := strconv.Atoi(os.Getenv("IDLE_INSTANCES")); err == nil {
		instances = n
	}
	w := newWorld(t, 3*time.Minute+time.Duration(instances)*500*time.Millisecond)
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
	<-time.After(5 * time.Second) // the last of the linking
	before := cpuTime(t, w.cmd.Process.Pid)
	<-time.After(time.Duration(seconds) * time.Second)
	used := cpuTime(t, w.cmd.Process.Pid) - before
	share := used.Seconds() / float64(seconds)
	t.Logf("%d idle instances: %.2f %% of a core over %d s; for each of them %.3f ms a second, %.0f kB, %.1f goroutines", instances, 100*share, seconds,
		1000*share/float64(instances), float64(memory(t, w.cmd.Process.Pid)-empty)/float64(instances), float64(goroutines(t, private)-none)/float64(instances))
	// whatsmeow itself: 0.027 ms a second and connection (TLS; measured on a bare client).
	if limit := 0.01 + float64(instances)*0.000027; share > limit {
		t.Errorf("%.2f %% of a core is more than %.2f %%", 100*share, 100*limit)
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
