package wire

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"

	waBinary "go.mau.fi/whatsmeow/binary"
)

// Node is a stanza or a part of one. Attributes that are JIDs must be types.JID
// values, else whatsmeow's typed getters fail; attributes that are an empty
// string or nil are not sent. Content is nil, []Node, []byte or a string; a
// string arrives as string or []byte, depending on its text.
type Node = waBinary.Node

// Attrs are the attributes of a Node.
type Attrs = waBinary.Attrs

// flagCompressed in the first byte of a stanza: the rest is zlib.
const flagCompressed = 2

// maxStanza bounds what a compressed stanza may unpack to, in bytes.
const maxStanza = 16 << 20

// pack encodes a node as waBinary.Marshal does, whose panics about content that
// cannot be encoded become errors.
func pack(n Node) (packed []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encode <%s>: %v", n.Tag, p)
		}
	}()
	if packed, err = waBinary.Marshal(n); err != nil {
		return nil, fmt.Errorf("encode <%s>: %w", n.Tag, err)
	}
	return packed, nil
}

// packCompressed encodes a node and compresses it.
func packCompressed(n Node) ([]byte, error) {
	packed, err := pack(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte(flagCompressed)
	z := zlib.NewWriter(&b)
	if _, err = z.Write(packed[1:]); err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress <%s>: %w", n.Tag, err)
	}
	return b.Bytes(), nil
}

// unpack decodes a decrypted frame. The node keeps parts of packed. It never
// panics and takes memory in proportion to packed: waBinary alone would recurse,
// allocate and inflate as deep and as much as a few hostile bytes tell it to.
func unpack(packed []byte) (n *Node, err error) {
	if len(packed) == 0 {
		return nil, fmt.Errorf("%w: empty stanza", ErrMalformed)
	}
	body := packed[1:]
	if packed[0]&flagCompressed != 0 {
		if body, err = inflate(body); err != nil {
			return nil, err
		}
	}
	if err := checkNode(body); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			n, err = nil, fmt.Errorf("%w: node: %v", ErrMalformed, p)
		}
	}()
	if n, err = waBinary.Unmarshal(body); err != nil {
		return nil, fmt.Errorf("%w: node: %w", ErrMalformed, err)
	}
	return n, nil
}

func inflate(b []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: compressed stanza: %w", ErrMalformed, err)
	}
	body, err := io.ReadAll(io.LimitReader(z, maxStanza+1))
	if err != nil {
		return nil, fmt.Errorf("%w: compressed stanza: %w", ErrMalformed, err)
	}
	if len(body) > maxStanza {
		return nil, fmt.Errorf("%w: compressed stanza is larger than %d bytes", ErrMalformed, maxStanza)
	}
	return body, nil
}
