package aspx

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"roost/functions/api/core"
	"roost/shared/fault"
)

// answer is a value that becomes JSON, or a file.
type answer struct {
	status   int // 0 for 200
	value    any
	bytes    []byte
	mimetype string
	retry    int // seconds, 0 for none
}

func ok(value any) (answer, error) { return answer{value: value}, nil }

func (a answer) write(w http.ResponseWriter) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	body, mimetype := a.bytes, a.mimetype
	header := w.Header()
	if mimetype == "" {
		body, mimetype = encode(a.value), "application/json; charset=utf-8"
	} else { // whoever made it may have made it a page
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
	header.Set("Content-Type", mimetype)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if a.retry > 0 {
		header.Set("Retry-After", strconv.Itoa(a.retry))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// encode writes JSON without HTML escapes and without a newline at its end.
func encode(value any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil { // only a value of ours that has no JSON
		return []byte(`{"status":0,"error":"internal error"}`)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// problem is an error that is not a command's own answer.
type problem struct {
	status   int
	sentence string
	retry    int // seconds, 0 for none
	err      error
}

func (p *problem) Error() string { return p.sentence }

func (p *problem) Unwrap() error { return p.err }

// failure is what a problem looks like. Its status is no code of a connection:
// 0 is failure.
type failure struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
}

// failureTTL is a failure of those who wait for a ttl.
type failureTTL struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	TTL    int    `json:"ttl"`
}

var errKey = &problem{status: http.StatusUnauthorized, sentence: "invalid wid"}

func refuse(sentence string) error {
	return &problem{status: http.StatusBadRequest, sentence: sentence}
}

// refusal turns an error into an answer, and logs those that are our fault.
func (h *Handler) refusal(r *http.Request, err error) answer {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		h.log.ErrorContext(r.Context(), "command failed", "command", commandOf(r.URL.Path), "status", p.status, "err", err)
	}
	if p.status == http.StatusTooManyRequests || commandOf(r.URL.Path) == "generate_qrcode" {
		return answer{status: p.status, value: failureTTL{Error: p.sentence, TTL: p.retry}, retry: p.retry}
	}
	return answer{status: p.status, value: failure{Error: p.sentence}, retry: p.retry}
}

// problemOf maps the domain's faults.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	p := &problem{status: http.StatusOK, sentence: fault.PublicOf(err), err: err}
	if _, absent := errors.AsType[*core.AbsentError](err); absent {
		p.sentence = "the number is not on WhatsApp"
		return p
	}
	switch fault.KindOf(err) {
	case fault.Conflict, fault.NotFound, fault.Forbidden: // of the connection or of WhatsApp
	case fault.Invalid:
		p.status = http.StatusBadRequest
	case fault.Unauthorized:
		p.status = http.StatusUnauthorized
	case fault.TooLarge:
		p.status = http.StatusRequestEntityTooLarge
	case fault.RateLimited:
		p.status = http.StatusTooManyRequests
	case fault.Unavailable:
		p.status = http.StatusServiceUnavailable
	case fault.Internal:
		p.status = http.StatusInternalServerError
	}
	return p
}
