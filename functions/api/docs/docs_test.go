package docs_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"roost/functions/api/apitest"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	var list []struct{ URL, Name string }
	a := w.Do(t, http.MethodGet, "/docs/documents.json", "", "")
	if err := json.Unmarshal([]byte(a.Body), &list); err != nil || len(list) < 2 {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	for _, d := range list {
		a := w.Do(t, http.MethodGet, d.URL, "", "")
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" || !strings.Contains(a.Body, `"openapi"`) || !json.Valid([]byte(a.Body)) || d.Name == "" {
			t.Errorf("%s: %d %s", d.URL, a.Status, a.Header)
		}
	}
	for path, mimetype := range map[string]string{
		"/docs": "text/html", "/docs/": "text/html", "/docs/page.js": "text/javascript", "/docs/page.css": "text/css",
		"/docs/library/swagger-ui-bundle.js": "application/javascript", "/docs/library/swagger-ui.css": "text/css", "/docs/library/favicon-32x32.png": "image/png",
	} {
		a := w.Do(t, http.MethodGet, path, "", "")
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), mimetype) || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Body == "" {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
	}
	for _, path := range []string{"/docs/none", "/docs/library/none.js", "/docs/none/openapi.json"} {
		if a := w.Do(t, http.MethodGet, path, "", ""); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	if a := w.Do(t, http.MethodPost, "/docs", "", "{}"); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", a.Status, a.Header)
	}
}
