package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Step is a moment of the server's handshake at which Options.At is called.
type Step int

const (
	// StepUpgraded is when the websocket is open and nothing was read from it.
	StepUpgraded Step = iota + 1
	// StepClientHello is when the client's first message was read, not answered yet.
	StepClientHello
	// StepClientFinish is when the client proved its key and sent its payload and
	// Accept has not returned yet.
	StepClientFinish
)

func (s Step) String() string {
	switch s {
	case StepUpgraded:
		return "upgraded"
	case StepClientHello:
		return "client hello"
	case StepClientFinish:
		return "client finish"
	}
	return fmt.Sprintf("step %d", int(s))
}

// Options are a server's choices and faults. The zero value is a correct server.
type Options struct {
	// Compress accepts permessage-deflate with context takeover if the client
	// offers it. Costs more than 1.2 MB of memory on either side from the first
	// message of 128 bytes on.
	Compress bool

	// HandshakeTimeout is how long a client may take from the upgrade to its
	// last handshake message. 0 means 20 s, as long as whatsmeow waits.
	HandshakeTimeout time.Duration

	// At, if not nil, is called at each step. It may take its time, within
	// HandshakeTimeout. An error cuts the connection there and is what Accept
	// returns, wrapped.
	At func(Step) error
}

// readBuffer is the size of an idle connection's buffer, in bytes. What clients
// send is mostly shorter, and a longer frame is read past the buffer.
const readBuffer = 1 << 10

const handshakeTimeout = 20 * time.Second

func (o Options) at(s Step) error {
	if o.At == nil {
		return nil
	}
	if err := o.At(s); err != nil {
		return fmt.Errorf("at %s: %w", s, err)
	}
	return nil
}

// Accept upgrades a request to a websocket and does the server's side of the
// handshake. The connection outlives the request: a handler that returns after
// Accept frees a goroutine and its stack, and reading may go on elsewhere. After
// an error the request is answered and the connection cut; the error wraps
// ErrMalformed if the client broke the protocol, os.ErrDeadlineExceeded if it
// was too slow.
//
// Any Origin is welcome, since clients send that of WhatsApp Web to whatever
// host they were pointed at.
func Accept(w http.ResponseWriter, r *http.Request, a *Authority, o Options) (*Conn, error) {
	mode := websocket.CompressionDisabled
	if o.Compress {
		mode = websocket.CompressionContextTakeover
	}
	tap := &hijackTap{ResponseWriter: w}
	ws, err := websocket.Accept(tap, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: mode})
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	c := newConn(ws, tap.conn)
	c.in.intro = introAny
	timeout := o.HandshakeTimeout
	if timeout == 0 {
		timeout = handshakeTimeout
	}
	err = tap.conn.SetDeadline(time.Now().Add(timeout))
	if err == nil {
		err = c.respond(a, o)
	}
	if err == nil {
		err = tap.conn.SetDeadline(time.Time{})
	}
	if err != nil {
		err = fmt.Errorf("handshake: %w", err)
		c.Drop()
		return nil, err
	}
	return c, nil
}

// hijackTap learns which connection the websocket took over, which websocket
// keeps to itself: to cut it, and to bound the handshake without a timer.
type hijackTap struct {
	http.ResponseWriter
	conn net.Conn
}

func (t *hijackTap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.conn = conn
	early, _ := rw.Peek(rw.Reader.Buffered()) // cannot fail: it is there
	small := bufio.NewReaderSize(bytes.NewReader(early), max(readBuffer, len(early)))
	_, _ = small.Peek(len(early)) // websocket takes over what is buffered, not what is behind
	return conn, bufio.NewReadWriter(small, rw.Writer), nil
}
