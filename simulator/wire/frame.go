package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"go.mau.fi/whatsmeow/socket"
)

// ErrMalformed marks what a correct peer never sends: a wrong header, a frame
// that is too large or does not decrypt, a node that does not parse.
var ErrMalformed = errors.New("malformed")

const (
	lengthSize = 3
	maxFrame   = 1<<24 - 1

	// handshakeMaxFrame bounds what a peer without a proven key can make us
	// keep. Real handshake messages stay below 2 KiB.
	handshakeMaxFrame = 64 << 10
)

// pooledSize is the first size of a buffer, pooledMax what one may have grown
// to and still be kept for the next user.
const (
	pooledSize = 4 << 10
	pooledMax  = 64 << 10
)

// buffers holds the scratch space of frames on their way in and out, so that an
// idle connection keeps none. Pointers, because putting a slice allocates.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, pooledSize)
	return &b
}}

func putBuffer(b *[]byte) {
	if cap(*b) <= pooledMax {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// routingMark starts the optional routing information of a client.
var routingMark = []byte{'E', 'D', 0, 1}

// RoutingIntro is what a client with routing information sends before everything
// else, for [Dialer.PreIntro].
func RoutingIntro(info []byte) []byte {
	return append(appendLength(slices.Clone(routingMark), len(info)), info...)
}

func appendLength(dst []byte, n int) []byte {
	return append(dst, byte(n>>16), byte(n>>8), byte(n))
}

// intro is what is still to come before the first frame.
type intro int

const (
	introOver   intro = iota // nothing: frames only
	introAny                 // routing information or the header
	introHeader              // the header
)

// frames cuts the bytes of websocket messages into frames. It holds memory only
// while a frame is incomplete or not yet taken.
type frames struct {
	max   int     // largest frame accepted, in bytes
	intro intro   // what a client must send before frames
	buf   *[]byte // nil when empty
	taken int     // bytes of buf that were handed out already
}

// next returns the next complete frame, which is valid until the next call of
// next or fill; false means that more bytes are needed.
func (f *frames) next() ([]byte, bool, error) {
	for f.intro != introOver {
		n, after, err := f.intro.parse(f.rest(), f.max)
		if n == 0 || err != nil {
			return nil, false, err
		}
		f.intro = after
		f.taken += n
	}
	rest := f.rest()
	if len(rest) == 0 {
		f.release()
		return nil, false, nil
	}
	if len(rest) < lengthSize {
		return nil, false, nil
	}
	size := length(rest)
	if size > f.max {
		return nil, false, fmt.Errorf("%w: frame of %d bytes", ErrMalformed, size)
	}
	if len(rest) < lengthSize+size {
		return nil, false, nil
	}
	f.taken += lengthSize + size
	return rest[lengthSize : lengthSize+size], true, nil
}

// fill adds one websocket message.
func (f *frames) fill(message io.Reader) error {
	if f.buf == nil {
		f.buf = buffers.Get().(*[]byte)
	}
	b := *f.buf
	if f.taken > 0 {
		b = b[:copy(b, b[f.taken:])]
		f.taken = 0
	}
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, 1)
		}
		n, err := message.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		*f.buf = b
		if err == io.EOF { // a wrapped EOF would be a broken message, not its end
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *frames) rest() []byte {
	if f.buf == nil {
		return nil
	}
	return (*f.buf)[f.taken:]
}

func (f *frames) release() {
	if f.buf != nil {
		putBuffer(f.buf)
		f.buf, f.taken = nil, 0
	}
}

func length(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// parse returns the size of what b starts with and what must follow it; size 0
// means that more bytes are needed to know. Routing information may have up to
// limit bytes.
func (i intro) parse(b []byte, limit int) (size int, after intro, err error) {
	routed := i == introAny && len(b) > 0 && b[0] == routingMark[0]
	mark := socket.WAConnHeader
	if routed {
		mark = routingMark
	}
	if n := min(len(b), len(mark)); !bytes.Equal(b[:n], mark[:n]) {
		return 0, i, fmt.Errorf("%w: header %q", ErrMalformed, b[:n])
	}
	need := len(mark)
	if routed {
		need += lengthSize
		if len(b) >= need {
			info := length(b[len(mark):])
			if info > limit {
				return 0, i, fmt.Errorf("%w: %d bytes of routing information", ErrMalformed, info)
			}
			need += info
		}
	}
	if len(b) < need {
		return 0, i, nil
	}
	if routed {
		return need, introHeader, nil
	}
	return need, introOver, nil
}
