package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/sessionhost/proxy"
	"roost/sessionhost/proxy/proxytest"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func dialer(t *testing.T, s *proxytest.Server, username, password string) *proxy.Dialer {
	t.Helper()
	d, err := proxy.New(proxy.Config{
		Protocol: s.Protocol, Host: "127.0.0.1", Port: s.Port(), Username: username, Password: password, Networks: loopback,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestThrough(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	defer target.Close()
	for _, protocol := range []string{"socks5", "http"} {
		for _, user := range []string{"", "bird"} {
			s := proxytest.Start(t, protocol, user, "secret-of-the-bird")
			d := dialer(t, s, user, "secret-of-the-bird")
			client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
			response, err := client.Get(target.URL)
			if err != nil {
				t.Fatal(protocol, err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || string(body) != "here" || len(s.Dialled()) != 1 {
				t.Errorf("%s: %q, %v through %v", protocol, body, err, s.Dialled())
			}
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"socks5", "http"} {
		s := proxytest.Start(t, protocol, "bird", "right")
		down := proxytest.Start(t, protocol, "", "")
		down.Stop()
		guarded, err := proxy.New(proxy.Config{Protocol: protocol, Host: "127.0.0.1", Port: s.Port(), Username: "bird", Password: "right"})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			d      *proxy.Dialer
			target string
			want   error
		}{
			"down":               {dialer(t, down, "", ""), "127.0.0.1:80", proxy.ErrUnreachable},
			"wrong password":     {dialer(t, s, "bird", "wrong-secret"), "127.0.0.1:80", proxy.ErrCredentials},
			"no credentials":     {dialer(t, s, "", ""), "127.0.0.1:80", proxy.ErrCredentials},
			"a target not there": {dialer(t, s, "bird", "right"), "127.0.0.1:1", proxy.ErrTarget},
			"an address of ours": {guarded, "127.0.0.1:80", proxy.ErrForbidden},
		} {
			conn, err := c.d.DialContext(t.Context(), "tcp", c.target)
			if conn != nil || !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v, want %v", protocol, name, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s tells the password: %v", name, err)
			}
		}
	}
	if _, err := proxy.New(proxy.Config{Protocol: "socks4", Host: "h", Port: 1}); !errors.Is(err, proxy.ErrUnknown) {
		t.Errorf("socks4: %v", err)
	}
}

// A proxy that says nothing does not hold a dial longer than its context.
func TestSilentProxy(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, protocol := range []string{"socks5", "http", "https"} {
		d, err := proxy.New(proxy.Config{Protocol: protocol, Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Networks: loopback})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:80"); conn != nil || !errors.Is(err, proxy.ErrUnreachable) {
			t.Errorf("%s: %v", protocol, err)
		}
		cancel()
	}
}

// FuzzAnswer feeds the dialer whatever a proxy may answer: it ends, and never
// with a tunnel that the proxy has not granted.
func FuzzAnswer(f *testing.F) {
	f.Add("http", []byte("HTTP/1.1 200 OK\r\n\r\n"))
	f.Add("http", []byte("HTTP/1.1 407 No\r\n\r\n"))
	f.Add("socks5", []byte{5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Add("socks5", []byte{5, 2, 1, 1})
	f.Fuzz(func(t *testing.T, protocol string, answer []byte) {
		if protocol != "socks5" {
			protocol = "http"
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadByte()
			_, _ = conn.Write(answer)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}()
		d, err := proxy.New(proxy.Config{Protocol: protocol, Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Networks: loopback})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := d.DialContext(t.Context(), "tcp", "198.51.100.1:443")
		if err == nil {
			granted := protocol == "socks5" && len(answer) > 3 && answer[0] == 5 && answer[3] == 0 || protocol == "http" && strings.Contains(string(answer), "2")
			if !granted {
				t.Errorf("%q opens a tunnel", answer)
			}
			_ = conn.Close()
		}
	})
}
