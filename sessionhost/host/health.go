package host

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"roost/shared/instance"
)

// ServeHTTP serves the host's private port: /health (the process runs; live says
// whether it holds its lease), /ready (it holds it, and has taken what it
// found) and /metrics (Prometheus text).
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		writeJSON(w, http.StatusOK, h.health())
	case "/ready":
		h.mu.Lock()
		ready := h.ready
		h.mu.Unlock()
		if t := h.tenure(); !ready || t == nil || !t.term.Held() {
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

// health is what /health says. A host that cannot renew its lease is healthy all
// the same: to kill it would not mend the table.
func (h *Host) health() map[string]any {
	out := map[string]any{
		"status": "ok", "host": h.cfg.Name, "live": false, "sessions": h.count(), "uptime_seconds": int(time.Since(h.started).Seconds()),
		"clock": h.clockHealth(),
	}
	if t := h.tenure(); t != nil {
		out["live"], out["lease_age_seconds"] = t.term.Held(), t.term.Age().Seconds()
	}
	return out
}

// count is how many instances the host has now.
func (h *Host) count() int {
	if t := h.tenure(); t != nil {
		return t.count()
	}
	return 0
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (h *Host) writeMetrics(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	states := map[instance.State]int{}
	live, age := 0, 0.0
	if t := h.tenure(); t != nil {
		for _, s := range t.all() {
			states[s.Record().State]++
		}
		if age = t.term.Age().Seconds(); t.term.Held() {
			live = 1
		}
	}
	fmt.Fprintf(w, "roost_lease_held %d\nroost_lease_age_seconds %.3f\n", live, age)
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
		{"roost_histories_read_total", m.HistoriesRead.Load()},
		{"roost_accounts_limited_total", m.AccountsLimited.Load()},
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
