package simulator

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// errFault marks a connection that ended on purpose.
var errFault = errors.New("a fault was injected")

// queued are the tags that go through a device's queue.
var queued = map[string]bool{"message": true, "receipt": true, "notification": true, "call": true}

// rude decides what Knobs.Noise and Knobs.DropRate do to one connection. Its
// choices depend on the seed and on how many connections there were before.
// Only the writing goroutine uses it.
type rude struct {
	random *rand.Rand
	late   *wire.Node // held back by Reorder until the next one
}

func (s *Simulator) newRude() *rude {
	return &rude{random: rand.New(rand.NewPCG(s.cfg.Seed, s.seq.Add(1)))} //nolint:gosec // repeatable on purpose
}

// plain reports whether stanzas can be written as they are: no fault is
// waiting and no noise is wanted.
func (st *stream) plain() bool {
	k := st.sim.Knobs()
	return k.Noise == 0 && k.DropRate == 0 && st.sim.faults.count.Load() == 0 && (st.rude == nil || st.rude.late == nil)
}

// writeRudely writes one stanza and whatever faults and noise make of it.
func (st *stream) writeRudely(n wire.Node) error {
	if st.rude == nil {
		st.rude = st.sim.newRude()
	}
	for _, n := range st.disturb(n) {
		if err := st.writeOne(n); err != nil {
			return err
		}
	}
	return nil
}

// disturb applies the faults that change what is sent and in which order.
func (st *stream) disturb(n wire.Node) []wire.Node {
	f, number := st.sim.faults, st.number()
	if !queued[n.Tag] {
		return []wire.Node{n}
	}
	if n.Tag == "message" {
		if _, ok := f.take(Corrupt, number, n.Tag); ok {
			n = corrupted(n)
		}
	}
	out := []wire.Node{n}
	if _, ok := f.take(Duplicate, number, n.Tag); ok {
		out = append(out, n)
	}
	if st.rude.late != nil {
		out = append(out, *st.rude.late)
		st.rude.late = nil
	} else if _, ok := f.take(Reorder, number, n.Tag); ok {
		st.rude.late = &n
		return nil
	}
	return out
}

// writeOne writes one stanza, with noise around it, and cuts the socket after
// it when that is its fate.
func (st *stream) writeOne(n wire.Node) error {
	f, number, knobs := st.sim.faults, st.number(), st.sim.Knobs()
	if _, ok := f.take(GarbleFrame, number, n.Tag); ok {
		return st.conn.WriteGarbled(n)
	}
	if _, ok := f.take(SplitFrame, number, n.Tag); ok {
		return st.conn.WriteSplit(n)
	}
	var err error
	if queued[n.Tag] && st.rude.random.Float64() < knobs.Noise {
		err = st.writeNoisily(n)
	} else {
		err = st.conn.Write(n)
	}
	if err != nil {
		return err
	}
	if _, ok := f.take(DropSent, number, n.Tag); ok {
		return errFault
	}
	if queued[n.Tag] && knobs.DropRate > 0 && st.rude.random.Float64() < knobs.DropRate {
		return errFault
	}
	return nil
}

// writeNoisily writes a stanza with something legal and unexpected about it.
func (st *stream) writeNoisily(n wire.Node) error {
	switch st.rude.random.IntN(5) {
	case 0:
		return st.conn.WriteCompressed(n)
	case 1:
		n.Attrs = maps.Clone(n.Attrs)
		n.Attrs["sim_unknown"] = "1"
	case 2:
		if n.Tag == "message" {
			children, _ := n.Content.([]wire.Node)
			n.Content = append(slices.Clone(children), wire.Node{Tag: "sim_unknown", Content: []byte{0, 1, 2}})
		}
	case 3:
		return st.conn.Write(wire.Node{Tag: "ib", Content: []wire.Node{{Tag: "sim_unknown"}}}, n)
	case 4:
		return st.conn.Write(wire.Node{
			Tag:     "notification",
			Attrs:   wire.Attrs{"from": types.ServerJID, "type": "psa", "id": st.sim.stanzaID(), "t": now()},
			Content: []wire.Node{{Tag: "sim_unknown"}},
		}, n)
	}
	return st.conn.Write(n)
}

// corrupted flips a bit in the ciphertexts of a message.
func corrupted(n wire.Node) wire.Node {
	children, _ := n.Content.([]wire.Node)
	children = slices.Clone(children)
	for i, c := range children {
		if data := payload(c); c.Tag == "enc" && len(data) > 0 {
			data = slices.Clone(data)
			// Not at the end: there a pkmsg has numbers that nobody reads once there is a session.
			data[len(data)*3/4] ^= 1
			children[i].Content = data
		}
	}
	n.Content = children
	return n
}
