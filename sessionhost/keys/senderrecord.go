package keys

import (
	"go.mau.fi/libsignal/groups/ratchet"
	"go.mau.fi/libsignal/groups/state/record"
)

// senderFormat is sessionFormat for the sender keys of a group: a byte for the
// format, and the states.
type senderFormat struct{ json record.SenderKeySerializer }

// Serialize implements [record.SenderKeySerializer].
func (f senderFormat) Serialize(s *record.SenderKeyStructure) []byte {
	size := 64
	for _, state := range s.SenderKeyStates {
		size += 160
		if state != nil {
			size += 120 * len(state.Keys)
		}
	}
	e := encoder{out: make([]byte, 0, size)}
	e.out = append(e.out, formatBinary)
	e.number(uint64(len(s.SenderKeyStates)))
	for _, state := range s.SenderKeyStates {
		e.senderState(state)
	}
	return e.out
}

// Deserialize implements [record.SenderKeySerializer]. What it returns shares
// memory with stored.
func (f senderFormat) Deserialize(stored []byte) (*record.SenderKeyStructure, error) {
	if len(stored) == 0 || stored[0] != formatBinary {
		return f.json.Deserialize(stored)
	}
	d := decoder{in: stored[1:]}
	s := &record.SenderKeyStructure{SenderKeyStates: make([]*record.SenderKeyStateStructure, d.count())}
	for i := range s.SenderKeyStates {
		s.SenderKeyStates[i] = d.senderState()
	}
	if d.failed || len(d.in) > 0 {
		return nil, errRecord
	}
	return s, nil
}

func (e *encoder) senderState(s *record.SenderKeyStateStructure) {
	if !e.here(s != nil) {
		return
	}
	e.number(uint64(s.KeyID))
	e.bytes(s.SigningKeyPublic)
	e.bytes(s.SigningKeyPrivate)
	if e.here(s.SenderChainKey != nil) {
		e.number(uint64(s.SenderChainKey.Iteration))
		e.bytes(s.SenderChainKey.ChainKey)
	}
	write(e, s.Keys, func(k *ratchet.SenderMessageKeyStructure) {
		if e.here(k != nil) {
			e.number(uint64(k.Iteration))
			e.bytes(k.IV)
			e.bytes(k.CipherKey)
			e.bytes(k.Seed)
		}
	})
}

func (d *decoder) senderState() *record.SenderKeyStateStructure {
	if !d.here() {
		return nil
	}
	s := &record.SenderKeyStateStructure{KeyID: d.uint32(), SigningKeyPublic: d.bytes(), SigningKeyPrivate: d.bytes()}
	if d.here() {
		s.SenderChainKey = &ratchet.SenderChainKeyStructure{Iteration: d.uint32(), ChainKey: d.bytes()}
	}
	s.Keys = read(d, func() *ratchet.SenderMessageKeyStructure {
		if !d.here() {
			return nil
		}
		return &ratchet.SenderMessageKeyStructure{Iteration: d.uint32(), IV: d.bytes(), CipherKey: d.bytes(), Seed: d.bytes()}
	})
	return s
}
