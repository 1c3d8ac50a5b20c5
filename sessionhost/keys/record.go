package keys

import (
	"encoding/binary"
	"errors"
	"math"

	"go.mau.fi/libsignal/keys/chain"
	"go.mau.fi/libsignal/keys/message"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow/store"
)

// libsignal turns every session into bytes and back for each message, as JSON
// with its keys in base64, though its serializer is named after protobuf. Here
// the same structure is a byte for the format, the number of previous states, the
// state, and those before: numbers as varints, byte strings behind their length
// and one more, where zero is nil. Sessions that were stored as JSON are read
// too; it begins with a brace. Sender keys of groups are stored in the same
// way (senderrecord.go).
type sessionFormat struct{ json record.SessionSerializer }

const formatBinary = 1

// init replaces the format of the library, which is one for the process and must
// be set before the first goroutine uses it.
func init() { //nolint:gochecknoinits // see above
	library := store.SignalProtobufSerializer
	library.Session = sessionFormat{library.Session}
	library.SenderKeyRecord = senderFormat{library.SenderKeyRecord}
}

var errRecord = errors.New("damaged session record") // without the cause, which would quote keys

// alone reports whether a record holds one session, as nearly all do, without
// decoding it.
func alone(stored []byte) bool { return len(stored) > 1 && stored[0] == formatBinary && stored[1] == 0 }

// Serialize implements [record.SessionSerializer].
func (f sessionFormat) Serialize(s *record.SessionStructure) []byte {
	e := encoder{out: make([]byte, 0, recordSize(s))}
	e.out = append(e.out, formatBinary)
	e.number(uint64(len(s.PreviousStates)))
	e.state(s.SessionState)
	for _, state := range s.PreviousStates {
		e.state(state)
	}
	return e.out
}

// recordSize is about how long a record becomes.
func recordSize(s *record.SessionStructure) int {
	size := 0
	add := func(state *record.StateStructure) {
		if state == nil {
			return
		}
		size += 300
		for _, c := range state.ReceiverChains {
			size += 90
			if c != nil {
				size += 90 * len(c.MessageKeys)
			}
		}
	}
	add(s.SessionState)
	for _, state := range s.PreviousStates {
		add(state)
	}
	return size + 64
}

// Deserialize implements [record.SessionSerializer]. What it returns shares memory
// with stored.
func (f sessionFormat) Deserialize(stored []byte) (*record.SessionStructure, error) {
	if len(stored) == 0 || stored[0] != formatBinary {
		return f.json.Deserialize(stored)
	}
	d := decoder{in: stored[1:]}
	previous := d.count()
	s := &record.SessionStructure{SessionState: d.state(), PreviousStates: make([]*record.StateStructure, previous)}
	for i := range s.PreviousStates {
		s.PreviousStates[i] = d.state()
	}
	if d.failed || len(d.in) > 0 {
		return nil, errRecord
	}
	return s, nil
}

type encoder struct{ out []byte }

func (e *encoder) number(n uint64) { e.out = binary.AppendUvarint(e.out, n) }

func (e *encoder) bytes(b []byte) {
	if b == nil {
		e.number(0)
		return
	}
	e.number(uint64(len(b)) + 1)
	e.out = append(e.out, b...)
}

// here says whether a part follows.
func (e *encoder) here(is bool) bool {
	if is {
		e.out = append(e.out, 1)
	} else {
		e.out = append(e.out, 0)
	}
	return is
}

func (e *encoder) state(s *record.StateStructure) {
	if !e.here(s != nil) {
		return
	}
	e.number(uint64(s.SessionVersion))
	e.here(s.NeedsRefresh)
	e.bytes(s.LocalIdentityPublic)
	e.bytes(s.RemoteIdentityPublic)
	e.number(uint64(s.LocalRegistrationID))
	e.number(uint64(s.RemoteRegistrationID))
	e.number(uint64(s.PreviousCounter))
	e.bytes(s.RootKey)
	e.bytes(s.SenderBaseKey)
	e.chain(s.SenderChain)
	write(e, s.ReceiverChains, e.chain)
	if x := s.PendingKeyExchange; e.here(x != nil) {
		e.number(uint64(x.Sequence))
		for _, b := range [...][]byte{
			x.LocalBaseKeyPublic, x.LocalBaseKeyPrivate, x.LocalRatchetKeyPublic,
			x.LocalRatchetKeyPrivate, x.LocalIdentityKeyPublic, x.LocalIdentityKeyPrivate,
		} {
			e.bytes(b)
		}
	}
	if p := s.PendingPreKey; e.here(p != nil) {
		if e.here(p.PreKeyID != nil) {
			e.here(p.PreKeyID.IsEmpty)
			e.number(uint64(p.PreKeyID.Value))
		}
		e.number(uint64(p.SignedPreKeyID))
		e.bytes(p.BaseKey)
	}
}

