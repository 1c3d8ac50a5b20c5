package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// pipes is a network in memory, on which time bounds can be tested in no time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// client makes connections of which the far end is accepted.
func (p *pipes) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		p.conns <- far
		return near, nil
	}}}
}

// inBubble runs test with a server on a network in memory and a fake clock.
func inBubble(t *testing.T, test func(t *testing.T, client *http.Client, results <-chan accepted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		results := make(chan accepted, 1)
		a := newAuthority(t, testRoot, time.Now())
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := Accept(w, r, a, Options{})
			results <- accepted{c, err}
		})}
		go func() { _ = s.Serve(p) }()
		defer s.Close()
		test(t, p.client(), results)
	})
}

func TestSlowHandshakeIsCut(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, client *http.Client, results <-chan accepted) {
		start := time.Now()
		ws, _, err := websocket.Dial(t.Context(), "ws://pipe", &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ws.CloseNow() }()
		r := <-results
		if !errors.Is(r.err, os.ErrDeadlineExceeded) || time.Since(start) != handshakeTimeout {
			t.Errorf("Accept after %s: %v", time.Since(start), r.err)
		}
	})
}

// connectInBubble returns both sides; neither reads until told to, and on this
// network nothing is written that is not read.
func connectInBubble(t *testing.T, client *http.Client, results <-chan accepted) (server, dialled *Conn) {
	t.Helper()
	dialled, err := Dial(t.Context(), "ws://pipe", Dialer{HTTPClient: client, Root: *testRoot.Pub})
	if err != nil {
		t.Fatal(err)
	}
	return mustAccept(t, results), dialled
}

func TestStuckPeerIsDropped(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"server", "client"} {
		inBubble(t, func(t *testing.T, client *http.Client, results <-chan accepted) {
			writing, stuck := connectInBubble(t, client, results)
			if side == "client" {
				writing, stuck = stuck, writing
			}
			defer stuck.Drop()
			start := time.Now()
			if err := writing.Write(stanza("x", 10)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: Write to a stuck peer: %v", side, err)
			}
			if d := time.Since(start); d != writeTimeout {
				t.Errorf("%s: dropped after %s", side, d)
			}
			<-writing.Done()
		})
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, client *http.Client, results <-chan accepted) {
		server, stuck := connectInBubble(t, client, results)
		defer stuck.Drop()
		go func() {
			// Late to take the close frame, and never answering it.
			time.Sleep(closeTimeout - time.Second) // of the bubble's clock
			_, _ = io.Copy(io.Discard, stuck.tcp)
		}()
		start := time.Now()
		_ = server.Close() // whatever it says of a peer that is no help
		if d := time.Since(start); d != closeTimeout {
			t.Errorf("Close took %s", d)
		}
		<-server.Done()
	})
}

// TestDropInterruptsClose also holds for Write, which Drop ends by closing TCP.
func TestDropInterruptsClose(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, client *http.Client, results <-chan accepted) {
		server, stuck := connectInBubble(t, client, results)
		defer stuck.Drop()
		start := time.Now()
		closed := make(chan struct{})
		go func() {
			_ = server.Close()
			close(closed)
		}()
		synctest.Wait()
		server.Drop()
		<-closed
		if d := time.Since(start); d != 0 {
			t.Errorf("Drop took %s", d)
		}
	})
}

// TestIdleConnectionStays: the bounds of writing and of the handshake must not
// end a connection that has nothing to say.
func TestIdleConnectionStays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, client *http.Client, results <-chan accepted) {
		server, dialled := connectInBubble(t, client, results)
		for range 3 {
			go func() { _ = server.Write(stanza("x", 10)) }()
			mustRead(t, dialled, stanza("x", 10))
			time.Sleep(time.Hour) // of the bubble's clock
		}
		server.Drop()
		dialled.Drop()
	})
}
