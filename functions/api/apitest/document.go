package apitest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"roost/functions/api/evolution"
	"roost/functions/api/openapi"
)

var document = sync.OnceValues(func() (*openapi.Document, error) { return openapi.Read(evolution.Document) })

// judge holds an exchange on a route of Evolution's dialect to its document: the
// answer must be one that is told there, and so must a body that is taken.
func judge(tb testing.TB, r *http.Request, sent []byte, a Answer) {
	tb.Helper()
	d, err := document()
	must(tb, err)
	operation, known := d.Find(r.Method, asWritten(d, r.Method, r.URL.EscapedPath()))
	if !known {
		return
	}
	if kind := a.Header.Get("Content-Type"); !operation.Answers(a.Status, kind) {
		tb.Errorf("%s %s answers %d %s, which the document does not say: %s", r.Method, operation.Path, a.Status, kind, a.Body)
	} else if strings.HasPrefix(kind, "application/json") {
		if err := operation.Response(a.Status, unpacked(tb, a)); err != nil {
			tb.Errorf("%v\n%s", err, a.Body)
		}
	}
	if kind := r.Header.Get("Content-Type"); a.Status < 300 && kind == "application/json" && r.Header.Get("Content-Encoding") == "" {
		if _, err := operation.Body(sent); err != nil {
			tb.Errorf("%s %s takes a body that the document does not: %v\n%s", r.Method, operation.Path, err, sent)
		}
	}
}

// asWritten is a path as the document writes it: the dialect takes it in any
// case and with a slash at the end.
func asWritten(d *openapi.Document, method, path string) string {
	asked := strings.Split(strings.Trim(path, "/"), "/")
	for _, o := range d.Operations() {
		parts := strings.Split(strings.Trim(o.Path, "/"), "/")
		fits := o.Method == method && len(parts) == len(asked)
		for n := 0; fits && n < len(parts); n++ {
			if strings.HasPrefix(parts[n], "{") {
				parts[n] = asked[n]
			}
			fits = strings.EqualFold(parts[n], asked[n])
		}
		if fits {
			return "/" + strings.Join(parts, "/")
		}
	}
	return path
}

func unpacked(tb testing.TB, a Answer) []byte {
	tb.Helper()
	if a.Header.Get("Content-Encoding") != "gzip" {
		return []byte(a.Body)
	}
	z, err := gzip.NewReader(bytes.NewReader([]byte(a.Body)))
	must(tb, err)
	plain, err := io.ReadAll(z)
	must(tb, err)
	return plain
}
