package wire

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/coder/websocket"
)

// Read returns the next stanza, waiting for it as long as it takes. The first
// error is final and ends the connection. It wraps io.EOF if one side closed in
// an orderly way, ErrMalformed if the peer broke the protocol, net.ErrClosed
// after Drop, and is some network error (never io.EOF) if the peer went away
// without a word.
func (c *Conn) Read() (*Node, error) {
	if c.failed != nil {
		return nil, c.failed
	}
	n, err := c.readNode()
	if err != nil {
		c.failed = c.readFailure(err)
		c.in.release()
		if !c.closing.Load() { // else Close is at it, and waits for the peer's answer
			c.Drop()
		}
		return nil, c.failed
	}
	return n, nil
}

func (c *Conn) readNode() (*Node, error) {
	frame, err := c.readFrame()
	if err != nil {
		return nil, err
	}
	// The node keeps parts of its plaintext, so this cannot be a shared buffer.
	packed, err := c.opening.open(make([]byte, 0, max(len(frame)-tagSize, 0)), frame, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: frame: %w", ErrMalformed, err)
	}
	return unpack(packed)
}

// readFrame returns the next frame, valid until the next call.
func (c *Conn) readFrame() ([]byte, error) {
	for {
		if c.isOver() {
			return nil, net.ErrClosed
		}
		frame, ok, err := c.in.next()
		if err != nil {
			return nil, err
		}
		if ok {
			c.received.Add(int64(lengthSize + len(frame)))
			return frame, nil
		}
		kind, message, err := c.ws.Reader(endless{})
		if err != nil {
			return nil, err
		}
		if kind != websocket.MessageBinary {
			return nil, fmt.Errorf("%w: %s message", ErrMalformed, kind)
		}
		if err := c.in.fill(message); err != nil {
			return nil, err
		}
	}
}

// readFailure makes of websocket's errors what Read promises.
func (c *Conn) readFailure(err error) error {
	switch {
	case c.closing.Load():
		return fmt.Errorf("read: closed by this side: %w", io.EOF)
	case errors.Is(err, ErrMalformed):
		return fmt.Errorf("read: %w", err)
	case errors.Is(err, websocket.ErrMessageTooBig):
		return fmt.Errorf("read: %w: %w", ErrMalformed, err)
	case websocket.CloseStatus(err) != -1:
		return fmt.Errorf("read: closed by the peer with status %d: %w", websocket.CloseStatus(err), io.EOF)
	case c.isOver():
		return fmt.Errorf("read: %w", net.ErrClosed)
	case errors.Is(err, io.EOF):
		// The end of TCP without a close frame is no orderly end.
		return fmt.Errorf("read: cut by the peer: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read: %w", err)
}
