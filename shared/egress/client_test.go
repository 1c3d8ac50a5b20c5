package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/shared/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile are URLs that lead inside, or that are no URLs of the web. Those with
// names resolve without anybody's help (localhost) or are written so that a
// reader of the text is misled.
var hostile = []string{
	// this machine
	"https://127.0.0.1/", "https://127.0.0.2:8443/", "https://127.255.255.254/", "https://localhost/", "https://LOCALHOST/",
	"https://[::1]/", "https://[0:0:0:0:0:0:0:1]:6379/", "https://0.0.0.0/", "https://[::]/", "https://0.1.2.3/",
	// IPv4 in IPv6's clothes
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::a00:1]/", // NAT64
	"https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::1]/", // 6to4
	"https://[2001::1]/", "https://[2001:0:7f00:1::]/", // Teredo
	// private networks
	"https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.0.1/", "https://192.168.255.255/",
	"https://[fc00::1]/", "https://[fd12:3456:789a::1]/", "https://[fec0::1]/",
	"https://100.64.0.1/", "https://100.127.255.255/", // carrier-grade NAT
	// link-local, and the clouds' metadata
	"https://169.254.0.1/", "https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/v2/credentials", "https://[fe80::1]/",
	"https://[fd00:ec2::254]/latest/meta-data/", "https://100.100.100.200/latest/meta-data/", "https://192.0.0.192/opc/v2/instance/", "https://192.0.0.8/",
	// nobody's, everybody's and the future's
	"https://224.0.0.1/", "https://239.255.255.250/", "https://[ff02::1]/", "https://[ff0e::1]/", "https://255.255.255.255/", "https://240.0.0.1/",
	"https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[100::1]/",
	"https://198.18.0.1/", "https://198.19.255.255/", "https://192.88.99.1/", "https://[5f00::1]/",
	// misleading
	"https://example.com@127.0.0.1/", "https://user:pass@10.0.0.1:443/", "https://127.0.0.1#@example.com/", "https://127.0.0.1:443?x=https://example.com",
	// not secured, and not the web
	"http://93.184.215.14/", "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", "ftp://93.184.215.14/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL",
	"dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "unix:///var/run/docker.sock", "//127.0.0.1/", "javascript:alert(1)",
}

// TestHostileURLs calls what must not be called. Each is refused by the guard
// and not by luck: nothing else counts.
func TestHostileURLs(t *testing.T) {
	t.Parallel()
	client := egress.NewClient(egress.Policy{Timeout: 10 * time.Second})
	t.Cleanup(client.CloseIdleConnections)
	for _, target := range hostile {
		err := call(t.Context(), client, target)
		if err == nil || !egress.Refused(err) {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if reason := egress.Reason(err); strings.Contains(reason, "127.") || strings.Contains(reason, "169.") {
			t.Errorf("%s: the reason tells about the network: %s", target, reason)
		}
	}
	t.Logf("%d URLs refused", len(hostile))
	if len(hostile) < 40 {
		t.Error("the list has become short")
	}
}

// TestNumbersInOtherBases are spellings that some resolvers take for addresses.
// Go's does not, the system's may: either way nothing is called.
func TestNumbersInOtherBases(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(inside.Close)
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := egress.NewClient(egress.Policy{Timeout: 10 * time.Second})
	t.Cleanup(client.CloseIdleConnections)
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.1", "017700000001", "①②⑦.⓪.⓪.①"} {
		if err := call(t.Context(), client, "https://"+host+":"+port+"/"); err == nil {
			t.Errorf("%s was called", host)
		}
	}
	if reached.Load() {
		t.Error("the server on this machine was reached")
	}
}

func call(ctx context.Context, client *http.Client, target string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "https://169.254.169.254/latest", http.StatusFound)
		case "/on":
			http.Redirect(w, r, "/on", http.StatusFound)
		}
	}))
	t.Cleanup(inside.Close)
	open := func(p egress.Policy) *http.Client {
		p.Timeout = 10 * time.Second
		client := egress.NewClient(p)
		t.Cleanup(client.CloseIdleConnections)
		return client
	}
	if err := call(t.Context(), open(egress.Policy{Allow: egress.Loopback}), inside.URL); err != nil {
		t.Errorf("an allowed network: %v", err)
	}
	if err := call(t.Context(), open(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}), inside.URL); !egress.Refused(err) {
		t.Errorf("another network: %v", err)
	}
	if err := call(t.Context(), open(egress.Policy{HTTP: true}), inside.URL); !egress.Refused(err) || errors.Is(err, egress.ErrInsecure) {
		t.Errorf("http everywhere is not everywhere inside: %v", err)
	}
	follow := open(egress.Policy{Allow: egress.Loopback, Redirects: 3})
	if err := call(t.Context(), follow, inside.URL+"/away"); !egress.Refused(err) {
		t.Errorf("a redirect inside: %v", err)
	}
	if err := call(t.Context(), follow, inside.URL+"/on"); err == nil || egress.Refused(err) {
		t.Errorf("redirects without an end: %v", err)
	}
	if err := call(t.Context(), open(egress.Policy{Allow: egress.Loopback}), inside.URL+"/away"); err != nil {
		t.Errorf("a redirect that is not followed is an answer: %v", err)
	}
}

// TestHTTPToPublicAddresses is about the policy only: the dial has been allowed
// when it fails for want of a network.
func TestHTTPToPublicAddresses(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := egress.NewClient(egress.Policy{HTTP: true})
	if err := call(ctx, client, "http://93.184.215.14/"); err == nil || egress.Refused(err) {
		t.Errorf("%v", err)
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for want, target := range map[string]string{
		"its certificate is not valid": secure.URL, "it took too long": silent.URL, "its server cannot be reached": closed.URL,
		"its address is not a public one": "https://10.0.0.1", "the URL is neither https nor http": "ftp://127.0.0.1",
	} {
		limit := 10 * time.Second
		if target == silent.URL {
			limit = 50 * time.Millisecond
		}
		client := egress.NewClient(egress.Policy{Allow: egress.Loopback, Timeout: limit})
		err := call(t.Context(), client, target)
		client.CloseIdleConnections()
		if got := egress.Reason(err); got != want {
			t.Errorf("%s: %q (%v), want %q", target, got, err, want)
		}
		if strings.Contains(egress.WithoutURL(err).Error(), "://") {
			t.Errorf("the error names the URL: %v", egress.WithoutURL(err))
		}
	}
}
