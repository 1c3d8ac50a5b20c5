package evolution

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// Version is the release of Evolution API that this dialect follows. Its
// clients read it to know what they may call.
const Version = "2.3.7"

// patience bounds a request: API Gateway gives up after 30 s, and a client that
// gets its 504 learns nothing.
const patience = 28 * time.Second

// maxBody is Evolution's limit, in bytes. In the cloud the gateway's own is
// lower.
const maxBody = 136 << 20

// Config is how the dialect is served.
type Config struct {
	AdminKey  []byte // SHA-256 of the key that may do everything
	ServerURL string // "" to take it from each request
	MaxBody   int64  // bytes, 0 for Evolution's 136 MiB
	Log       *slog.Logger
}

// Handler serves the dialect.
type Handler struct {
	core   *core.Core
	config Config
}

// New makes a handler.
func New(c *core.Core, config Config) *Handler {
	if config.MaxBody == 0 {
		config.MaxBody = maxBody
	}
	return &Handler{core: c, config: config}
}

// request is what a route gets: the instance that its path names, who asks, and
// the body.
type request struct {
	*http.Request
	name     string // as the path says, "" where it names none
	item     string // what of the instance the path names, "" where it names nothing
	instance instance.Instance
	admin    bool
	key      string
	body     body
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.WithContext(ctx)
	answer, err := h.serve(w, r)
	if err != nil {
		answer = h.refusal(r, err)
	}
	answer.write(w, r)
}

func preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", "POST,GET,PUT,DELETE")
	header.Set("Vary", "Access-Control-Request-Headers")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		header.Set("Access-Control-Allow-Headers", asked)
	}
	header.Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
}

// serve keeps Evolution's order: the body is read, then the route is looked up,
// then the instance, and last the key.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) (answer, error) {
	b, err := h.readBody(w, r)
	if err != nil {
		return answer{}, err
	}
	found, name, item, err := match(r)
	if err != nil {
		return answer{}, err
	}
	q := &request{Request: r, name: name, item: item, body: b, key: strings.Join(r.Header.Values("apikey"), ", ")}
	q.admin = h.isAdmin(q.key)
	switch found.guard {
	case guardNone:
	case guardAdmin:
		if !q.admin {
			return answer{}, unauthorized()
		}
	case guardKey:
		if q.key == "" {
			return answer{}, unauthorized()
		}
	case guardInstance:
		if q.instance, err = h.core.Find(r.Context(), tenant.Default, name); err != nil {
			return answer{}, err
		}
		if !q.admin && !q.instance.HasToken(q.key) {
			return answer{}, unauthorized()
		}
	}
	return found.serve(h, q)
}

func (h *Handler) isAdmin(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return len(h.config.AdminKey) > 0 && subtle.ConstantTimeCompare(sum[:], h.config.AdminKey) == 1
}

func (h *Handler) serverURL(r *http.Request) string {
	if h.config.ServerURL != "" {
		return strings.TrimRight(h.config.ServerURL, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

func unauthorized() error { return fault.New(fault.Unauthorized, "Unauthorized") }
