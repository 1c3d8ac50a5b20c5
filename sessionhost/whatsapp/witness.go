package whatsapp

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// witness notes when a socket's other end has last said anything: the answers
// to the library's keepalives are told to nobody, so it looks at the bytes.
type witness struct{ at atomic.Int64 } // Unix nanoseconds, 0 for never

func (w *witness) last() time.Time {
	if at := w.at.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// watch makes a client whose WebSockets are seen by the witness.
func (w *witness) watch(c *http.Client) *http.Client {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	out := *c
	out.Transport = witnessed{base, w}
	return &out
}

type witnessed struct {
	base http.RoundTripper
	by   *witness
}

// RoundTrip keeps the body of an upgraded connection writable, as a WebSocket
// needs it.
func (t witnessed) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		return response, err
	}
	if socket, ok := response.Body.(io.ReadWriteCloser); ok {
		response.Body = witnessedSocket{socket, t.by}
	}
	return response, nil
}

type witnessedSocket struct {
	io.ReadWriteCloser
	by *witness
}

func (s witnessedSocket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	if n > 0 {
		s.by.at.Store(time.Now().UnixNano())
	}
	return n, err
}
