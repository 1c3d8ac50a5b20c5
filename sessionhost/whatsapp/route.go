package whatsapp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// Dial opens a connection to an address, as net.Dialer.DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Route is the proxy that a client's connections go through.
type Route struct {
	Dial Dial
	// LoginOnly leaves all but the WebSocket before the login direct.
	LoginOnly bool
}

// Route sets where connections go from now on: directly for nil. Those that are
// open stay as they are.
func (c *Client) Route(r *Route) {
	socket, media := transportOf(c.cfg.Client()), transportOf(c.cfg.mediaClient())
	if r == nil {
		c.login.set(socket)
		c.socket.set(socket)
		c.media.set(media)
		return
	}
	through := c.cfg.over(r.Dial)
	c.login.set(through)
	if r.LoginOnly {
		c.socket.set(socket)
		c.media.set(media)
		return
	}
	c.socket.set(through)
	c.media.set(through)
}

func (c Config) mediaClient() *http.Client {
	if c.Media != nil {
		return c.Media
	}
	return c.Client()
}

func (c Config) over(dial Dial) http.RoundTripper {
	switch {
	case c.Over != nil:
		return c.Over(dial)
	case c.HTTP == nil:
		return tunnelled(dial)
	default: // going round the proxy would be worse than not going
		return closed{}
	}
}

// Through is how WhatsApp is reached by HTTP through a proxy.
func (c Config) Through(dial Dial) *http.Client { return &http.Client{Transport: c.over(dial)} }

// tunnelled is direct over another dialer, and over nothing else: no proxy of
// the environment, no HTTP/3.
func tunnelled(dial Dial) *http.Transport {
	transport := transportOf(direct()).(*http.Transport)
	transport.Proxy, transport.DialContext = nil, dial
	return transport
}

type closed struct{}

func (closed) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("this host cannot reach WhatsApp through a proxy")
}

func transportOf(c *http.Client) http.RoundTripper {
	if c.Transport == nil {
		return http.DefaultTransport
	}
	return c.Transport
}

// way is a transport that can be exchanged while it is used. When it is, the
// idle connections of the old one are closed.
type way struct {
	to atomic.Pointer[http.RoundTripper]
}

func (w *way) set(to http.RoundTripper) { w.to.Store(&to) }

func (w *way) RoundTrip(r *http.Request) (*http.Response, error) { return (*w.to.Load()).RoundTrip(r) }
