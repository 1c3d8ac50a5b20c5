package emulator

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// Trouble is a transport that fails on order, for tests of what an adapter makes
// of it. Without orders it passes everything on.
type Trouble struct {
	http.RoundTripper

	mu     sync.Mutex // guards what follows
	faults []Fault
	seen   []*http.Request
}

// Fault is what becomes of a request instead of next.
type Fault func(request *http.Request, next http.RoundTripper) (*http.Response, error)

// Around has Trouble stand before next, as the value of a http.Client's transport.
func (t *Trouble) Around(next http.RoundTripper) http.RoundTripper {
	t.RoundTripper = next
	return t
}

// Next orders what becomes of the next requests, one each. Orders that are left
// from before are forgotten, and so is what was seen.
func (t *Trouble) Next(faults ...Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.seen = faults, nil
}

// Seen returns the requests since the last Next; their bodies are gone.
func (t *Trouble) Seen() []*http.Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*http.Request(nil), t.seen...)
}

// RoundTrip implements [http.RoundTripper].
func (t *Trouble) RoundTrip(request *http.Request) (*http.Response, error) {
	t.mu.Lock()
	t.seen = append(t.seen, request)
	fault := Pass
	if len(t.faults) > 0 {
		fault, t.faults = t.faults[0], t.faults[1:]
	}
	t.mu.Unlock()
	return fault(request, t.RoundTripper)
}

// Times is the same fault n times.
func Times(n int, fault Fault) []Fault {
	faults := make([]Fault, n)
	for i := range faults {
		faults[i] = fault
	}
	return faults
}

// Pass is no fault.
func Pass(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	return next.RoundTrip(request)
}

// Refused fails before anything was sent.
func Refused(request *http.Request, _ http.RoundTripper) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("to %s, on purpose: %w", request.URL.Host, syscall.ECONNREFUSED)}
}

// Unsent fails before the request was carried out, in a way that does not tell.
func Unsent(*http.Request, http.RoundTripper) (*http.Response, error) {
	return nil, fmt.Errorf("on purpose: %w", syscall.ECONNRESET)
}

// Lost carries the request out and loses the answer.
func Lost(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("on purpose: %w", syscall.ECONNRESET)
}

// Cut lets n bytes of the answer's body through and then breaks the connection.
func Cut(n int64) Fault {
	return func(request *http.Request, next http.RoundTripper) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		body := response.Body
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(body, n), broken{}), body}
		return response, nil
	}
}

// broken is the end of a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("on purpose: %w", io.ErrUnexpectedEOF) }

// Answer answers in place of the service.
func Answer(status int, contentType, body string) Fault {
	return func(request *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if request.Body != nil {
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return nil, err
			}
		}
		return &http.Response{
			Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
			Header: http.Header{"Content-Type": {contentType}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(bytes.NewReader([]byte(body))),
		}, nil
	}
}
