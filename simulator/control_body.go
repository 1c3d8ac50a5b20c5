package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// maxBody bounds what a call takes, in bytes: WhatsApp's own limit for media
// but documents is 16 MB, and base64 adds a third.
const maxBody = 64 << 20

// errRequest marks what is wrong with the body or query of a call. It is not
// part of the sentence.
var errRequest = errors.New("bad request")

// requestError is a sentence about the body or query of a call.
type requestError string

func (e requestError) Error() string        { return string(e) }
func (e requestError) Is(target error) bool { return target == errRequest }

func badRequest(format string, args ...any) error {
	return requestError(fmt.Sprintf(format, args...))
}

// readBody decodes the body of a call that needs one. Fields that into does not
// have are refused.
func readBody(r *http.Request, into any) error {
	body, err := readAll(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return badRequest("the body is empty; it must be a JSON object")
	}
	return decode(body, into)
}

// readOptionalBody is readBody for a call that can do without one.
func readOptionalBody(r *http.Request, into any) error {
	body, err := readAll(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return decode(body, into)
}

// readAll reads into a buffer of the right size: bodies carry files.
func readAll(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), maxBody)) + bytes.MinRead)
	if _, err := b.ReadFrom(r.Body); err != nil {
		return nil, fmt.Errorf("read body: %w", &bodyError{err})
	}
	return b.Bytes(), nil
}

// bodyError is a body that ends early or is too large.
type bodyError struct{ err error }

func (e *bodyError) Error() string        { return e.err.Error() }
func (e *bodyError) Unwrap() error        { return e.err }
func (e *bodyError) Is(target error) bool { return target == errRequest }

func decode(body []byte, into any) error {
	if trimmed := bytes.TrimSpace(body); trimmed[0] != '{' && json.Valid(trimmed) {
		return badRequest("the body must be a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return explain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the body goes on after its JSON object")
	}
	return nil
}

// explain turns an error of the JSON decoder into a sentence for the caller.
func explain(err error) error {
	var wrong *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &wrong):
		return badRequest("field %q must be %s, not %s", wrong.Field, kindName(wrong.Type), wrong.Value)
	case errors.As(err, &corrupt):
		return badRequest("a field is not standard base64, from byte %d on", int64(corrupt))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return badRequest("unknown field %s", name)
	}
	return badRequest("the body is not valid JSON: %v", err)
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a text in base64"
		}
		return "a list"
	case reflect.Struct:
		return "an object"
	default:
		return "a whole number in range"
	}
}
