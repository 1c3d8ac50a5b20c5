package blobtest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roost/shared/blob"
)

// answer is what came back of a response whose body has been read.
type answer struct {
	status string // as in "404 Not Found"
	code   int
	header http.Header
	body   string
}

// do sends one request.
func (s *suite) do(method, url string, header map[string]string, body []byte) answer {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		s.Fatalf("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{response.Status, response.StatusCode, response.Header, string(content)}
}

func (s *suite) signGet(key, filename string) string {
	s.Helper()
	before := time.Now()
	signed, expires, err := s.bucket.SignGet(s.Context(), key, time.Minute, filename)
	if err != nil {
		s.Fatalf("sign: %v", err)
	}
	if expires.Before(before) || expires.After(time.Now().Add(time.Minute+2*time.Second)) {
		s.Errorf("expires %v, asked for a minute from %v", expires, before)
	}
	return signed
}

func testSignGet(s *suite) {
	for _, name := range oddKeys(s.prefix) {
		key := s.prefix + name
		s.put(key, []byte("content of "+name))
		got := s.do(http.MethodGet, s.signGet(key, ""), nil, nil)
		if got.code != http.StatusOK || got.body != "content of "+name {
			s.Errorf("%q: %s, %q", name, got.status, got.body)
		}
		if got := got.header.Get("Content-Type"); got != "text/plain" {
			s.Errorf("content type %q", got)
		}
	}
	key := s.prefix + "download"
	s.put(key, []byte("0123456789"))
	signed := s.signGet(key, `grüße "1";.txt`)
	got := s.do(http.MethodGet, signed, nil, nil)
	kind, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != `grüße "1";.txt` {
		s.Errorf("disposition %q: %q, %v", got.header.Get("Content-Disposition"), params, err)
	}
	got = s.do(http.MethodGet, signed, map[string]string{"Range": "bytes=2-4"}, nil)
	if got.code != http.StatusPartialContent || got.body != "234" {
		s.Errorf("range: %s, %q", got.status, got.body)
	}
	got = s.do(http.MethodGet, s.signGet(s.prefix+"none", ""), nil, nil)
	if got.code != http.StatusNotFound {
		s.Errorf("missing object: %s", got.status)
	}
}

func testSignPut(s *suite) {
	key := s.prefix + "upload/grüße"
	signed, _, err := s.bucket.SignPut(s.Context(), key, time.Minute, 1000, "image/png")
	if err != nil {
		s.Fatal(err)
	}
	header := map[string]string{"Content-Type": "image/png"}
	content := bytes.Repeat([]byte("x"), 1000)
	for range 2 {
		if got := s.do(http.MethodPut, signed, header, content); got.code != http.StatusOK {
			s.Fatalf("put: %s, %q", got.status, got.body)
		}
	}
	got, info, err := s.read(key, blob.Range{})
	if err != nil || !bytes.Equal(got, content) || info.Size != 1000 || info.ContentType != "image/png" || info.ETag == "" {
		s.Errorf("uploaded %+v, %v", info, err)
	}
	if got := s.do(http.MethodPut, signed, map[string]string{"Content-Type": "text/html"}, content); got.code != http.StatusForbidden {
		s.Errorf("another content type: %s", got.status)
	}

	free, _, err := s.bucket.SignPut(s.Context(), key, time.Minute, 1000, "")
	if err != nil {
		s.Fatal(err)
	}
	if got := s.do(http.MethodPut, free, map[string]string{"Content-Type": "text/csv"}, []byte("a,b")); got.code != http.StatusOK {
		s.Fatalf("put of any content type: %s, %q", got.status, got.body)
	}
	if got, info, err := s.read(key, blob.Range{}); err != nil || string(got) != "a,b" || info.ContentType != "text/csv" {
		s.Errorf("uploaded %q as %+v, %v", got, info, err)
	}
}

func testSignTampered(s *suite) {
	key := s.prefix + "o"
	s.put(key, []byte("x"))
	s.put(s.prefix+"p", []byte("secret"))
	signed, err := url.Parse(s.signGet(key, "a.txt"))
	if err != nil {
		s.Fatal(err)
	}
	change := func(name string, edit func(*url.URL)) {
		s.Helper()
		u := *signed
		edit(&u)
		if got := s.do(http.MethodGet, u.String(), nil, nil); got.code < 400 || got.body == "secret" {
			s.Errorf("%s: %s, %q", name, got.status, got.body)
		}
	}
	change("another key", func(u *url.URL) { u.Path = strings.TrimSuffix(u.Path, "o") + "p" })
	change("no query", func(u *url.URL) { u.RawQuery = "" })
	for name := range signed.Query() {
		change("without "+name, func(u *url.URL) {
			q := u.Query()
			q.Del(name)
			u.RawQuery = q.Encode()
		})
		change("with another "+name, func(u *url.URL) {
			q := u.Query()
			q.Set(name, "9"+q.Get(name))
			u.RawQuery = q.Encode()
		})
	}
	if got := s.do(http.MethodPut, signed.String(), nil, []byte("overwritten")); got.code != http.StatusForbidden {
		s.Errorf("put with a link for get: %s", got.status)
	}
	if got := s.get(key); string(got) != "x" {
		s.Errorf("now %q", got)
	}
}

func testSignExpired(s *suite) {
	key := s.prefix + "o"
	s.put(key, []byte("x"))
	signed, expires, err := s.bucket.SignGet(s.Context(), key, time.Second, "")
	if err != nil {
		s.Fatal(err)
	}
	// Two ends of a second, and a clock of the server's own.
	<-time.After(time.Until(expires) + 1100*time.Millisecond)
	got := s.do(http.MethodGet, signed, nil, nil)
	if got.code != http.StatusForbidden && got.code != http.StatusGone || !strings.Contains(got.body, "expired") {
		s.Errorf("%s, %q", got.status, got.body)
	}
}

func testSignInvalid(s *suite) {
	for _, expiry := range []time.Duration{0, -time.Minute, blob.MaxExpiry + time.Second} {
		_, _, err := s.bucket.SignGet(s.Context(), s.prefix+"o", expiry, "")
		s.fails(err, blob.ErrInvalid)
		_, _, err = s.bucket.SignPut(s.Context(), s.prefix+"o", expiry, 1, "")
		s.fails(err, blob.ErrInvalid)
	}
	_, _, err := s.bucket.SignGet(s.Context(), s.prefix+"o", time.Minute, "a\r\nb")
	s.fails(err, blob.ErrInvalid)
	_, _, err = s.bucket.SignPut(s.Context(), s.prefix+"o", time.Minute, 0, "")
	s.fails(err, blob.ErrInvalid)
}
