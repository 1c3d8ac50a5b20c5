package simulator

import (
	"slices"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/signal"
)

// device is one Signal device of an account as the server knows it: public
// keys, and for companions the connection and what is owed to it.
type device struct {
	sim     *Simulator
	user    *User
	id      uint16
	handset *handset // the private side of a simulated device, nil for companions

	mu           sync.Mutex
	noise        [32]byte // the companion's credential
	identity     [32]byte
	registration uint32
	signed       signal.PreKey
	oneTime      oneTimeKeys
	stream       *stream // the connection that is logged in, nil when offline
	active       bool    // the client has asked for its messages
	welcomed     bool    // the phone has sent its first sync
	removed      bool
	warned       bool // told that its prekeys run low
	queue        queue
	outgoing     outgoing
	dirty        map[string]int64 // kinds of MarkDirty and when

	feed feed         // the history it is being sent
	busy atomic.Int32 // what its phone is working on for it
}

func (d *device) pn() types.JID  { return withDevice(d.user.pn, d.id) }
func (d *device) lid() types.JID { return withDevice(d.user.lid, d.id) }

func withDevice(j types.JID, id uint16) types.JID {
	j.Device = id
	return j
}

// online returns the connection of a companion, nil when it has none.
func (d *device) online() *stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stream
}

// gone reports whether the device was unlinked.
func (d *device) gone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.removed
}

// detach forgets a connection that has ended, and reports whether it was the
// present one.
func (d *device) detach(st *stream) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stream != st {
		return false
	}
	d.stream, d.active = nil, false
	return true
}

// remove ends the device: its keys, its place in the device list and what was
// owed to it go, and its next login is refused.
func (d *device) remove() {
	s, u := d.sim, d.user
	s.mu.Lock()
	delete(s.byNoise, d.noise)
	s.mu.Unlock()
	u.mu.Lock()
	if u.devices[d.id] == d {
		delete(u.devices, d.id)
	}
	u.mu.Unlock()
	d.mu.Lock()
	gone := d.removed
	d.removed = true
	d.queue = queue{known: d.queue.known, ring: d.queue.ring} // receipts may be on their way
	d.mu.Unlock()
	d.feed.end()
	if !gone {
		u.announceDevice("remove", d)
	}
}

// oneTimeKeys are one-time prekeys that a client has uploaded, handed out one
// by one. They are the largest thing kept for a client, hence no struct each.
type oneTimeKeys struct {
	ids  []uint32
	keys [][32]byte
}

// grow makes room for n more.
func (o *oneTimeKeys) grow(n int) {
	o.ids, o.keys = slices.Grow(o.ids, n), slices.Grow(o.keys, n)
}

func (o *oneTimeKeys) add(k signal.PreKey) {
	o.ids = append(o.ids, k.ID)
	o.keys = append(o.keys, k.Public)
}

func (o *oneTimeKeys) take() *signal.PreKey {
	if len(o.ids) == 0 {
		return nil
	}
	k := &signal.PreKey{ID: o.ids[0], Public: o.keys[0]}
	o.ids, o.keys = o.ids[1:], o.keys[1:]
	return k
}