func (e *encoder) chain(c *record.ChainStructure) {
	if !e.here(c != nil) {
		return
	}
	e.bytes(c.SenderRatchetKeyPublic)
	e.bytes(c.SenderRatchetKeyPrivate)
	if e.here(c.ChainKey != nil) {
		e.number(uint64(c.ChainKey.Index))
		e.bytes(c.ChainKey.Key)
	}
	write(e, c.MessageKeys, func(k *message.KeysStructure) {
		if e.here(k != nil) {
			e.number(uint64(k.Index))
			e.bytes(k.CipherKey)
			e.bytes(k.MacKey)
			e.bytes(k.IV)
		}
	})
}

// write writes a list, of which nil and empty are two.
func write[T any](e *encoder, all []T, each func(T)) {
	if !e.here(all != nil) {
		return
	}
	e.number(uint64(len(all)))
	for _, one := range all {
		each(one)
	}
}

// decoder reads what an encoder has written. Once something is wrong everything
// is empty.
type decoder struct {
	in     []byte
	failed bool
}

func (d *decoder) fail() {
	d.in, d.failed = nil, true
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.in)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.in = d.in[size:]
	return n
}

func (d *decoder) uint32() uint32 {
	n := d.number()
	if n > math.MaxUint32 {
		d.fail()
		return 0
	}
	return uint32(n)
}

// count is how many parts follow, each of a byte at least.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.in)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n == 0 {
		return nil
	}
	n--
	if n > uint64(len(d.in)) {
		d.fail()
		return nil
	}
	b := d.in[:n:n]
	d.in = d.in[n:]
	return b
}

func (d *decoder) here() bool {
	if len(d.in) == 0 || d.in[0] > 1 {
		d.fail()
		return false
	}
	is := d.in[0] == 1
	d.in = d.in[1:]
	return is
}

func (d *decoder) state() *record.StateStructure {
	if !d.here() {
		return nil
	}
	s := &record.StateStructure{
		SessionVersion: int(d.uint32()), NeedsRefresh: d.here(),
		LocalIdentityPublic: d.bytes(), RemoteIdentityPublic: d.bytes(),
		LocalRegistrationID: d.uint32(), RemoteRegistrationID: d.uint32(), PreviousCounter: d.uint32(),
		RootKey: d.bytes(), SenderBaseKey: d.bytes(), SenderChain: d.chain(),
	}
	s.ReceiverChains = read(d, d.chain)
	if d.here() {
		x := &record.PendingKeyExchangeStructure{Sequence: d.uint32()}
		for _, b := range [...]*[]byte{
			&x.LocalBaseKeyPublic, &x.LocalBaseKeyPrivate, &x.LocalRatchetKeyPublic,
			&x.LocalRatchetKeyPrivate, &x.LocalIdentityKeyPublic, &x.LocalIdentityKeyPrivate,
		} {
			*b = d.bytes()
		}
		s.PendingKeyExchange = x
	}
	if d.here() {
		p := &record.PendingPreKeyStructure{}
		if d.here() {
			p.PreKeyID = &optional.Uint32{IsEmpty: d.here(), Value: d.uint32()}
		}
		p.SignedPreKeyID, p.BaseKey = d.uint32(), d.bytes()
		s.PendingPreKey = p
	}
	return s
}

func (d *decoder) chain() *record.ChainStructure {
	if !d.here() {
		return nil
	}
	c := &record.ChainStructure{SenderRatchetKeyPublic: d.bytes(), SenderRatchetKeyPrivate: d.bytes()}
	if d.here() {
		c.ChainKey = &chain.KeyStructure{Index: d.uint32(), Key: d.bytes()}
	}
	c.MessageKeys = read(d, func() *message.KeysStructure {
		if !d.here() {
			return nil
		}
		return &message.KeysStructure{Index: d.uint32(), CipherKey: d.bytes(), MacKey: d.bytes(), IV: d.bytes()}
	})
	return c
}

// read reads what write has written.
func read[T any](d *decoder, each func() T) []T {
	if !d.here() {
		return nil
	}
	all := make([]T, d.count())
	for i := range all {
		all[i] = each()
	}
	return all
}
