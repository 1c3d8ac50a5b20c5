package whatsapp

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// witness notes when a socket's other end has last said anything: the answers
// to the library's keepalives are told to nobody, so it looks at the bytes. It
// counts them too, and those of files.
type witness struct {
	at             atomic.Int64 // Unix nanoseconds, 0 for never
	sent, received atomic.Int64 // bytes that nobody has taken yet
}

// Traffic is how much has gone to WhatsApp and come from there, in bytes.
type Traffic struct{ Sent, Received int64 }

// take returns what was counted since the last time.
func (w *witness) take() Traffic { return Traffic{w.sent.Swap(0), w.received.Swap(0)} }

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
		s.by.received.Add(int64(n))
	}
	return n, err
}

func (s witnessedSocket) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	s.by.sent.Add(int64(n))
	return n, err
}

// weigh makes a client whose bodies are counted.
func (w *witness) weigh(c *http.Client) *http.Client {
	out := *c
	out.Transport = weighed{c.Transport, w}
	return &out
}

type weighed struct {
	base http.RoundTripper
	by   *witness
}

func (t weighed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		out := *r
		out.Body = weighedBody{r.Body, &t.by.sent}
		r = &out
	}
	response, err := t.base.RoundTrip(r)
	if err == nil {
		response.Body = weighedBody{response.Body, &t.by.received}
	}
	return response, err
}

type weighedBody struct {
	io.ReadCloser
	count *atomic.Int64
}

func (b weighedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count.Add(int64(n))
	return n, err
}
