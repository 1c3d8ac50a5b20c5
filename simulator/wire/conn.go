package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/proto/waWa6"
)

const (
	writeTimeout = 15 * time.Second
	closeTimeout = 5 * time.Second
)

// Bounds of one websocket message, in bytes: before and after the handshake.
// A message may hold several frames.
const (
	handshakeMaxMessage = 1 << 20
	maxMessage          = 1<<24 + 1<<16
)

// Conn is one side of a connection whose handshake is done. Read must be called
// by one goroutine at a time, everything else by any.
type Conn struct {
	ws      *websocket.Conn
	tcp     net.Conn // below ws; nil if a dialler's transport hides it
	static  [keySize]byte
	payload *waWa6.ClientPayload

	// Owned by Read.
	in      frames
	opening direction
	failed  error // what ended reading

	writing sync.Mutex // guards the next three
	sealing direction
	intro   []byte      // what a client sends before its first frame
	stuck   *time.Timer // drops the connection when a write takes too long

	closing  atomic.Bool // Close was called
	ending   sync.Once
	done     chan struct{}
	received atomic.Int64
	sent     atomic.Int64
}

// newConn wraps a websocket whose handshake is still to come.
func newConn(ws *websocket.Conn, tcp net.Conn) *Conn {
	if t, ok := tcp.(*tls.Conn); ok {
		tcp = t.NetConn() // closing TLS writes, and would wait for a stuck peer
	}
	c := &Conn{
		ws:   ws,
		tcp:  tcp,
		in:   frames{max: handshakeMaxFrame},
		done: make(chan struct{}),
	}
	c.stuck = time.AfterFunc(writeTimeout, c.Drop)
	c.stuck.Stop()
	ws.SetReadLimit(handshakeMaxMessage)
	return c
}

// established switches from handshake messages to stanzas.
func (c *Conn) established(sealing, opening direction) {
	c.sealing, c.opening = sealing, opening
	c.in.max = maxFrame
	c.ws.SetReadLimit(maxMessage)
}

// StaticKey is the public Noise key the client proved to have: its credential.
func (c *Conn) StaticKey() [32]byte { return c.static }

// Payload is what the client said of itself in the handshake. Read only.
func (c *Conn) Payload() *waWa6.ClientPayload { return c.payload }

// Done is closed when the connection is over.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Traffic counts the bytes of all frames received and sent, with their length
// prefix, handshake included, websocket overhead and header excluded.
func (c *Conn) Traffic() (in, out int64) { return c.received.Load(), c.sent.Load() }

// Close ends the connection in an orderly way: frames written before arrive, the
// peer is told and its answer awaited for at most 5 s. Stanzas that the peer sent
// and nobody read are lost. Closing again, or after Drop, is no error.
func (c *Conn) Close() error {
	c.closing.Store(true)
	bound := time.AfterFunc(closeTimeout, c.cut)
	defer bound.Stop()
	err := c.ws.Close(websocket.StatusNormalClosure, "")
	c.end()
	if err == nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Drop cuts the TCP connection at once, without a word to the peer.
func (c *Conn) Drop() {
	c.cut()
	_ = c.ws.CloseNow() // it is cut already, this frees what websocket holds
	c.end()
}

func (c *Conn) cut() {
	if c.tcp != nil {
		_ = c.tcp.Close() // an error means that it is closed
	}
}

func (c *Conn) end() {
	c.ending.Do(func() {
		c.stuck.Stop()
		close(c.done)
	})
}

func (c *Conn) isOver() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
