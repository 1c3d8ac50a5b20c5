package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func do(t *testing.T, s *Store, method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestUploadRules(t *testing.T) {
	t.Parallel()
	body := []byte("ciphertext\xff")
	hash := sha256.Sum256(body)
	padded, raw := base64.URLEncoding.EncodeToString(hash[:]), base64.RawURLEncoding.EncodeToString(hash[:])
	target := func(kind, pathToken, auth, token string) string {
		return "/mms/" + kind + "/" + pathToken + "?" + url.Values{"auth": {auth}, "token": {token}}.Encode()
	}
	tests := []struct {
		name   string
		target string
		want   int
	}{
		{"whatsmeow", target("image", padded, "a+/=", padded), http.StatusOK},
		{"baileys", target("image", raw, "a+/=", raw), http.StatusOK},
		{"history", target("md-app-state", raw, "a+/=", raw), http.StatusOK},
		{"wrong auth", target("image", raw, "b", raw), http.StatusUnauthorized},
		{"no auth", target("image", raw, "", raw), http.StatusUnauthorized},
		{"token of other body", target("image", raw, "a+/=", padded[1:]), http.StatusBadRequest},
		{"path of other body", target("image", "AAAA", "a+/=", raw), http.StatusBadRequest},
		{"no query", "/mms/image/" + raw, http.StatusUnauthorized},
		{"unknown kind", target("smell", raw, "a+/=", raw), http.StatusNotFound},
		{"no token", "/mms/image?auth=a", http.StatusNotFound},
		{"newsletter without its kind", strings.Replace(target("image", raw, "a+/=", raw), "/mms/", "/newsletter/", 1), http.StatusNotFound},
		{"elsewhere", "/upload/image/" + raw, http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := NewStore(Config{Auth: "a+/=", Host: "media.test:443"})
			resp := do(t, s, http.MethodPost, tt.target, body)
			if resp.Code != tt.want {
				t.Fatalf("status %d, want %d", resp.Code, tt.want)
			}
			if tt.want != http.StatusOK {
				if got := s.Counts(); got.Files != 0 || got.Refused != 1 {
					t.Errorf("counts %+v", got)
				}
				return
			}
			var answer struct {
				URL        string `json:"url"`
				DirectPath string `json:"direct_path"`
			}
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				t.Fatal(err)
			}
			if want := "https://media.test:443" + answer.DirectPath; answer.URL != want {
				t.Errorf("url %q, want %q", answer.URL, want)
			}
			for _, appended := range []string{"", "&hash=x&mms-type=image&__wa-mms="} {
				got := do(t, s, http.MethodGet, answer.DirectPath+appended, nil)
				if text := got.Body.String(); got.Code != http.StatusOK || text != string(body) {
					t.Errorf("download %q: %d %q", appended, got.Code, text)
				}
			}
		})
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{})
	path, _ := s.Put([]byte("0123456789"))
	tests := []struct {
		name, method, path, byteRange string
		status                        int
		body                          string
	}{
		{"range", http.MethodGet, path, "bytes=2-4", http.StatusPartialContent, "234"},
		{"tail", http.MethodGet, path, "bytes=-3", http.StatusPartialContent, "789"},
		{"beyond", http.MethodGet, path, "bytes=20-", http.StatusRequestedRangeNotSatisfiable, "invalid range: failed to overlap\n"},
		{"head", http.MethodHead, path, "", http.StatusOK, ""},
		{"unknown", http.MethodGet, "/v/none?ccb=1", "", http.StatusNotFound, "no such file\n"},
		{"method", http.MethodPut, path, "", http.StatusMethodNotAllowed, "method not allowed\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var header []string
			if tt.byteRange != "" {
				header = []string{"Range", tt.byteRange}
			}
			resp := do(t, s, tt.method, tt.path, nil, header...)
			if got := resp.Body.String(); resp.Code != tt.status || got != tt.body {
				t.Errorf("got %d %q, want %d %q", resp.Code, got, tt.status, tt.body)
			}
		})
	}
}

func TestDeleteNeedsAuth(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{Auth: "a"})
	if got := do(t, s, http.MethodDelete, "/mms/md-msg-hist/x?auth=b", nil).Code; got != http.StatusUnauthorized {
		t.Errorf("wrong auth: %d", got)
	}
	if got := do(t, s, http.MethodDelete, "/mms/md-msg-hist/x?auth=a", nil).Code; got != http.StatusOK {
		t.Errorf("unknown file: %d", got)
	}
}

