// Package bench measures Roost against the floor, which is the least that one
// can do with the same WhatsApp library (package floor), in the same run on the
// same machine. Four processes take part, so that the kernel counts what each
// takes: this one, the world (package world: WhatsApp, webhook receiver, clients
// of the API), the floor, and Roost itself (package roost), as its users run it.
//
// Everything listens on the loopback only and is gone at the end, also after
// Ctrl-C.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"roost/local/bench/floor"
	"roost/local/bench/report"
	"roost/local/bench/roost"
	"roost/local/bench/world"
	"roost/shared/deployment"
)

// Command is the first word of the command line.
const Command = "bench"

// Open opens a data folder that no Roost uses.
type Open func(ctx context.Context, dir, storage string) (deployment.Deployment, func() error, error)

// measurement is one part of a run.
type measurement struct {
	name string
	do   func(*run, context.Context) error
}

// measurements are in the order in which they need the least starting.
func measurements() []measurement {
	return []measurement{
		{"online", (*run).online},
		{"send", (*run).send},
		{"push", (*run).push},
		{"sustained", (*run).sustained},
		{"recover", (*run).recover},
		{"pairing", (*run).pairing},
		{"failover", (*run).failover},
		{"large", (*run).large},
	}
}

func names() []string {
	var out []string
	for _, m := range measurements() {
		out = append(out, m.name)
	}
	return out
}

// run is one run.
type run struct {
	cfg    config
	open   Open
	out    io.Writer
	dir    string // for all that is kept while it runs
	began  time.Time
	seeded int // instances in the data folder

	world  *world.Client
	floor  *floor.Process // nil while it does not run
	system *roost.Process // nil while it does not run
	hosts  int            // of system

	warm   bool // every instance has written to its contact
	report report.Report
}

// Run is the whole command. It returns when everything was measured and has
// ended, or when ctx ends.
func Run(ctx context.Context, args []string, open Open, out io.Writer) error {
	cfg, err := loadConfig(args, out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "roost-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	r := &run{cfg: cfg, open: open, out: out, dir: dir, began: time.Now()}
	r.report = report.Report{
		When: r.began, Commit: report.Commit(ctx), Machine: report.ThisMachine(), Storage: cfg.storage,
		Command: strings.TrimSpace("go run ./local bench " + strings.Join(args, " ")),
	}
	bounded, cancel := context.WithTimeoutCause(ctx, cfg.limit, fmt.Errorf("-limit %s is over", cfg.limit))
	defer cancel()
	err = r.all(bounded)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	r.report.Took = time.Since(r.began).Round(time.Second).String()
	fmt.Fprintln(out)
	r.report.Table(out)
	if cfg.out == "" {
		return nil
	}
	if err := r.report.Write(cfg.out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nwritten: %s, %s, %s\n", filepath.Join(cfg.out, report.Page), filepath.Join(cfg.out, report.Data), filepath.Join(cfg.out, report.Plot))
	return nil
}

// all does the measurements, each whatever became of those before.
func (r *run) all(ctx context.Context) error {
	var err error
	if r.world, err = world.Start(ctx); err != nil {
		return fmt.Errorf("start the simulated WhatsApp: %w", err)
	}
	defer r.world.Stop()
	defer r.stopFloor()
	defer r.stopSystem()
	for _, m := range measurements() {
		if !r.cfg.wants(m.name) {
			continue
		}
		if ctx.Err() != nil {
			r.problem("%s is left out: %v", m.name, context.Cause(ctx))
			continue
		}
		r.say("%s", m.name)
		if err := m.do(r, ctx); err != nil {
			r.problem("%s: %v", m.name, err)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	violations, err := r.world.Violations(ctx)
	if err != nil {
		return err
	}
	for i, v := range violations {
		if i == 5 {
			r.problem("and %d more violations", len(violations)-i)
			break
		}
		r.problem("violation of WhatsApp's protocol: %s", v)
	}
	return nil
}

// say tells how far the run is.
func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.out, "%6.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

func (r *run) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.report.Problems = append(r.report.Problems, text)
	r.say("problem: %s", text)
}

func (r *run) figure(f report.Figure) { r.report.Figures = append(r.report.Figures, f) }

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
