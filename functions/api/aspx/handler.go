package aspx

import (
	"context"
	_ "embed" // of the document
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"roost/functions/api/core"
	"roost/functions/api/openapi"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/pass"
)

// patience bounds a request: API Gateway gives up after 30 s.
const patience = 28 * time.Second

// Suffix ends the paths of all commands.
const Suffix = ".aspx"

// Config is how the dialect is served.
type Config struct {
	Log *slog.Logger
	// ServerURL is where clients reach the API, "" to take it from each request.
	ServerURL string
	// Now is the clock of limits; time.Now when nil.
	Now func() time.Time
}

// Document is the dialect's OpenAPI document, by which bodies are judged.
//
//go:embed openapi.json
var Document []byte

// Handler serves the dialect.
type Handler struct {
	core      *core.Core
	document  *openapi.Document
	log       *slog.Logger
	server    string
	limits    *limits
	inventory *inventory
}

// New makes a handler. Its limits count what this process has served.
func New(c *core.Core, config Config) (*Handler, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	document, err := openapi.Read(Document)
	if err != nil {
		return nil, err
	}
	return &Handler{core: c, document: document, log: config.Log, server: config.ServerURL, limits: newLimits(config.Now), inventory: newInventory(c, config.Now)}, nil
}

// Serves reports whether a path is one of the dialect's: a single segment that
// ends in .aspx, in any case, or a file's.
func Serves(path string) bool {
	if strings.HasPrefix(path, pass.FilesPath) {
		return true
	}
	name, found := strings.CutPrefix(path, "/")
	return found && !strings.Contains(name, "/") && strings.HasSuffix(strings.ToLower(name), Suffix)
}

// request is what a command gets.
type request struct {
	*http.Request
	instance  instance.Instance
	operation openapi.Operation
	body      []byte // JSON, "{}" when there is none
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.WithContext(ctx)
	answer, err := h.serve(w, r)
	if err != nil {
		answer = h.refusal(r, err)
	}
	answer.write(w)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) (answer, error) {
	if strings.HasPrefix(r.URL.Path, pass.FilesPath) {
		return h.serveFile(r)
	}
	name := commandOf(r.URL.Path)
	c, known := commands[name]
	if !known {
		return answer{}, &problem{status: http.StatusNotFound, sentence: "unknown command"}
	}
	if !c.takes(r.Method) {
		w.Header().Set("Allow", strings.Join(c.methods, ", "))
		return answer{}, &problem{status: http.StatusMethodNotAllowed, sentence: "wrong method"}
	}
	if c.acts && prefetched(r.Header) {
		return answer{}, &problem{status: http.StatusForbidden, sentence: "a prefetch changes nothing"}
	}
	i, err := h.instance(r, c.pass)
	if err != nil {
		return answer{}, err
	}
	if err := h.limits.take(string(i.ID), name); err != nil {
		return answer{}, err
	}
	body, err := readBody(w, r, c.limit())
	if err != nil {
		return answer{}, err
	}
	operation, _ := h.document.Find(r.Method, "/"+name+Suffix)
	return c.serve(h, &request{Request: r, instance: i, operation: operation, body: body})
}

func commandOf(path string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimPrefix(path, "/")), Suffix)
}

// prefetched tells what a browser asks for before its user does.
func prefetched(header http.Header) bool {
	for _, name := range []string{"Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(header.Get(name)), "prefetch") {
			return true
		}
	}
	return false
}

// instance is the one whose key the request has, or a pass for the thing.
func (h *Handler) instance(r *http.Request, thing string) (instance.Instance, error) {
	key, ok := keyOf(r)
	if !ok {
		return instance.Instance{}, errKey
	}
	if thing != "" {
		if i, err := h.core.Passed(r.Context(), key, thing); fault.KindOf(err) != fault.Unauthorized {
			return i, err
		}
	}
	return h.holder(r.Context(), key)
}

// holder is the instance that a key opens.
func (h *Handler) holder(ctx context.Context, key string) (instance.Instance, error) {
	for _, spelling := range spellings(key) {
		owned, err := h.core.Owned(ctx, spelling)
		if err != nil {
			return instance.Instance{}, err
		}
		if len(owned) == 1 { // a key that several share names none of them
			return owned[0], nil
		}
	}
	return instance.Instance{}, errKey
}

// keyOf is the request's key: its wid, whose name has any case, or a bearer
// token. Two that differ are none.
func keyOf(r *http.Request) (string, bool) {
	var keys []string
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, "wid") {
			keys = append(keys, values...)
		}
	}
	for _, value := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(value, " ")
		if strings.EqualFold(scheme, "Bearer") {
			keys = append(keys, strings.TrimSpace(token))
		}
	}
	if len(keys) == 0 || keys[0] == "" {
		return "", false
	}
	for _, key := range keys[1:] {
		if key != keys[0] && (!isGUID(key) || !strings.EqualFold(key, keys[0])) {
			return "", false
		}
	}
	return keys[0], true
}

// spellings are the ways in which a key may be stored: the case of a GUID does
// not count, that of others does.
func spellings(key string) []string {
	if !isGUID(key) {
		return []string{key}
	}
	upper, lower := strings.ToUpper(key), strings.ToLower(key)
	out := []string{upper, lower}
	if key != upper && key != lower {
		out = append(out, key)
	}
	return out
}

func isGUID(key string) bool { return len(key) == 36 && uuid.Validate(key) == nil }
