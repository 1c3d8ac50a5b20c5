package simulator

import (
	"hash/maphash"
	"sync"

	"roost/simulator/wire"
)

// outgoing remembers what a client has sent, to pass it on once.
type outgoing struct {
	lock sync.Mutex
	byID map[string]*sentOnce
	ring []string
}

type sentOnce struct {
	digest uint64
	gone   map[*device]bool // who has it: true when it has asked for it again
	named  string           // the server part of the address: people have two
}

// maxOutgoing bounds how many ids of a client are remembered.
const maxOutgoing = 8192

var digestSeed = maphash.MakeSeed()

// admit splits a message into what is passed on and what its receivers have
// already. The same bytes again are neither. A receiver that could not read
// the message, and one that was left out before, still gets it.
func (o *outgoing) admit(id string, n *wire.Node, letters []letter) (fresh, repeats []letter) {
	digest := digestOf(n)
	o.lock.Lock()
	defer o.lock.Unlock()
	sent := o.byID[id]
	if sent == nil {
		sent = o.begin(id)
		to, _ := jidAttr(n, "to")
		sent.named = to.Server
	} else if sent.digest == digest {
		return nil, nil
	}
	sent.digest = digest
	for _, l := range letters {
		if asked, has := sent.gone[l.to]; has && !asked {
			repeats = append(repeats, l)
			continue
		}
		sent.gone[l.to] = false
		fresh = append(fresh, l)
	}
	return fresh, repeats
}

func (o *outgoing) begin(id string) *sentOnce {
	if o.byID == nil {
		o.byID = map[string]*sentOnce{}
	}
	sent := &sentOnce{gone: map[*device]bool{}}
	o.byID[id] = sent
	o.ring = append(o.ring, id)
	if len(o.ring) > maxOutgoing {
		delete(o.byID, o.ring[0])
		o.ring = o.ring[1:]
	}
	return sent
}

// noteRetry remembers that a device has asked for a message again.
func (o *outgoing) noteRetry(id string, by *device) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if sent := o.byID[id]; sent != nil {
		sent.gone[by] = true
	}
}

// named is the server part of the address that a message was sent to, "" for
// one that was not.
func (o *outgoing) named(id string) string {
	o.lock.Lock()
	defer o.lock.Unlock()
	if sent := o.byID[id]; sent != nil {
		return sent.named
	}
	return ""
}

// digestOf hashes what is encrypted in a message.
func digestOf(n *wire.Node) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	var walk func(n *wire.Node)
	walk = func(n *wire.Node) {
		if n.Tag == "enc" {
			_, _ = h.Write(payload(*n)) // never fails
		}
		children, _ := n.Content.([]wire.Node)
		for i := range children {
			walk(&children[i])
		}
	}
	walk(n)
	return h.Sum64()
}
