package host

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"roost/shared/instance"
)

// ServeHTTP serves the host's private port: /health (alive), /ready (resumed
// what it found) and /metrics (Prometheus text).
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		writeJSON(w, http.StatusOK, map[string]any{"status": "ok", "host": h.cfg.Name, "sessions": h.count(), "uptime_seconds": int(time.Since(h.started).Seconds()), "clock": h.clockHealth()})
	case "/ready":
		h.mu.Lock()
		ready := h.ready
		h.mu.Unlock()
		if !ready {
			writeJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "starting"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"status": "ready"})
	case "/metrics":
		h.writeMetrics(w)
	default:
		http.NotFound(w, r)
	}
}

// clockHealth is what is known of this host's clock; null for what is not.
func (h *Host) clockHealth() map[string]any {
	zone, _ := time.Now().Zone()
	out := map[string]any{"time_zone": zone, "offset_seconds": nil, "checked_seconds_ago": nil, "source": nil, "off": false}
	if r, known := h.clock.Last(); known {
		_, off := h.clock.Off()
		out["offset_seconds"], out["checked_seconds_ago"] = r.Offset.Seconds(), int(time.Since(r.At).Seconds())
		out["source"], out["off"] = r.Source, off
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (h *Host) writeMetrics(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	states := map[instance.State]int{}
	h.mu.Lock()
	for _, s := range h.sessions {
		states[s.Record().State]++
	}
	h.mu.Unlock()
	for _, state := range []instance.State{instance.Connecting, instance.Pairing, instance.Starting, instance.Open, instance.Idle, instance.Closed, instance.LoggedOut} {
		fmt.Fprintf(w, "roost_sessions{state=%q} %d\n", state, states[state])
	}
	m := &h.metrics
	for _, c := range []struct {
		name  string
		value int64
	}{
		{"roost_messages_received_total", m.Received.Load()},
		{"roost_messages_receive_failures_total", m.ReceiveFailures.Load()},
		{"roost_messages_receive_microseconds_total", m.ReceiveMicros.Load()},
		{"roost_messages_sent_total", m.Sent.Load()},
		{"roost_messages_send_failures_total", m.SendFailures.Load()},
		{"roost_messages_send_microseconds_total", m.SendMicros.Load()},
		{"roost_pairings_started_total", m.PairingsStarted.Load()},
		{"roost_pairings_done_total", m.PairingsDone.Load()},
		{"roost_pairings_failed_total", m.PairingsFailed.Load()},
		{"roost_pairings_refused_total", m.PairingsRefused.Load()},
		{"roost_pairing_codes_refused_total", m.CodesRefused.Load()},
		{"roost_heartbeats_missed_total", m.BeatsMissed.Load()},
		{"roost_instances_idle_total", m.BecameIdle.Load()},
		{"roost_instances_released_total", m.Released.Load()},
	} {
		fmt.Fprintf(w, "%s %d\n", c.name, c.value)
	}
	if r, known := h.clock.Last(); known {
		fmt.Fprintf(w, "roost_clock_offset_seconds %.3f\nroost_clock_check_age_seconds %d\n", r.Offset.Seconds(), int(time.Since(r.At).Seconds()))
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	fmt.Fprintf(w, "roost_goroutines %d\nroost_heap_bytes %d\nroost_uptime_seconds %d\n", runtime.NumGoroutine(), mem.HeapAlloc, int(time.Since(h.started).Seconds()))
}
