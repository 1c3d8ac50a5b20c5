package folder_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/shared/blob"
	"roost/shared/blob/blobtest"
	"roost/shared/blob/folder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = bytes.Repeat([]byte("s"), 32)

// open serves a folder under a path of its own, as the local process does.
func open(t *testing.T, root string, now func() time.Time) *folder.Folder {
	t.Helper()
	var f *folder.Folder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	f, err := folder.Open(root, folder.Options{Secret: secret, BaseURL: server.URL + "/blob/", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Bucket {
		t.Helper()
		return open(t, t.TempDir(), nil)
	})
}

// request sends one request straight to the handler.
func request(t *testing.T, f *folder.Folder, method, url string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, body)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestLinkExpires(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	f := open(t, t.TempDir(), func() time.Time { return now })
	put(t, f, "o", "x")
	url, expires, err := f.SignGet(t.Context(), "o", time.Hour, "")
	if err != nil || !expires.Equal(now.Add(time.Hour)) {
		t.Fatalf("expires %v, %v", expires, err)
	}
	now = expires.Add(-time.Second)
	if w := request(t, f, http.MethodGet, url, nil); w.Code != http.StatusOK || w.Body.String() != "x" {
		t.Errorf("last second: %d %s", w.Code, w.Body)
	}
	now = expires
	w := request(t, f, http.MethodGet, url, nil)
	if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "expired at 2023-11-14T23:13:20Z") {
		t.Errorf("expired: %d %s", w.Code, w.Body)
	}
	// An expired link that was changed is not told so.
	if w := request(t, f, http.MethodGet, url+"0", nil); w.Code != http.StatusForbidden {
		t.Errorf("expired and changed: %d", w.Code)
	}
}

func TestUploadLimit(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir(), nil)
	url, _, err := f.SignPut(t.Context(), "o", time.Minute, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	// Announced, and found out while reading.
	for name, body := range map[string]io.Reader{
		"announced": strings.NewReader("12345678901"), "found out": io.MultiReader(strings.NewReader("12345678901")),
	} {
		if w := request(t, f, http.MethodPut, url, body); w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "10 bytes") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if _, _, err := f.Get(t.Context(), "o", blob.Range{}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stored: %v", err)
	}
	if w := request(t, f, http.MethodPut, url, strings.NewReader("1234567890")); w.Code != http.StatusOK {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
	if w := request(t, f, http.MethodGet, url, nil); w.Code != http.StatusForbidden {
		t.Errorf("get with a link for put: %d", w.Code)
	}
	if w := request(t, f, http.MethodDelete, url, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("delete: %d", w.Code)
	}
}

func TestServedSafely(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir(), nil)
	if _, err := f.Put(t.Context(), "page", strings.NewReader("<script>"), -1, "text/html"); err != nil {
		t.Fatal(err)
	}
	url, _, err := f.SignGet(t.Context(), "page", time.Minute, "")
	if err != nil {
		t.Fatal(err)
	}
	w := request(t, f, http.MethodHead, url, nil)
	for name, want := range map[string]string{
		"Content-Type": "text/html", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox; default-src 'none'", "Content-Length": "8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if w.Body.Len() != 0 || w.Code != http.StatusOK {
		t.Errorf("head: %d, %q", w.Code, w.Body)
	}
}

func TestOtherSecret(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f := open(t, root, nil)
	put(t, f, "o", "x")
	other, err := folder.Open(root, folder.Options{Secret: bytes.Repeat([]byte("o"), 32), BaseURL: "http://localhost/blob"})
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := other.SignGet(t.Context(), "o", time.Minute, "")
	if err != nil {
		t.Fatal(err)
	}
	if w := request(t, f, http.MethodGet, url, nil); w.Code != http.StatusForbidden {
		t.Errorf("link of another secret: %d", w.Code)
	}
	for _, options := range []folder.Options{{BaseURL: "http://localhost"}, {Secret: secret}, {Secret: secret[:31], BaseURL: "http://localhost"}} {
		if _, err := folder.Open(root, options); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("open with %d bytes and %q: %v", len(options.Secret), options.BaseURL, err)
		}
	}
}

// TestCrashedUpload: what a crash leaves at any step is invisible, and swept
// once it is old.
func TestCrashedUpload(t *testing.T) {
	t.Parallel()
	now := time.Now()
	root := t.TempDir()
	f := open(t, root, func() time.Time { return now })
	put(t, f, "d/o", "whole")
	before := files(t, root)
	for _, name := range []string{"o%object.ABANDONED", "o%meta.ABANDONED", "never%object.ABANDONED"} {
		if err := os.WriteFile(filepath.Join(root, "d", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := f.List(t.Context(), "", "")
	if err != nil || len(page.Objects) != 1 {
		t.Errorf("listed %+v, %v", page, err)
	}
	if n, err := f.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("fresh files swept: %d, %v", n, err)
	}
	now = now.Add(25 * time.Hour)
	if n, err := f.Sweep(t.Context()); n != 3 || err != nil {
		t.Errorf("swept %d, %v, want 3", n, err)
	}
	if after := files(t, root); after != before {
		t.Errorf("left %d files, want %d", after, before)
	}
	body, _, err := f.Get(t.Context(), "d/o", blob.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(body); err != nil || string(content) != "whole" {
		t.Errorf("left %q, %v", content, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := open(t, t.TempDir(), func() time.Time { return now })
	lifetimes := map[string]time.Duration{"short/": time.Hour, "long/": 3 * time.Hour}
	for _, key := range []string{"short/a", "short/b/c", "long/a", "shorter/a", "stays/short/a"} {
		put(t, f, key, "x")
	}
	for _, want := range []int{0, 2, 0, 1} {
		if n, err := f.Expire(t.Context(), lifetimes); n != want || err != nil {
			t.Errorf("%d removed, %v, want %d", n, err, want)
		}
		now = now.Add(time.Hour)
	}
	page, err := f.List(t.Context(), "", "")
	if err != nil || len(page.Objects) != 2 {
		t.Errorf("left %+v, %v", page, err)
	}
}

func TestNothingLeftBehind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f := open(t, root, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				put(t, f, "o", "x")
			}
		})
	}
	wg.Wait()
	if n := files(t, root); n != 2 {
		t.Errorf("%d files for one object, want 2", n)
	}
	if _, err := f.Put(t.Context(), "o", strings.NewReader("x"), 2, ""); err == nil {
		t.Error("no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Put(ctx, "p", strings.NewReader("x"), 1, ""); err == nil {
		t.Error("no error")
	}
	if n := files(t, root); n != 2 {
		t.Errorf("%d files after failed puts, want 2", n)
	}
	if err := f.Delete(t.Context(), "o"); err != nil {
		t.Error(err)
	}
	if n := files(t, root); n != 0 {
		t.Errorf("%d files after the delete, want none", n)
	}
}

func put(t *testing.T, f *folder.Folder, key, content string) {
	t.Helper()
	if _, err := f.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), "text/plain"); err != nil {
		t.Error(err)
	}
}

func files(t *testing.T, root string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
