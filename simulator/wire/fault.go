package wire

// WriteGarbled is Write for one stanza whose frame arrives with one wrong byte: a
// fault. The peer cannot decrypt it; the stanzas after it are good.
func (c *Conn) WriteGarbled(n Node) error {
	return c.writeFaulty(n, func(frame []byte) error {
		frame[lengthSize] ^= 1
		return c.send(frame)
	})
}

// WriteSplit is Write for one stanza whose frame is spread over two websocket
// messages: a fault to whatsmeow, which then understands no later stanza either,
// though nothing to a peer that counts right.
func (c *Conn) WriteSplit(n Node) error {
	return c.writeFaulty(n, func(frame []byte) error {
		half := len(frame) / 2
		if err := c.sendMessage(frame[:half]); err != nil {
			return err
		}
		if err := c.sendMessage(frame[half:]); err != nil {
			return err
		}
		c.sent.Add(int64(len(frame)))
		return nil
	})
}

func (c *Conn) writeFaulty(n Node, send func(frame []byte) error) error {
	packed, err := pack(n)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeSealed([][]byte{packed}, send)
}
