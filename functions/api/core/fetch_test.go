package core

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"roost/shared/fault"
	"roost/shared/instance"
)

func TestFetchStaysOutside(t *testing.T) {
	t.Parallel()
	reached := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer inside.Close()
	c := New(Deps{})
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	for _, address := range []string{
		inside.URL, "http://localhost:" + port, "http://[::1]:" + port, "http://0.0.0.0:" + port, "http://[::ffff:127.0.0.1]:" + port,
		"http://2130706433:" + port, "http://127.1:" + port, "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/",
		"http://[fd00:ec2::254]/", "http://192.168.1.1/", "http://100.64.0.1/",
	} {
		_, err := c.Fetch(t.Context(), instance.Instance{}, address)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s gives %v, want Invalid", address, err)
		}
		if strings.Contains(fault.PublicOf(err), "127.0.0.1") {
			t.Errorf("%s tells about the network: %s", address, fault.PublicOf(err))
		}
	}
	if reached {
		t.Error("the server on this machine was reached")
	}
}

// loopback is this machine.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestFetchFollowsNoRedirectInside(t *testing.T) {
	t.Parallel()
	// Loopback stands for the outside here; what it leads to is forbidden.
	outside := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	defer outside.Close()
	_, err := New(Deps{Networks: loopback}).Fetch(t.Context(), instance.Instance{}, outside.URL)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.PublicOf(err), "not a public one") {
		t.Errorf("a redirect inside gives %v", err)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/photo":
			w.Header().Set("Content-Type", "image/webp")
			_, _ = w.Write([]byte("picture"))
		case "/large":
			_, _ = w.Write(make([]byte, 11))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	c := New(Deps{Networks: loopback, Limits: Limits{File: 10}})
	if got, err := c.Fetch(t.Context(), instance.Instance{}, server.URL+"/photo"); err != nil || string(got.Data) != "picture" || got.Mimetype != "image/webp" {
		t.Errorf("fetched %q of type %q, %v", got.Data, got.Mimetype, err)
	}
	if _, err := c.Fetch(t.Context(), instance.Instance{}, server.URL+"/large"); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a file above the limit gives %v", err)
	}
	if _, err := c.Fetch(t.Context(), instance.Instance{}, server.URL+"/gone"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("404 gives %v", err)
	}
}

func TestFileURL(t *testing.T) {
	t.Parallel()
	outside, local := New(Deps{}), New(Deps{Networks: loopback})
	for address, want := range map[string][2]bool{
		"https://example.com/a.png": {true, true}, "http://localhost:80/a.png": {false, true}, "http://intranet/a": {false, true},
		"ftp://example.com/a": {false, false}, "aGVsbG8=": {false, false}, "data:text/plain,x": {false, false}, "http://": {false, false},
		"http://[2001:db8::1]/": {true, true},
	} {
		if got := [2]bool{outside.FileURL(address), local.FileURL(address)}; got != want {
			t.Errorf("FileURL(%q) = %v, want %v", address, got, want)
		}
	}
}
