package main

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"

	"roost/shared/table"
)

// measures is what -measure adds to the private port: Go's profiles at
// /debug/pprof/, and at /debug/storage what was asked of the table.
type measures struct {
	host, functions *table.Counting // nil for one that runs elsewhere
}

// count counts what goes to t into one of the counters, when there are any.
func count(t table.Table, into **table.Counting, on bool) table.Table {
	if !on {
		return t
	}
	*into = table.NewCounting(t)
	return *into
}

// serve puts the measures beside what a private port has.
func (m *measures) serve(next http.Handler, on bool) http.Handler {
	if !on {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/storage", func(w http.ResponseWriter, _ *http.Request) {
		out := map[string]table.Count{}
		if m.host != nil {
			out["host"] = m.host.Total()
		}
		if m.functions != nil {
			out["functions"] = m.functions.Total()
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	})
	return mux
}
