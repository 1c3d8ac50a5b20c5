package handler

import (
	"encoding/json"
	"net/http"
)

// health says that requests are answered. It asks nothing of the table: a
// check that fails with its dependencies has every copy restarted when they do.
func health(w http.ResponseWriter, r *http.Request, version string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(struct { // a client that is gone needs no answer
		Status  string `json:"status"`
		Version string `json:"version,omitempty"`
	}{"ok", version})
}
