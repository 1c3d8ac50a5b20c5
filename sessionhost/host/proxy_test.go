package host_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/sessionhost/proxy/proxytest"
	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/seal"
	"roost/simulator"
)

const (
	proxyUser   = "bird-of-the-proxy"
	proxySecret = "seed-of-the-proxy"
)

// spied makes the world's hosts count what they dial without a proxy.
func (w *world) spied() *atomic.Int64 {
	var direct atomic.Int64
	w.clock.HTTP = w.http // the host's own clock is no instance's traffic
	w.http = &http.Client{Transport: simulator.Transport(w.base, func(ctx context.Context, network, address string) (net.Conn, error) {
		direct.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})}
	w.over = func(dial whatsapp.Dial) http.RoundTripper { return simulator.Transport(w.base, dial) }
	return &direct
}

// behind gives an instance a proxy.
func (w *world) behind(i instance.Instance, s *proxytest.Server, password string, loginOnly bool) {
	w.t.Helper()
	sealer, err := seal.DataKey(w.ctx, w.table, w.wrapper, "api")
	must(w.t, err)
	_, err = w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
		return i.SetProxy(sealer, instance.Proxy{
			Enabled: true, Protocol: s.Protocol, Host: "127.0.0.1", Port: s.Port(), LoginOnly: loginOnly, SetAt: time.Now(),
		}, instance.Credentials{Username: proxyUser, Password: password})
	})
	must(w.t, err)
}

func (w *world) sendFile(i instance.Instance, to *simulator.User) {
	w.t.Helper()
	w.do(i, command.SendMessage, command.SendArgs{
		MessageID: message.NewID(), To: to.PN().String(),
		Media: &command.MediaArgs{Kind: "document", Mimetype: "text/plain", FileName: "a.txt", Bytes: []byte("file")},
	}, nil)
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(s))
}

// Everything of an instance goes through its proxy, and when that fails nothing
// goes.
func TestProxyFailsClosed(t *testing.T) {
	t.Parallel()
	for n, protocol := range []string{"socks5", "http"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			direct, log := w.spied(), &lockedBuffer{}
			w.log = log
			w.host()
			s := proxytest.Start(t, protocol, proxyUser, proxySecret)
			i := w.create("hidden")
			w.behind(i, s, proxySecret, false)
			w.link(i, "49151000140"+string(rune('0'+n)))
			friend, err := w.Phone("49151000141"+string(rune('0'+n)), "Friend")
			must(t, err)
			w.sendFile(i, friend)
			if len(s.Dialled()) < 3 { // before the login, after it, the file
				t.Errorf("the proxy has only seen %v", s.Dialled())
			}
			s.Stop()
			down, _ := w.until(i, "down", func(i instance.Instance, _ *instance.Offer) bool { return i.Reason.Code == instance.ReasonProxyDown })
			if down.State != instance.Connecting || down.Reason.Action == "" {
				t.Errorf("a proxy that is down leaves %+v", down)
			}
			another := proxytest.Start(t, protocol, proxyUser, proxySecret)
			w.behind(i, another, "wrong-"+proxySecret, false)
			w.do(i, command.Apply, nil, nil)
			w.until(i, "refused", func(i instance.Instance, _ *instance.Offer) bool { return i.Reason.Code == instance.ReasonProxyRefused })
			w.behind(i, another, proxySecret, false)
			w.do(i, command.Apply, nil, nil)
			w.until(i, "open", open)
			if n := direct.Load(); n != 0 {
				t.Errorf("%d connections have gone round the proxy", n)
			}
			if another.Refused() == 0 {
				t.Error("wrong credentials were never tried")
			}
			if log.contains(proxySecret) || log.contains(proxyUser) {
				t.Error("the log tells the credentials")
			}
			files, err := filepath.Glob(filepath.Join(w.dir, "roost.db*[bl]"))
			must(t, err)
			for _, f := range files {
				stored, err := os.ReadFile(f)
				must(t, err)
				if bytes.Contains(stored, []byte(proxySecret)) || bytes.Contains(stored, []byte(proxyUser)) {
					t.Errorf("%s holds the credentials", filepath.Base(f))
				}
			}
		})
	}
}

// With login only, the proxy sees the socket before the login and nothing else.
func TestProxyForLoginOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	direct := w.spied()
	w.host()
	s := proxytest.Start(t, "socks5", proxyUser, proxySecret)
	i := w.create("thrifty")
	w.behind(i, s, proxySecret, true)
	w.link(i, "491510001421")
	friend, err := w.Phone("491510001422", "Friend")
	must(t, err)
	w.sendFile(i, friend)
	if seen := len(s.Dialled()); seen != 1 || direct.Load() < 2 { // the socket after the login, the file
		t.Errorf("%d connections through the proxy, %d direct", seen, direct.Load())
	}
	s.Stop() // it is needed no more
	w.do(i, command.Restart, nil, nil)
	w.until(i, "open", open)
	w.sendFile(i, friend)
}

// A pairing through a proxy that fails ends with the reason, and a test of a
// proxy tells it at once.
func TestProxyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	direct := w.spied()
	w.host()
	s := proxytest.Start(t, "http", proxyUser, proxySecret)
	down := proxytest.Start(t, "socks5", "", "")
	down.Stop()
	for _, c := range []struct {
		server   *proxytest.Server
		password string
		code     string
	}{
		{s, "wrong", instance.ReasonProxyRefused},
		{down, "", instance.ReasonProxyDown},
		{s, proxySecret, ""},
	} {
		i := w.create(c.server.Protocol + c.password)
		w.behind(i, c.server, c.password, false)
		stored, err := w.instances.Get(w.ctx, i.ID)
		must(t, err)
		if err := w.try(i, command.TestProxy, command.TestProxyArgs{Instance: i.ID, Proxy: stored.Proxy}, nil); codeOf(err) != c.code {
			t.Errorf("the test gives %v, want %q", err, c.code)
		}
		if c.code == "" {
			continue
		}
		w.do(i, command.Connect, command.ConnectArgs{}, nil)
		w.until(i, c.code, func(i instance.Instance, _ *instance.Offer) bool {
			return i.State == instance.Closed && i.Reason.Code == c.code && i.Reason.Action != ""
		})
	}
	if n := direct.Load(); n != 0 {
		t.Errorf("%d connections have gone round the proxy", n)
	}
}
