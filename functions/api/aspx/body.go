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
)

// readBody reads a request's JSON; nothing counts as an empty object.
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
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") && kind != "text/json" {
		return nil, &problem{status: http.StatusUnsupportedMediaType, sentence: "the body must be JSON"}
	}
	return body, nil
}

// decode reads an object into out; names of keys have any case.
func decode(body []byte, out any) error {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if err := json.Unmarshal(body, out); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return &problem{status: http.StatusBadRequest, sentence: fmt.Sprintf("%q has a value of the wrong type", wrong.Field), err: err}
		}
		return &problem{status: http.StatusBadRequest, sentence: "the body is no JSON object", err: err}
	}
	return nil
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
