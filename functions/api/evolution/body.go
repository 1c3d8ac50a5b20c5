package evolution

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// maxMemory is how much of a multipart body is kept in memory rather than in a
// temporary file, in bytes.
const maxMemory = 8 << 20

// body is a request's body as a tree: objects, arrays, strings, booleans,
// json.Number and nil.
type body struct {
	value any
	raw   json.RawMessage // as sent, nil when it was a form
	form  bool            // all leaves are strings
	file  *upload
}

// upload is a file that came with a request, or before it.
type upload struct {
	name, mimetype string
	data           []byte
	upload         string // what core has named it, when it is not here
}

// object is the body as fields; none when it is something else.
func (b body) object() map[string]any {
	o, _ := b.value.(map[string]any)
	return o
}

var errBodyTooLarge = &problem{status: http.StatusRequestEntityTooLarge, reason: internalReason, message: "request entity too large"}

func malformed(text string) error {
	return &problem{status: http.StatusBadRequest, reason: internalReason, message: text}
}

// readBody reads JSON, forms and multipart. What is none of them counts as an
// empty object, as in Express.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (body, error) {
	empty := body{value: map[string]any{}}
	if r.Body == nil || r.Body == http.NoBody || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return empty, nil
	}
	if r.ContentLength > h.config.MaxBody {
		return empty, errBodyTooLarge
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	in, err := inflate(r.Header.Get("Content-Encoding"), http.MaxBytesReader(w, r.Body, h.config.MaxBody))
	if err != nil {
		return empty, err
	}
	in = &limited{in: in, left: h.config.MaxBody}
	switch {
	case kind == "multipart/form-data":
		return readMultipart(in, params["boundary"])
	case kind == "application/x-www-form-urlencoded":
		raw, err := readAll(in)
		if err != nil {
			return empty, err
		}
		return body{value: parseForm(string(raw)), form: true}, nil
	case strings.HasSuffix(kind, "json"), kind == "", kind == "text/plain":
		raw, err := readAll(in)
		if err != nil {
			return empty, err
		}
		if raw = bytes.TrimSpace(raw); len(raw) == 0 || !strings.HasSuffix(kind, "json") && raw[0] != '{' {
			return empty, nil
		}
		return readJSON(raw)
	default:
		return empty, nil
	}
}

func inflate(coding string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "", "identity":
		return in, nil
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, malformed("incorrect header check")
		}
		return z, nil
	case "deflate":
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, malformed("incorrect header check")
		}
		return z, nil
	default:
		return nil, &problem{status: http.StatusUnsupportedMediaType, reason: internalReason, message: `unsupported content encoding "` + coding + `"`}
	}
}

// limited ends with errBodyTooLarge where a body has unpacked to more than is
// allowed.
type limited struct {
	in   io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.in.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errBodyTooLarge
	}
	return n, err
}

func readAll(in io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(in)
	return raw, readFault(err)
}

func readFault(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge), errors.Is(err, errBodyTooLarge):
		return errBodyTooLarge
	default:
		return malformed("request aborted")
	}
}

func readJSON(raw []byte) (body, error) {
	b := body{raw: raw}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&b.value); err != nil {
		return b, malformed(err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return b, malformed("Unexpected non-whitespace character after JSON")
	}
	switch b.value.(type) {
	case map[string]any, []any:
		return b, nil
	default: // as body-parser, which is strict
		return b, malformed("Unexpected token " + string(raw[:1]) + " in JSON at position 0")
	}
}

func readMultipart(in io.Reader, boundary string) (body, error) {
	if boundary == "" {
		return body{}, malformed("Multipart: Boundary not found")
	}
	form, err := multipart.NewReader(in, boundary).ReadForm(maxMemory)
	if err != nil {
		if fault := readFault(err); errors.Is(fault, errBodyTooLarge) {
			return body{}, fault
		}
		return body{}, malformed("Unexpected end of form")
	}
	defer func() { _ = form.RemoveAll() }()
	fields := map[string]any{}
	for name, values := range form.Value {
		if len(values) == 1 {
			setField(fields, name, values[0])
			continue
		}
		list := make([]any, len(values))
		for n, v := range values {
			list[n] = v
		}
		setField(fields, strings.TrimSuffix(name, "[]"), list)
	}
	b := body{value: fields, form: true}
	if parts := form.File["file"]; len(parts) > 0 {
		part := parts[0]
		opened, err := part.Open()
		if err != nil {
			return body{}, malformed("Unexpected end of form")
		}
		data, err := io.ReadAll(opened)
		_ = opened.Close()
		if err != nil {
			return body{}, readFault(err)
		}
		b.file = &upload{name: part.Filename, mimetype: part.Header.Get("Content-Type"), data: data}
	}
	return b, nil
}
