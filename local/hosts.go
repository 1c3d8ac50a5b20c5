package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// handOverLimit is how long a host may take to hand its sessions over.
	handOverLimit = 30 * time.Second
	// restartPause is how long a host that has died is not started again; twice
	// as long, each time, for one that dies before it is ready.
	restartPause   = 200 * time.Millisecond
	longestRestart = time.Second
)

// process is a session host that runs.
type process struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Address string `json:"address"` // of its private port, "" until it is ready
}

// hosts runs session hosts as processes of their own, and starts those again
// that die, under new names as in the cloud.
type hosts struct {
	count int
	child childConfig // but for the name
	out   io.Writer
	log   *slog.Logger

	mu      sync.Mutex
	running []*process
	changed chan struct{} // closed and made anew when running changes
}

func newHosts(count int, child childConfig, out io.Writer, log *slog.Logger) *hosts {
	return &hosts{count: count, child: child, out: &lockedWriter{to: out}, log: log, changed: make(chan struct{})}
}

// run runs them until ctx ends and all have handed over.
func (h *hosts) run(ctx context.Context) {
	var all sync.WaitGroup
	for n := range h.count {
		all.Go(func() {
			pause := restartPause
			for ctx.Err() == nil {
				ready, err := h.one(ctx, fmt.Sprintf("host-%d-%s", n+1, strings.ToLower(rand.Text()[:6])))
				if ctx.Err() != nil {
					return
				}
				if ready {
					pause = restartPause
				}
				h.log.ErrorContext(ctx, "session host has ended", "err", err)
				wait(ctx, pause)
				pause = min(2*pause, longestRestart)
			}
		})
	}
	all.Wait()
}

// one runs one process to its end, and says whether it was ready.
func (h *hosts) one(ctx context.Context, name string) (ready bool, err error) {
	path, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("find this program: %w", err)
	}
	child := h.child
	child.name = name
	cmd := exec.CommandContext(ctx, path, child.args()...) //nolint:gosec // this program again
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = handOverLimit
	cmd.Stderr = h.out
	alive, err := cmd.StdinPipe() // it ends when this process does, however that happens
	if err != nil {
		return false, err
	}
	defer alive.Close()
	said, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start a session host: %w", err)
	}
	p := &process{Name: name, PID: cmd.Process.Pid}
	h.change(func() { h.running = append(h.running, p) })
	defer h.change(func() { h.running = slices.DeleteFunc(h.running, func(q *process) bool { return q == p }) })
	if address, err := bufio.NewReader(said).ReadString('\n'); err == nil {
		h.change(func() { p.Address = strings.TrimSpace(address) })
		ready = true
	}
	return ready, cmd.Wait()
}

func (h *hosts) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	close(h.changed)
	h.changed = make(chan struct{})
}

// list tells of the processes that run.
func (h *hosts) list() ([]process, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]process, 0, len(h.running))
	for _, p := range h.running {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b process) int { return strings.Compare(a.Name, b.Name) })
	return all, h.changed
}

// ready waits until all are.
func (h *hosts) ready(ctx context.Context) error {
	for {
		all, changed := h.list()
		if len(all) == h.count && !slices.ContainsFunc(all, func(p process) bool { return p.Address == "" }) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(errors.New("the session hosts are not ready"), context.Cause(ctx))
		}
	}
}

// ServeHTTP lists them, as JSON: each has a private port of its own.
func (h *hosts) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	all, _ := h.list()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"hosts": all})
}

// lockedWriter keeps what several processes write apart.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
