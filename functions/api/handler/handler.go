// Package handler is the whole API as one http.Handler: the dialects, the
// console and the health check. The Lambda and the local process serve the
// same one.
package handler

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"roost/functions/api/aspx"
	"roost/functions/api/console"
	"roost/functions/api/core"
	"roost/functions/api/docs"
	"roost/functions/api/evolution"
	"roost/functions/api/guid"
	"roost/functions/api/ratelimit"
	"roost/shared/webhook"
)

// Deps are what the API is made of.
type Deps struct {
	Core core.Deps

	// AdminKey is the SHA-256 of the key that may do everything.
	AdminKey []byte
	// ServerURL is where clients reach the API, "" to take it from each
	// request.
	ServerURL string
	// MaxBody bounds requests, in bytes; 0 for 136 MiB.
	MaxBody int64
	// Version is this build's, for the health check.
	Version string
	Log     *slog.Logger
	// Now is the clock of tokens and limits; time.Now when nil.
	Now func() time.Time
}

// New makes the handler:
//
//	GET /health    200 {"status":"ok","version":...}
//	GET /console   the page for people, also from /manager
//	GET /docs      the documents of the dialects, and a page to read them
//	/<name>.aspx   the .aspx dialect
//	/tenant/, /client/, /login/ are the guid dialect
//	everything else is the Evolution dialect
func New(deps Deps) (http.Handler, error) {
	if deps.Core.Log == nil {
		deps.Core.Log = deps.Log
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	deps.Core.Formats = append(slices.Clone(deps.Core.Formats), webhook.FormatGUID)
	shared := core.New(deps.Core)
	commands, err := aspx.New(shared, aspx.Config{Log: deps.Log, ServerURL: deps.ServerURL, Now: deps.Now})
	if err != nil {
		return nil, err
	}
	clients, err := guid.New(guid.Deps{Core: shared, Table: deps.Core.Table, AdminKey: deps.AdminKey, Log: deps.Log, Now: deps.Now})
	if err != nil {
		return nil, err
	}
	dialect := evolution.New(shared, evolution.Config{
		AdminKey: deps.AdminKey, ServerURL: deps.ServerURL, MaxBody: deps.MaxBody, Log: deps.Log,
	})
	limits := limiter{ratelimit.NewBuckets(deps.Now), deps.AdminKey}
	page := console.Handler()
	documents, err := docs.Handler(
		docs.Document{Name: "evolution", Title: "Evolution API", Raw: evolution.Document},
		docs.Document{Name: "aspx", Title: ".aspx commands", Raw: aspx.Document},
		docs.Document{Name: "guid", Title: "guid clients", Raw: guid.Document},
	)
	if err != nil {
		return nil, err
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		switch path := strings.ToLower(strings.TrimSuffix(r.URL.Path, "/")); {
		case path == "/health":
			health(w, r, deps.Version)
		case path == "/console" || strings.HasPrefix(path, "/console/"):
			page.ServeHTTP(w, r)
		case path == "/manager" || strings.HasPrefix(path, "/manager/"): // where Evolution has its page
			http.Redirect(w, r, "/console", http.StatusFound)
		case docs.Serves(path):
			documents.ServeHTTP(w, r)
		case aspx.Serves(path):
			limits.limit(w, r, commands, keyRate, aspx.TooMany)
		case guid.Serves(r.URL.Path):
			limits.limit(w, r, clients, tenantRate, guid.TooMany)
		default:
			limits.limit(w, r, dialect, keyRate, evolution.TooMany)
		}
	}
	return recovered(deps.Log, http.HandlerFunc(serve)), nil
}

// recovered answers a panic in the dialect's envelope: a client that gets no
// answer at all sends again.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // a request has a context of its own
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler { //nolint:errorlint // the value itself is panicked with
				panic(cause)
			}
			log.ErrorContext(r.Context(), "request panicked", "cause", cause, "stack", string(debug.Stack()))
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"status":500,"error":"Internal Server Error","response":{"message":"Internal Server Error"}}`))
		}()
		next.ServeHTTP(w, r)
	})
}
