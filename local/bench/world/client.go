package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"roost/local/bench/child"
)

// Client speaks to a world that runs.
type Client struct {
	URL     string
	process *child.Process
}

// Start runs a world as a process.
func Start(ctx context.Context) (*Client, error) {
	p, err := child.Start(ctx, nil, Command)
	if err != nil {
		return nil, err
	}
	url, err := p.Line(ctx, "at ")
	if err != nil {
		p.Stop()
		return nil, err
	}
	return &Client{URL: url, process: p}, nil
}

// Stop ends the world.
func (c *Client) Stop() { c.process.Stop() }

// Usage is what the world takes.
func (c *Client) Usage() (child.Usage, error) { return child.UsageOf(c.process.PID) }

// Hook is where webhooks are received.
func (c *Client) Hook() string { return c.URL + "/hook" }

// Push makes people write, and says when that was told.
func (c *Client) Push(ctx context.Context, l Load) (Pushed, error) {
	return post[Pushed](ctx, c.URL+"/bench/push", l)
}

// Send makes instances write.
func (c *Client) Send(ctx context.Context, api API, l Load) (Asked, error) {
	return post[Asked](ctx, c.URL+"/bench/send", request{api, l})
}

// Recover restarts connections.
func (c *Client) Recover(ctx context.Context, api API, l Load) (Asked, error) {
	return post[Asked](ctx, c.URL+"/bench/recover", request{api, l})
}

// Pair creates instances that show QR codes.
func (c *Client) Pair(ctx context.Context, api API, l Load) (Asked, error) {
	return post[Asked](ctx, c.URL+"/bench/pair", request{api, l})
}

// Mark begins to count who goes offline.
func (c *Client) Mark(ctx context.Context) error {
	_, err := post[struct{}](ctx, c.URL+"/bench/mark", struct{}{})
	return err
}

// Online waits until so many of a fleet are online, of which so many have been
// offline since the mark.
func (c *Client) Online(ctx context.Context, f Fleet, online, gone int) (Back, error) {
	return post[Back](ctx, c.URL+"/bench/online", onlineQuery{f, online, gone})
}

// Violations are what a client did that no correct one does.
func (c *Client) Violations(ctx context.Context) ([]string, error) {
	return post[[]string](ctx, c.URL+"/bench/violations", struct{}{})
}

func post[Out any](ctx context.Context, url string, in any) (out Out, err error) {
	encoded, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(encoded))
	if err != nil {
		return out, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4000))
		return out, fmt.Errorf("%s: %s", url, bytes.TrimSpace(text))
	}
	return out, json.NewDecoder(response.Body).Decode(&out)
}
