package host

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Port serves a host's private port from before there is a host: a process that
// still takes over sessions is healthy and not ready. Its zero value is for use.
type Port struct{ host atomic.Pointer[Host] }

// Ready tells of the host. It is what [Run] calls.
func (p *Port) Ready(h *Host) { p.host.Store(h) }

// Sessions is how many instances the host has now, 0 before there is a host.
func (p *Port) Sessions() int {
	if h := p.host.Load(); h != nil {
		return h.count()
	}
	return 0
}

// ClockOffset is what must be added to the host's clock, as it was measured
// last. It reports false when nobody knows.
func (p *Port) ClockOffset() (time.Duration, bool) {
	h := p.host.Load()
	if h == nil {
		return 0, false
	}
	r, known := h.clock.Last()
	return r.Offset, known
}

// ServeHTTP serves /health, /ready and /metrics.
func (p *Port) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := p.host.Load()
	switch {
	case h != nil:
		h.ServeHTTP(w, r)
	case r.URL.Path == "/health":
		writeJSON(w, http.StatusOK, map[string]any{"status": "starting"})
	default:
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "starting"})
	}
}
