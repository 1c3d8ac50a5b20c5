package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestIdle measures what 100 open instances cost when nothing happens. It takes
// half a minute, so it runs where IDLE_SECONDS says how long to look.
func TestIdle(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("IDLE_SECONDS"))
	if err != nil {
		t.Skip("set IDLE_SECONDS=10 to measure an idle system")
	}
	const instances = 100
	w := newWorld(t, 3*time.Minute)
	w.start("-log-level", "error")
	var linking sync.WaitGroup
	slots := make(chan struct{}, 8)
	for n := range instances {
		linking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w.link(fmt.Sprintf("idle-%d", n), fmt.Sprintf("4915100000%03d", n))
		})
	}
	linking.Wait()
	<-time.After(5 * time.Second) // the last of the linking
	before := cpuTime(t, w.cmd.Process.Pid)
	<-time.After(time.Duration(seconds) * time.Second)
	used := cpuTime(t, w.cmd.Process.Pid) - before
	share := used.Seconds() / float64(seconds)
	t.Logf("%d idle instances: %.2f %% of a core over %d s", instances, 100*share, seconds)
	// whatsmeow itself: 0.027 ms a second and connection (TLS; measured on a bare client).
	if limit := 0.01 + instances*0.000027; share > limit {
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
