package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/local/bench/report"
)

// TestBench runs the command with tiny numbers: every process starts, every
// figure is measured, nothing is lost and nothing stays behind.
func TestBench(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs the built program")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, scratch := t.TempDir(), t.TempDir()
	written := "# Ours\n\nby hand\n\n<!-- measured: begin -->\nold\n<!-- measured: end -->\n\n## Why\n"
	if err := os.WriteFile(filepath.Join(out, report.Page), []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "bench", "-instances", "4", "-linked", "6", "-large", "8", "-rate", "10", "-duration", "1s", "-rest", "200ms",
		"-only", "online,push,recover,pairing,large", "-out", out)
	cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	encoded, err := os.ReadFile(filepath.Join(out, report.Data))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(encoded, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) > 0 {
		t.Errorf("problems: %q", r.Problems)
	}
	for _, f := range r.Figures {
		small := strings.HasPrefix(f.Name, "memory") // what so few take may be less than what the collector gave back
		if f.Measured == nil || *f.Measured < 0 && !small {
			t.Errorf("%s was not measured", f.Name)
		}
	}
	if len(r.Figures) < 15 {
		t.Errorf("%d figures:\n%s", len(r.Figures), said)
	}
	for _, s := range r.Series {
		if s.Distribution.Count != 10 || s.Distribution.P50 <= 0 || s.Distribution.P50 > s.Distribution.Max {
			t.Errorf("%s: %+v, want 10 latencies", s.Name, s.Distribution)
		}
	}
	page, err := os.ReadFile(filepath.Join(out, report.Page))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Ours\n\nby hand\n", "event push at 10/s over 4 instances, p99 |", "\n## Why\n"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "\nold\n") {
		t.Error("the page still has the run before")
	}
	plot, err := os.ReadFile(filepath.Join(out, report.Plot))
	if err != nil || !strings.Contains(string(plot), "<polyline") {
		t.Errorf("the plot: %v, %.200s", err, plot)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
}
