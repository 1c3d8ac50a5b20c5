package simulator

import (
	"maps"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// queue is what is owed to a device: stanzas that stay until the client has
// acknowledged them and go out again on each new connection. The device's
// mutex guards it. The zero value is empty.
type queue struct {
	order []*owed // oldest first, with holes (nil) where something was acknowledged
	holes int
	byKey map[string]*owed
	known map[string]types.JID // ids of messages ever queued -> from, for receipts that come late
	ring  []string             // known's keys in order of arrival, to bound it
}

// owed is one stanza that a client has to acknowledge.
type owed struct {
	node  wire.Node
	class string
	id    string
	from  types.JID
	index int
	on    *stream   // the connection it was last sent on
	at    time.Time // when
	next  *owed     // a later one with the same key: a message that was sent again
}

// maxKnown bounds how many message ids a device's receipts may refer to.
const maxKnown = 20000

func owedKey(class, id string, from types.JID) string {
	return class + "\x00" + id + "\x00" + from.User
}

// deliver queues a stanza for the companion and sends it if it is there. The
// stanza's attributes belong to the queue from now on.
func (d *device) deliver(n wire.Node) {
	id, _ := n.Attrs["id"].(string)
	from, _ := n.Attrs["from"].(types.JID)
	o := &owed{node: n, class: n.Tag, id: id, from: d.sim.canonical(from)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.removed {
		return
	}
	d.queue.add(o)
	if d.stream != nil && d.active {
		d.stream.send(o)
	}
}

func (q *queue) add(o *owed) {
	if q.byKey == nil {
		q.byKey = map[string]*owed{}
	}
	o.index = len(q.order)
	q.order = append(q.order, o)
	key := owedKey(o.class, o.id, o.from)
	if first := q.byKey[key]; first == nil {
		q.byKey[key] = o
	} else {
		for first.next != nil {
			first = first.next
		}
		first.next = o
	}
	if o.class == "message" {
		q.remember(o.id, o.from)
	}
}

func (q *queue) remember(id string, from types.JID) {
	if q.known == nil {
		q.known = map[string]types.JID{}
	}
	if _, ok := q.known[id]; !ok {
		q.ring = append(q.ring, id)
		if len(q.ring) > maxKnown {
			delete(q.known, q.ring[0])
			q.ring = q.ring[1:]
		}
	}
	q.known[id] = from
}

// settle removes what the client has acknowledged: the oldest with that id.
func (q *queue) settle(class, id string, from types.JID) {
	key := owedKey(class, id, from)
	o := q.byKey[key]
	if o == nil {
		return
	}
	if o.next != nil {
		q.byKey[key] = o.next
	} else {
		delete(q.byKey, key)
	}
	q.order[o.index] = nil
	q.holes++
	if q.holes > 32 && q.holes > len(q.order)/2 {
		q.compact()
	}
}

func (q *queue) compact() {
	kept := q.order[:0]
	for _, o := range q.order {
		if o != nil {
			o.index = len(kept)
			kept = append(kept, o)
		}
	}
	clear(q.order[len(kept):])
	q.order, q.holes = kept, 0
}

func (q *queue) len() int { return len(q.order) - q.holes }

// sender says who a message came from, if the device was ever to have it. What
// is still owed is not forgotten, however much has come since.
func (q *queue) sender(id string, from types.JID) (types.JID, bool) {
	if known, ok := q.known[id]; ok {
		return known, true
	}
	return from, q.byKey[owedKey("message", id, from)] != nil
}

// sentOn counts what was sent on a connection and not acknowledged yet.
func (q *queue) sentOn(st *stream) int {
	n := 0
	for _, o := range q.order {
		if o != nil && o.on == st {
			n++
		}
	}
	return n
}

// Owed is how many stanzas the companion has not acknowledged, online or not.
// It is 0 for a device that does not exist.
func (u *User) Owed(companion uint16) int {
	d := u.device(companion)
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.len()
}

// flush sends the whole queue on a new connection, marked as offline, and then
// says how many there were. The client has asked for it by becoming active.
func (d *device) flush(st *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stream != st {
		return
	}
	d.active = true
	count := 0
	for _, o := range d.queue.order {
		if o == nil || o.on == st {
			continue
		}
		o.node.Attrs = maps.Clone(o.node.Attrs) // the old connection may be writing it still
		o.node.Attrs["offline"] = "0"
		st.send(o)
		count++
	}
	st.push(wire.Node{Tag: "ib", Content: []wire.Node{{Tag: "offline", Attrs: wire.Attrs{"count": count}}}})
}
