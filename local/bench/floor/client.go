package floor

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"roost/local/bench/child"
	"roost/local/bench/world"
)

// Process is a floor that runs.
type Process struct {
	URL     string
	process *child.Process
}

// Start runs a floor whose clients are linked and not connected.
func Start(ctx context.Context, a Args) (*Process, error) {
	p, err := child.Start(ctx, nil, a.List()...)
	if err != nil {
		return nil, err
	}
	url, err := p.Line(ctx, "at ")
	if err != nil {
		p.Stop()
		return nil, err
	}
	return &Process{URL: url, process: p}, nil
}

// Connect logs all clients in.
func (p *Process) Connect(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/start", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4000))
		return fmt.Errorf("connect the bare clients: %s", text)
	}
	return nil
}

// API is where it takes requests.
func (p *Process) API() world.API { return world.API{URL: p.URL} }

// Usage is what it takes.
func (p *Process) Usage() (child.Usage, error) { return child.UsageOf(p.process.PID) }

// Stop ends it.
func (p *Process) Stop() { p.process.Stop() }