func TestOldestGoesFirst(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{MaxBytes: 10})
	a, _ := s.Put([]byte("aaaa"))
	b, _ := s.Put([]byte("bbbb"))
	s.Put([]byte("aaaa")) // makes it the youngest
	c, _ := s.Put([]byte("cccc"))
	tooLarge, _ := s.Put([]byte("more than ten"))
	for path, want := range map[string]bool{a: true, b: false, c: true, tooLarge: false} {
		if _, ok := s.Get(path); ok != want {
			t.Errorf("%s kept = %v, want %v", path, ok, want)
		}
	}
	if got := s.Counts(); got.Files != 2 || got.Bytes != 8 {
		t.Errorf("counts %+v", got)
	}
	hash := sha256.Sum256([]byte("more than ten"))
	token := base64.RawURLEncoding.EncodeToString(hash[:])
	resp := do(t, s, http.MethodPost, "/mms/image/"+token+"?token="+token+"&auth="+s.Auth(), []byte("more than ten"))
	if resp.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("large upload: %d", resp.Code)
	}
}

func TestPutCopies(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{})
	body := []byte("before")
	path, _ := s.Put(body)
	copy(body, "after!")
	if got, _ := s.Get(path); string(got) != "before" {
		t.Errorf("got %q", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{})
	a, _ := s.Put([]byte("a"))
	b, _ := s.Put([]byte("b"))
	status := func(path string) int { return do(t, s, http.MethodGet, path, nil).Code }

	s.SetFaults(Faults{FailDownload: 503, FailPath: map[string]int{b: 410}})
	if got := []int{status(a), status(b), status(a)}; got[0] != 503 || got[1] != 410 || got[2] != 503 {
		t.Errorf("got %v", got)
	}
	s.SetFaults(Faults{FailDownload: 503, Times: 2})
	if got := []int{status(a), status(b), status(a)}; got[0] != 503 || got[1] != 503 || got[2] != 200 {
		t.Errorf("two times: got %v", got)
	}
	s.SetFaults(Faults{Corrupt: true})
	if got := do(t, s, http.MethodGet, a, nil).Body.String(); got == "a" || len(got) != 1 {
		t.Errorf("corrupt: %q", got)
	}
	s.SetFaults(Faults{})
	if got := do(t, s, http.MethodGet, a, nil).Body.String(); got != "a" {
		t.Errorf("corruption was stored: %q", got)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(Config{})
		path, _ := s.Put([]byte("a"))
		s.SetFaults(Faults{Slow: 10 * time.Second})
		start := time.Now()
		if got := do(t, s, http.MethodGet, path, nil).Body.String(); got != "a" {
			t.Errorf("got %q", got)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s", took)
		}

		s.SetFaults(Faults{Slow: Forever})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start = time.Now()
		func() {
			defer func() {
				got := recover()
				if err, ok := got.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("answered or panicked with %v", got)
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		}()
		if took := time.Since(start); took != time.Minute {
			t.Errorf("hung up after %s, noticed after %s", time.Minute, took)
		}
	})
}

// A client that hangs up while its upload is slow must end the request, which
// net/http only notices once the body is read.
func TestSlowUploadEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{})
	s.SetFaults(Faults{Slow: Forever})
	started, ended := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		defer close(ended)
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/mms/image/x", bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		if err == nil {
			response.Body.Close()
		}
		t.Errorf("got %v", err)
	}
	<-ended
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := NewStore(Config{MaxBytes: 500})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				path, _ := s.Put(fmt.Appendf(nil, "body %d %d", worker%4, i))
				do(t, s, http.MethodGet, path, nil)
				s.SetFaults(Faults{Corrupt: i%2 == 0})
				s.Gone(path, 404)
				if got := s.Counts(); got.Bytes > 500 {
					t.Errorf("%d bytes", got.Bytes)
				}
			}
		})
	}
	group.Wait()
}

func TestDecryptRefuses(t *testing.T) {
	t.Parallel()
	e, err := Encrypt(Image, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decrypt(Sticker, e.MediaKey, e.Body); err != nil || string(got) != "hello" {
		t.Errorf("as sticker: %q, %v", got, err)
	}
	flipped := bytes.Clone(e.Body)
	flipped[3] ^= 1
	tests := []struct {
		name string
		kind Kind
		key  []byte
		body []byte
		want error
	}{
		{"other kind", Video, e.MediaKey, e.Body, ErrForged},
		{"other key", Image, make([]byte, 32), e.Body, ErrForged},
		{"changed", Image, e.MediaKey, flipped, ErrForged},
		{"cut", Image, e.MediaKey, e.Body[:len(e.Body)-1], ErrForged},
		{"empty", Image, e.MediaKey, nil, ErrForged},
		{"unknown kind", "smell", e.MediaKey, e.Body, ErrKind},
	}
	for _, tt := range tests {
		if got, err := Decrypt(tt.kind, tt.key, tt.body); !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	if _, err := Encrypt("smell", nil); !errors.Is(err, ErrKind) {
		t.Errorf("unknown kind: %v", err)
	}
}

func FuzzCipher(f *testing.F) {
	f.Add([]byte("plain"), []byte("0123456789012345678901234567890123456789"))
	f.Fuzz(func(t *testing.T, plain, body []byte) {
		e, err := Encrypt(Document, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decrypt(Document, e.MediaKey, e.Body)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := Decrypt(Document, e.MediaKey, body); err == nil {
			t.Fatal("accepted an arbitrary body")
		}
	})
}
