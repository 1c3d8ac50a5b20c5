// Package roost runs the system under test: this program as its users run it,
// in processes of its own.
package roost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"roost/local/bench/child"
	"roost/local/bench/world"
	"roost/shared/table"
)

// Command makes this program a Roost that ends with its parent. What follows
// are the flags of an ordinary one.
const Command = "bench-roost"

const adminKey = "benchmark-admin-key"

// Config says how it runs.
type Config struct {
	World   string // URL
	Data    string // folder
	Storage string // embedded or aws
	Hosts   int
}

// Process is a Roost that runs.
type Process struct {
	URL     string
	private string // base URL of its private port
	hosts   int
	process *child.Process
	Began   time.Time // when it was started
}

// Start runs a Roost and returns when it says that it serves. Its instances may
// still be connecting.
func Start(ctx context.Context, c Config) (*Process, error) {
	began := time.Now()
	p, err := child.Start(ctx, []string{"ROOST_API_KEY=" + adminKey}, Command, "-listen", "127.0.0.1:0", "-data", c.Data, "-storage", c.Storage,
		"-simulator", c.World, "-hosts", strconv.Itoa(c.Hosts), "-log-level", "warn", "-measure")
	if err != nil {
		return nil, err
	}
	out := &Process{process: p, hosts: c.Hosts, Began: began}
	if out.URL, err = p.Line(ctx, "API "); err == nil {
		var health string
		health, err = p.Line(ctx, "host ")
		out.private = strings.TrimSuffix(health, "/health")
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return out, nil
}

// API is where it takes requests.
func (p *Process) API() world.API { return world.API{URL: p.URL, Key: adminKey} }

// Stop ends it in order.
func (p *Process) Stop() { p.process.Stop() }

// Output is the last of what it has said.
func (p *Process) Output() string { return p.process.Output() }

// Host is a session host in a process of its own.
type Host struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Address string `json:"address"`
}

// Hosts are the session hosts that have processes of their own.
func (p *Process) Hosts(ctx context.Context) ([]Host, error) {
	if p.hosts < 2 {
		return nil, nil
	}
	var list struct{ Hosts []Host }
	err := fetch(ctx, p.private+"/", func(body io.Reader) error { return json.NewDecoder(body).Decode(&list) })
	return list.Hosts, err
}

// Usage is what all of its processes take.
func (p *Process) Usage(ctx context.Context) (child.Usage, error) {
	pids := []int{p.process.PID}
	hosts, err := p.Hosts(ctx)
	if err != nil {
		return child.Usage{}, err
	}
	for _, h := range hosts {
		pids = append(pids, h.PID)
	}
	return child.UsageOf(pids...)
}

// Traffic is what was asked of the table since the start.
type Traffic struct {
	Host      table.Count `json:"host"`      // by the session host
	Functions table.Count `json:"functions"` // by API and functions
}

// Traffic reads the counts. With several hosts those of the hosts are missing.
func (p *Process) Traffic(ctx context.Context) (t Traffic, err error) {
	err = fetch(ctx, p.private+"/debug/storage", func(body io.Reader) error { return json.NewDecoder(body).Decode(&t) })
	return t, err
}

// Goroutines is how many the process has, with one session host.
func (p *Process) Goroutines(ctx context.Context) (n int, err error) {
	err = fetch(ctx, p.private+"/metrics", func(body io.Reader) error {
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		_, rest, found := strings.Cut(string(text), "\nroost_goroutines ")
		if !found {
			return errors.New("the metrics name no goroutines")
		}
		count, _, _ := strings.Cut(rest, "\n")
		n, err = strconv.Atoi(strings.TrimSpace(count))
		return err
	})
	return n, err
}

// Profile writes a profile of it into a file: "heap", or "profile?seconds=10"
// for its processor time.
func (p *Process) Profile(ctx context.Context, kind, path string) error {
	return fetch(ctx, p.private+"/debug/pprof/"+kind, func(body io.Reader) error {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody to read
			return err
		}
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, body); err != nil {
			_ = file.Close()
			return err
		}
		return file.Close()
	})
}

func fetch(ctx context.Context, url string, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", url, response.StatusCode)
	}
	return read(response.Body)
}
