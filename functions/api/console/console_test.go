package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"roost/functions/api/console"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	for path, mimetype := range map[string]string{
		"/console": "text/html; charset=utf-8", "/console/": "text/html; charset=utf-8", "/Console/app.js": "text/javascript; charset=utf-8",
		"/console/card.js": "text/javascript; charset=utf-8", "/console/letters.js": "text/javascript; charset=utf-8",
		"/console/make.js": "text/javascript; charset=utf-8", "/console/style.css": "text/css; charset=utf-8",
	} {
		w := httptest.NewRecorder()
		console.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != mimetype || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if body := w.Body.String(); strings.Contains(body, "https://") || strings.Contains(body, "innerHTML") || strings.Contains(body, " style=") {
			t.Errorf("%s asks for what the policy forbids, or writes HTML from text", path)
		}
	}
	for _, path := range []string{"/console/static/index.html", "/console/../console.go", "/console/nothing"} {
		w := httptest.NewRecorder()
		console.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	w := httptest.NewRecorder()
	console.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/console", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
