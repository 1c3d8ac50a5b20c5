package whatsapp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxPiece bounds what is unpacked of a stream at once, in bytes: a message of
// a history, a name. A file's preview is some tens of thousands.
const maxPiece = 1 << 20

// errPiece is a piece that is skipped: above maxPiece, or garbled.
var errPiece = errors.New("a piece of the history is of no use")

// section is a part of a stream of protobuf: a message that is read field by
// field, without being held.
type section struct {
	from *bufio.Reader
	left int64 // bytes
}

// ReadByte implements io.ByteReader for varints.
func (s *section) ReadByte() (byte, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	b, err := s.from.ReadByte()
	if err == nil {
		s.left--
	}
	return b, err
}

// all reads what is left, or returns errPiece: also for a field that has no body
// and should.
func (s *section) all() ([]byte, error) {
	if s == nil || s.left > maxPiece {
		return nil, errPiece
	}
	body := make([]byte, s.left)
	n, err := io.ReadFull(s.from, body)
	s.left -= int64(n)
	return body, err
}

func (s *section) skip(n int64) error {
	if n > s.left {
		return io.ErrUnexpectedEOF
	}
	for n > 0 {
		step, err := s.from.Discard(int(min(n, 1<<20)))
		s.left -= int64(step)
		n -= int64(step)
		if err != nil {
			return err
		}
	}
	return nil
}

// each gives every field of the message: the value of a varint, or the body of
// what has a length, of which do reads as much as it wants.
func (s *section) each(do func(field protowire.Number, value uint64, body *section) error) error {
	for s.left > 0 {
		tag, err := binary.ReadUvarint(s)
		if errors.Is(err, io.EOF) && tag == 0 { // between fields: of a stream whose length nobody has said
			return nil
		}
		if err != nil {
			return unexpected(err)
		}
		field, kind := protowire.DecodeTag(tag)
		if err := s.field(field, kind, do); err != nil {
			return err
		}
	}
	return nil
}

func (s *section) field(field protowire.Number, kind protowire.Type, do func(protowire.Number, uint64, *section) error) error {
	switch kind {
	case protowire.VarintType:
		value, err := binary.ReadUvarint(s)
		if err != nil {
			return unexpected(err)
		}
		if err := do(field, value, nil); err != nil && !errors.Is(err, errPiece) {
			return err
		}
		return nil
	case protowire.Fixed32Type:
		return unexpected(s.skip(4))
	case protowire.Fixed64Type:
		return unexpected(s.skip(8))
	case protowire.BytesType:
		length, err := binary.ReadUvarint(s)
		if err != nil {
			return unexpected(err)
		}
		if length > uint64(s.left) {
			return io.ErrUnexpectedEOF
		}
		body := &section{s.from, int64(length)}
		if err := do(field, 0, body); err != nil && !errors.Is(err, errPiece) {
			return err
		}
		err = body.skip(body.left)
		s.left -= int64(length)
		return unexpected(err)
	default: // groups, which WhatsApp does not use
		return errors.New("the history is no protobuf")
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
