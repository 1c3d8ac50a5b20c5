package whatsapp

import (
	"io"
	"net"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow"
)

// withoutCompression makes the client not offer permessage-deflate: with it a
// connection costs about 1.3 MB of heap instead of 0.1.
func withoutCompression(c *http.Client) *http.Client {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	out := *c
	out.Transport = uncompressed{base}
	return &out
}

// uncompressed hands back the transport's own response: a WebSocket needs its
// body to be writable.
type uncompressed struct{ base http.RoundTripper }

func (t uncompressed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Sec-WebSocket-Extensions") == "" {
		return t.base.RoundTrip(r)
	}
	out := r.Clone(r.Context())
	out.Header.Del("Sec-WebSocket-Extensions")
	return t.base.RoundTrip(out)
}

// guarded lets guard stand between WebSockets and the network.
func guarded(c *http.Client, guard func(io.ReadWriteCloser) io.ReadWriteCloser) *http.Client {
	if guard == nil {
		return c
	}
	out := *c
	out.Transport = guardian{c.Transport, guard}
	return &out
}

type guardian struct {
	base  http.RoundTripper
	guard func(io.ReadWriteCloser) io.ReadWriteCloser
}

func (g guardian) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := g.base.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		return response, err
	}
	if socket, ok := response.Body.(io.ReadWriteCloser); ok {
		response.Body = g.guard(socket)
	}
	return response, nil
}

// Trust makes every client of this process take servers whose certificates
// come from root, instead of WhatsApp's own: for a simulated WhatsApp. It must
// be called before the first connection.
func Trust(root [32]byte) { whatsmeow.WACertPubKey = root }

// dialLimit bounds each step of reaching WhatsApp, so that a person who waits
// for a QR code hears in time that there is none.
const dialLimit = 8 * time.Second

// direct is how connections are made when nothing else is configured.
func direct() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}).DialContext
	transport.TLSHandshakeTimeout = dialLimit
	return &http.Client{Transport: transport}
}
