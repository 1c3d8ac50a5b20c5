// Package docs serves what the API says of itself: the OpenAPI document of each
// dialect, and a page at /docs to read and try them in. The page is Swagger UI,
// which comes with the program, so that it works without any network.
package docs

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

//go:embed static
var page embed.FS

// Document is the OpenAPI document of a dialect.
type Document struct {
	Name  string // in its path: /docs/<name>/openapi.json
	Title string // in the page's list
	Raw   []byte // JSON
}

// policy lets the page talk to its own origin only. Swagger UI sets styles of
// elements and has pictures inside its style sheet.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Serves reports whether a path is of the documents.
func Serves(path string) bool { return path == "/docs" || strings.HasPrefix(path, "/docs/") }

// Handler serves the page and the documents, the first of which is shown first.
func Handler(documents ...Document) (http.Handler, error) {
	files := map[string]file{}
	for path, f := range map[string]struct{ name, mimetype string }{
		"/docs":          {"static/index.html", "text/html; charset=utf-8"},
		"/docs/page.js":  {"static/page.js", "text/javascript; charset=utf-8"},
		"/docs/page.css": {"static/page.css", "text/css; charset=utf-8"},
	} {
		content, err := page.ReadFile(f.name)
		if err != nil {
			return nil, fmt.Errorf("read the page of documents: %w", err)
		}
		files[path] = file{f.mimetype, content}
	}
	type entry struct {
		URL  string `json:"url"`
		Name string `json:"name"`
	}
	list := []entry{}
	for _, d := range documents {
		path := "/docs/" + d.Name + "/openapi.json"
		files[path] = file{"application/json", d.Raw}
		list = append(list, entry{path, d.Title})
	}
	index, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("list the documents: %w", err)
	}
	files["/docs/documents.json"] = file{"application/json", index}
	library := http.StripPrefix("/docs/library", statigz.FileServer(static.FS))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		path := strings.TrimSuffix(r.URL.Path, "/")
		if strings.HasPrefix(path, "/docs/library/") {
			library.ServeHTTP(w, r)
			return
		}
		f, known := files[path]
		if !known {
			http.NotFound(w, r)
			return
		}
		header.Set("Content-Type", f.mimetype)
		header.Set("Content-Length", strconv.Itoa(len(f.content)))
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		if f.mimetype == "application/json" {
			header.Set("Access-Control-Allow-Origin", "*")
		}
		_, _ = w.Write(f.content) // a client that is gone needs no answer
	}), nil
}

type file struct {
	mimetype string
	content  []byte
}
