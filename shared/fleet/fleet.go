// Package fleet is the list of session hosts: one record each on the table,
// which its host renews, and the judgement of whether a host is alive.
//
// Nobody compares clocks of two machines. A record carries a number that rises
// with every renewal and says how long a renewal counts. Whoever looks notes on
// its own clock when it first saw that number; a host whose number has not moved
// for that long is silent, and may be ended. To end a host is a write under the
// condition that its number still has not moved, so a host that was only slow
// and one that is ended cannot both be right; the loser learns of it. The other
// half of the promise, that a host stops before its renewal has run out, is
// sessionhost/lease.
package fleet

import (
	"time"
)

// Host is one session host, as its record says.
type Host struct {
	// Name of the host, unique among the living.
	Name string
	// Term tells tenures of one name apart: a random text for each.
	Term string
	// Beat rises by one with each renewal.
	Beat int64
	// Lease is how long a renewal counts.
	Lease time.Duration
	// Ended says that the term is over: its instances may be taken. It never
	// becomes false again within a term.
	Ended bool
	// Leaving says that the host hands its sessions over and takes none.
	Leaving bool
	// Capacity is how many sessions the host is for, Sessions how many it has.
	Capacity, Sessions int

	Since     time.Time // of the term, for people to read
	RenewedAt time.Time // likewise, by the host's clock
}

// Load is the share of its capacity that a host uses, 1 when it has none.
func (h Host) Load() float64 {
	if h.Capacity <= 0 {
		return 1
	}
	return float64(h.Sessions) / float64(h.Capacity)
}

// Takes reports whether instances may be given to the host.
func (h Host) Takes() bool { return !h.Ended && !h.Leaving && h.Sessions < h.Capacity }
