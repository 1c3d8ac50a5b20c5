package wire

import (
	"fmt"

	"go.mau.fi/whatsmeow/binary/token"
)

// Bounds of a stanza. Real ones are below ten levels deep; the largest, a first
// upload of 812 prekeys or a send to a group of 1,024 members, have some
// thousand nodes and attributes.
const (
	maxDepth = 64
	maxParts = 1 << 18
)

// checkNode walks an encoded node as waBinary's decoder will, without decoding:
// it is complete, not too deep, not of too many parts, and has text where the
// decoder asserts text. Nothing may follow it.
func checkNode(b []byte) error {
	w := walk{b: b, parts: maxParts}
	if !w.node(maxDepth) {
		return fmt.Errorf("%w: node at byte %d of %d", ErrMalformed, w.at, len(b))
	}
	if w.at != len(b) {
		return fmt.Errorf("%w: %d bytes after the node", ErrMalformed, len(b)-w.at)
	}
	return nil
}

// walk is a position in an encoded node. Its methods move over one item and
// return false where there is none.
type walk struct {
	b     []byte
	at    int
	parts int // nodes and attributes still allowed
}

func (w *walk) node(depth int) bool {
	tag, ok := w.number(1)
	if !ok || depth == 0 || !w.spend(1) {
		return false
	}
	size, ok := w.size(tag)
	if !ok || size == 0 || !w.text() {
		return false
	}
	attrs := (size - 1) / 2
	if !w.spend(attrs) {
		return false
	}
	for range attrs {
		if !w.text() || !w.value() {
			return false
		}
	}
	return size%2 == 1 || w.content(depth)
}

func (w *walk) content(depth int) bool {
	if w.at >= len(w.b) {
		return false
	}
	tag := int(w.b[w.at])
	if tag != token.List8 && tag != token.List16 {
		return w.value()
	}
	w.at++
	size, ok := w.size(tag)
	for i := 0; ok && i < size; i++ {
		ok = w.node(depth - 1)
	}
	return ok
}

// value is nothing, text, bytes or a JID.
func (w *walk) value() bool {
	if w.at >= len(w.b) {
		return false
	}
	switch int(w.b[w.at]) {
	case token.ListEmpty:
		return w.skip(1)
	case token.JIDPair:
		return w.skip(1) && (w.empty() || w.text()) && w.text()
	case token.ADJID:
		return w.skip(3) && w.text()
	case token.FBJID:
		return w.skip(1) && w.text() && w.skip(2) && w.text()
	case token.InteropJID:
		return w.skip(1) && w.text() && w.skip(4) && w.text()
	}
	return w.text()
}

func (w *walk) empty() bool {
	return w.at < len(w.b) && w.b[w.at] == token.ListEmpty && w.skip(1)
}

func (w *walk) text() bool {
	tag, ok := w.number(1)
	if !ok {
		return false
	}
	var n int
	switch tag {
	case token.Binary8:
		n, ok = w.number(1)
	case token.Binary20:
		n, ok = w.number(3)
		n &= 1<<20 - 1
	case token.Binary32:
		n, ok = w.number(4)
	case token.Nibble8, token.Hex8:
		n, ok = w.number(1)
		n &= 127
	case token.Dictionary0, token.Dictionary1, token.Dictionary2, token.Dictionary3:
		n = 1
	default:
		return tag > 0 && tag < len(token.SingleByteTokens)
	}
	return ok && w.skip(n)
}

func (w *walk) size(tag int) (int, bool) {
	switch tag {
	case token.List8:
		return w.number(1)
	case token.List16:
		return w.number(2)
	}
	return 0, false
}

func (w *walk) number(bytes int) (int, bool) {
	if len(w.b)-w.at < bytes {
		return 0, false
	}
	n := 0
	for _, b := range w.b[w.at : w.at+bytes] {
		n = n<<8 | int(b)
	}
	w.at += bytes
	return n, true
}

func (w *walk) skip(n int) bool {
	if len(w.b)-w.at < n {
		return false
	}
	w.at += n
	return true
}

func (w *walk) spend(n int) bool {
	w.parts -= n
	return w.parts >= 0
}
