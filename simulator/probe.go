package simulator

import (
	"time"

	"roost/simulator/wire"
)

// Probe is told of moments on the wire, by this process's clock, for
// measurements of what stands between them. Its functions are called where the
// moment is, with locks held and from many goroutines: they must return at once
// and call nothing of the simulator. Nil ones are left out.
type Probe struct {
	// Written is told of a message for a companion just before its frame is
	// given to the socket.
	Written func(id string, at time.Time)
	// Arrived is told of a companion's message when the first simulated device
	// that it is for has read it.
	Arrived func(id string, at time.Time)
	// Online is told of an account when a companion of it has logged in and
	// asked for its messages, Offline when its connection has ended.
	Online, Offline func(number string, at time.Time)
}

// written tells the probe of the messages among what is written now.
func (s *Simulator) written(batch []wire.Node) {
	if s.cfg.Probe.Written == nil {
		return
	}
	at := time.Now()
	for _, n := range batch {
		if n.Tag == "message" {
			id, _ := n.Attrs["id"].(string)
			s.cfg.Probe.Written(id, at)
		}
	}
}

func (s *Simulator) arrived(id string) {
	if s.cfg.Probe.Arrived != nil {
		s.cfg.Probe.Arrived(id, time.Now())
	}
}

func (d *device) tellOnline() {
	if tell := d.sim.cfg.Probe.Online; tell != nil {
		tell(d.user.pn.User, time.Now())
	}
}

func (d *device) tellOffline() {
	if tell := d.sim.cfg.Probe.Offline; tell != nil {
		tell(d.user.pn.User, time.Now())
	}
}
