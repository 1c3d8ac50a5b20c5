package wire

import (
	"fmt"
	"net"

	"github.com/coder/websocket"
)

// togetherMax bounds a websocket message of several frames, in bytes.
const togetherMax = pooledSize

// Write sends stanzas, in this order and with no others between them. Stanzas of
// one goroutine arrive in the order of its calls. A node that cannot be encoded
// is an error before anything is sent; any other error ends the connection, and
// how much of the stanzas arrived is then unknown. A peer that takes nothing for
// 15 s is dropped.
func (c *Conn) Write(nodes ...Node) error {
	var few [4][]byte // keeps the slice of a usual call off the heap
	packed := few[:0]
	for _, n := range nodes {
		p, err := pack(n)
		if err != nil {
			return err
		}
		packed = append(packed, p)
	}
	return c.WritePacked(packed...)
}

// WritePacked is Write for stanzas that are encoded already (waBinary.Marshal),
// for whoever sends the same to many. The bytes are sent as they are, good or
// not, and are not kept.
func (c *Conn) WritePacked(packed ...[]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(packed) > 0 {
		n := together(packed)
		if err := c.writeSealed(packed[:n], c.send); err != nil {
			return err
		}
		packed = packed[n:]
	}
	return nil
}

// together is how many of these stanzas, at least one, go into the next
// websocket message: each message costs both sides a system call.
func together(packed [][]byte) int {
	size := 0
	for i, p := range packed {
		if size += lengthSize + len(p) + tagSize; size > togetherMax && i > 0 {
			return i
		}
	}
	return len(packed)
}

// WriteCompressed is Write for one stanza, compressed with zlib, as a server may
// choose to.
func (c *Conn) WriteCompressed(n Node) error {
	packed, err := packCompressed(n)
	if err != nil {
		return err
	}
	return c.WritePacked(packed)
}

// writeSealed seals stanzas and gives their frames, length prefixes included, to
// send, which must not keep them. The caller holds c.writing.
func (c *Conn) writeSealed(packed [][]byte, send func(frames []byte) error) error {
	for _, p := range packed {
		if len(p)+tagSize > maxFrame {
			return fmt.Errorf("write stanza: %d bytes are more than a frame can hold", len(p))
		}
	}
	if c.isOver() { // before the counter moves
		return fmt.Errorf("write stanza: %w", net.ErrClosed)
	}
	b := buffers.Get().(*[]byte)
	defer putBuffer(b)
	for _, p := range packed {
		*b = c.sealing.seal(appendLength(*b, len(p)+tagSize), p, nil)
	}
	if err := send(*b); err != nil {
		return fmt.Errorf("write stanza: %w", err)
	}
	return nil
}

// writePlain sends one message of the handshake.
func (c *Conn) writePlain(message []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.send(append(appendLength(nil, len(message)), message...)); err != nil {
		return fmt.Errorf("write handshake: %w", err)
	}
	return nil
}

// send sends whole frames as one websocket message. The caller holds c.writing.
func (c *Conn) send(frames []byte) error {
	size := len(frames)
	if c.intro != nil {
		frames = append(c.intro, frames...)
		c.intro = nil
	}
	if err := c.sendMessage(frames); err != nil {
		return err
	}
	c.sent.Add(int64(size))
	return nil
}

func (c *Conn) sendMessage(message []byte) error {
	c.stuck.Reset(writeTimeout)
	err := c.ws.Write(endless{}, websocket.MessageBinary, message)
	c.stuck.Stop()
	if err != nil {
		c.Drop()
	}
	return err
}
