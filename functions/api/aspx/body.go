package aspx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"roost/shared/fault"
)

// readBody reads a request's JSON; nothing counts as an empty object. JSON is what
// is called so, or looks like an object.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	empty := []byte("{}")
	if r.Method == http.MethodGet || r.Body == nil || r.Body == http.NoBody {
		return empty, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &problem{status: http.StatusRequestEntityTooLarge, sentence: fmt.Sprintf("the body has more than %d bytes", limit)}
	}
	if err != nil {
		return nil, &problem{status: http.StatusBadRequest, sentence: "the body broke off", err: err}
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return empty, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	declared := err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "text/json")
	if !declared && body[0] != '{' { // programs in PHP send JSON under the name of a form
		return nil, &problem{status: http.StatusUnsupportedMediaType, sentence: "the body must be JSON"}
	}
	return body, nil
}

// read puts the body into out, once it is what the document says. Names of
// fields may be written in any case.
func (r *request) read(out any) error {
	body := bytes.TrimPrefix(r.body, []byte("\ufeff"))
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return &problem{status: http.StatusBadRequest, sentence: "the body is no JSON object", err: err}
	}
	for name, value := range fields {
		if known := spelled(name); known != name {
			delete(fields, name)
			fields[known] = value
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("spell the fields of a body: %w", err)
	}
	if _, err := r.operation.Body(body); err != nil {
		return &problem{status: http.StatusBadRequest, sentence: fault.PublicOf(err), err: err}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &problem{status: http.StatusBadRequest, sentence: "the body has a value of the wrong type", err: err}
	}
	return nil
}

// names of the fields of all bodies.
var names = []string{
	"APIVersion", "APIVersionCanBulk", "base64", "caption", "filename", "id", "jid", "message", "mimetype", "name", "number",
	"participant", "participants", "presence", "type", "url", "user_agent", "vcard", "webhook",
}

// spelled is how the document writes a name.
func spelled(name string) string {
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// word is text that clients also write as a number: 1.1 for "1.1".
type word string

// UnmarshalJSON takes a string or a number as it is written.
func (o *word) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err == nil && len(b) > 0 && b[0] != '"' {
		*o = word(n)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read a text: %w", err)
	}
	*o = word(s)
	return nil
}
