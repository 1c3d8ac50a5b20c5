package evolution

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"roost/functions/api/core"
	"roost/shared/fault"
)

const (
	internalReason = "Internal Server Error"
	jsonType       = "application/json; charset=utf-8"
	// minGzip is the length from which answers are compressed when the client
	// allows it, in bytes (the default of Express's compression).
	minGzip = 1024
)

// problem is an error in Evolution's words. It is an error to be returned, and
// becomes the envelope.
type problem struct {
	status  int
	reason  string // "" for the status's own
	message any    // string, or array
	raw     any    // instead of the envelope
}

func (p *problem) Error() string { return http.StatusText(p.status) }

// refuse is what Evolution throws for a bad request: an array of sentences.
func refuse(sentences ...string) error {
	return &problem{status: http.StatusBadRequest, message: sentences}
}

type envelope struct {
	Status   int    `json:"status"`
	Error    string `json:"error"`
	Response struct {
		Message any `json:"message"`
	} `json:"response"`
}

// refusal turns an error into an answer, and logs those that are our fault.
func (h *Handler) refusal(r *http.Request, err error) answer {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		h.config.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "status", p.status, "err", err)
	}
	if p.raw != nil {
		return answer{status: p.status, value: p.raw}
	}
	e := envelope{Status: p.status, Error: p.reason}
	if e.Error == "" {
		e.Error = http.StatusText(p.status)
	}
	e.Response.Message = p.message
	return answer{status: p.status, value: e}
}

// problemOf maps the domain's faults. Codes come before kinds.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if absent, ok := errors.AsType[*core.AbsentError](err); ok {
		return &problem{status: http.StatusBadRequest, message: []any{numberRow(absent.Contact)}}
	}
	public := fault.PublicOf(err)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		switch e.Code {
		case "name_taken":
			return &problem{status: http.StatusForbidden, message: []string{public}}
		case "idempotency_key_reused": // draft-ietf-httpapi-idempotency-key-header, 2.7
			return &problem{status: http.StatusUnprocessableEntity, message: []string{public}}
		case "connection_closed":
			return &problem{status: http.StatusInternalServerError, message: public}
		}
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict:
		return &problem{status: http.StatusBadRequest, message: []string{public}}
	case fault.NotFound:
		return &problem{status: http.StatusNotFound, message: []string{public}}
	case fault.Unauthorized:
		return &problem{status: http.StatusUnauthorized, message: "Unauthorized"}
	case fault.Forbidden:
		return &problem{status: http.StatusForbidden, message: []string{public}}
	case fault.TooLarge:
		return &problem{status: http.StatusRequestEntityTooLarge, message: []string{public}}
	case fault.RateLimited:
		return &problem{status: http.StatusTooManyRequests, message: []string{public}}
	case fault.Unavailable:
		return &problem{status: http.StatusServiceUnavailable, message: []string{public}}
	case fault.Internal:
	}
	return &problem{status: http.StatusInternalServerError, message: internalReason}
}

// answer is what a route gives back: a value that becomes JSON, or bytes of a
// type.
type answer struct {
	status   int
	value    any
	bytes    []byte
	mimetype string
}

func ok(value any) (answer, error) { return answer{status: http.StatusOK, value: value}, nil }

func created(value any) (answer, error) { return answer{status: http.StatusCreated, value: value}, nil }

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	body, mimetype := a.bytes, a.mimetype
	if mimetype == "" {
		body, mimetype = encode(a.value), jsonType
	}
	header := w.Header()
	header.Set("Content-Type", mimetype)
	header.Set("Cache-Control", "no-store") // answers hold tokens and codes
	header.Set("X-Content-Type-Options", "nosniff")
	header.Add("Vary", "Accept-Encoding")
	if len(body) >= minGzip && acceptsGzip(r) {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is valid
		_, _ = z.Write(body)                                 // a buffer takes everything
		_ = z.Close()
		body = packed.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// encode writes JSON as JavaScript does: without HTML escapes, without a
// newline at the end.
func encode(value any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil { // only a value of ours that has no JSON
		return []byte(`{"status":500,"error":"` + internalReason + `","response":{"message":"` + internalReason + `"}}`)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func acceptsGzip(r *http.Request) bool {
	for offer := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(quality, " ", ""), "q="), 64)
			return quality == "" || err != nil || q > 0
		}
	}
	return false
}
