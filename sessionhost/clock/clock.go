// Package clock knows how far the clock of a session host is off. WhatsApp
// refuses what comes from another time: pairing codes that seem to be old,
// logins, signatures. A host therefore measures its offset when it starts and
// every ten minutes after, says it in its health, and does not begin a pairing
// that cannot succeed.
//
// A host without a network does not know its offset. That is no fault: nothing
// is refused for it.
package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/beevik/ntp"
)

// Limit is how far a clock may be off for a pairing.
const Limit = 30 * time.Second

const (
	every     = 10 * time.Minute
	again     = 30 * time.Second // after a failure, or while the clock is off: somebody may be mending it
	ntpLimit  = 3 * time.Second
	pageLimit = 10 * time.Second
)

// Config says where the time comes from.
type Config struct {
	// Servers are asked by NTP, host or host:port, until one answers. None
	// leaves it to WhatsApp's own answer.
	Servers []string
	// HTTP gets WhatsApp's front page, whose Date header is the fallback. Nil
	// means there is none.
	HTTP *http.Client
	// Every is how often the offset is measured. 0 means 10 min.
	Every time.Duration
	Log   *slog.Logger
}

// Servers are those that a host asks which has not been told others: Amazon's,
// which its instances reach without a way to the internet, and the public pool.
var Servers = []string{"169.254.169.123", "pool.ntp.org"}

// Reading is one measurement.
type Reading struct {
	// Offset is what must be added to this host's clock: positive when it is
	// behind. By Date header it is good to about a second.
	Offset time.Duration
	At     time.Time // of the measurement, by this host's clock
	Source string    // the NTP server, or "date header"
}

// Clock measures. It is safe for concurrent use; a nil Clock knows nothing.
type Clock struct {
	cfg Config

	mu    sync.Mutex
	last  Reading
	known bool
}

// New makes a clock that knows nothing yet.
func New(cfg Config) *Clock {
	if cfg.Every == 0 {
		cfg.Every = every
	}
	return &Clock{cfg: cfg}
}

// Run measures until ctx ends.
func (c *Clock) Run(ctx context.Context) {
	for {
		pause := c.cfg.Every
		reading, err := c.measure(ctx)
		if err != nil {
			c.cfg.Log.InfoContext(ctx, "clock cannot be checked", "err", err)
			pause = min(pause, again)
		} else {
			c.keep(ctx, reading)
			if reading.off() {
				pause = min(pause, again)
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (c *Clock) keep(ctx context.Context, r Reading) {
	c.mu.Lock()
	c.last, c.known = r, true
	c.mu.Unlock()
	if r.off() {
		c.cfg.Log.ErrorContext(ctx, "clock is off", "offset", r.Offset.String(), "source", r.Source)
	}
}

func (r Reading) off() bool { return r.Offset.Abs() > Limit }

// Last is the last measurement. It reports false when there was none.
func (c *Clock) Last() (Reading, bool) {
	if c == nil {
		return Reading{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.known
}

// Off reports by how much the clock is off when that is more than pairings
// bear.
func (c *Clock) Off() (time.Duration, bool) {
	r, known := c.Last()
	return r.Offset, known && r.off()
}

// measure asks the servers, then WhatsApp.
func (c *Clock) measure(ctx context.Context) (Reading, error) {
	var failures []error
	for _, server := range c.cfg.Servers {
		offset, err := byNTP(server)
		if err == nil {
			return Reading{Offset: offset, At: time.Now(), Source: server}, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			return Reading{}, ctx.Err()
		}
	}
	if c.cfg.HTTP == nil {
		return Reading{}, errors.Join(append(failures, errors.New("there is no page to ask"))...)
	}
	offset, err := c.byDate(ctx)
	if err != nil {
		return Reading{}, errors.Join(append(failures, err)...)
	}
	return Reading{Offset: offset, At: time.Now(), Source: "date header"}, nil
}

func byNTP(server string) (time.Duration, error) {
	response, err := ntp.QueryWithOptions(server, ntp.QueryOptions{Timeout: ntpLimit})
	if err == nil {
		err = response.Validate()
	}
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", server, err)
	}
	return response.ClockOffset, nil
}

// page is WhatsApp's front page.
const page = "https://web.whatsapp.com/"

// byDate takes the middle of the second that the server has named for the
// middle of the time that the answer took (RFC 9110, 6.6.1).
func (c *Clock) byDate(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, pageLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", page, err)
	}
	asked := time.Now()
	response, err := c.cfg.HTTP.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", page, err)
	}
	answered := time.Now()
	_ = response.Body.Close()
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("read the date of %s: %w", page, err)
	}
	middle := asked.Add(answered.Sub(asked) / 2)
	return date.Add(500 * time.Millisecond).Sub(middle), nil
}
