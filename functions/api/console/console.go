// Package console is the page for people at /console: it creates instances,
// shows their QR codes and states, what their webhooks could not be told, and
// deletes them, through the same API that programs use. The page holds no data; the key stays in the browser's tab.
package console

import (
	"embed"
	"net/http"
	"strings"
)

//go:embed static
var static embed.FS

// files are the page's parts by path.
var files = map[string]struct{ name, mimetype string }{
	"":           {"static/index.html", "text/html; charset=utf-8"},
	"app.js":     {"static/app.js", "text/javascript; charset=utf-8"},
	"card.js":    {"static/card.js", "text/javascript; charset=utf-8"},
	"letters.js": {"static/letters.js", "text/javascript; charset=utf-8"},
	"make.js":    {"static/make.js", "text/javascript; charset=utf-8"},
	"style.css":  {"static/style.css", "text/css; charset=utf-8"},
}

// policy lets the page talk to its own origin only: whatever a name or a
// message may hold, nothing of it runs, and the key goes nowhere else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page under /console.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		path := strings.Trim(strings.TrimPrefix(strings.ToLower(r.URL.Path), "/console"), "/")
		file, known := files[path]
		if !known {
			http.NotFound(w, r)
			return
		}
		content, err := static.ReadFile(file.name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", file.mimetype)
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-cache")
		_, _ = w.Write(content) // a client that is gone needs no answer
	})
}
