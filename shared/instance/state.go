package instance

import (
	"slices"
	"time"

	"roost/shared/fault"
)

// State is where an instance stands between its creation and its end.
type State string

// The states. Dialects map them to their own words.
const (
	Created    State = "created"    // never connected
	Connecting State = "connecting" // a host opens its connection
	Pairing    State = "pairing"    // QR code, pairing code or passkey are on offer
	Starting   State = "starting"   // linked, logging in
	Open       State = "open"       // logged in
	Idle       State = "idle"       // linked, and WhatsApp has not answered for three heartbeats
	Closed     State = "closed"     // not connected, keys kept
	LoggedOut  State = "loggedOut"  // WhatsApp has refused the keys
	Deleting   State = "deleting"   // on its way out
	Deleted    State = "deleted"    // gone; the record waits for its archive to be fetched
)

// next names the states that may follow each state. It is the one place that
// knows: a transition that is not here is a fault of the program.
var next = map[State][]State{
	Created:    {Connecting, Deleting},
	Connecting: {Pairing, Starting, Open, Idle, Closed, LoggedOut, Deleting},
	Pairing:    {Connecting, Starting, Closed, Deleting},
	Starting:   {Connecting, Open, Closed, LoggedOut, Deleting},
	Open:       {Connecting, Idle, Closed, LoggedOut, Deleting},
	Idle:       {Connecting, Open, Closed, LoggedOut, Deleting},
	Closed:     {Connecting, LoggedOut, Deleting},
	LoggedOut:  {Connecting, Deleting},
	Deleting:   {Deleted},
	Deleted:    {},
}

// May reports whether to may follow s. Staying is always allowed.
func (s State) May(to State) bool { return s == to || slices.Contains(next[s], to) }

// Connected reports whether a host owns a connection, or opens one.
func (s State) Connected() bool {
	return s == Connecting || s == Pairing || s == Starting || s == Open || s == Idle
}

// Move takes the instance to another state for a reason, or returns a conflict
// when that step does not exist.
func (i *Instance) Move(to State, reason Reason) error {
	if !i.State.May(to) {
		return fault.New(fault.Conflict, "an instance that is %s cannot become %s", i.State, to)
	}
	i.State, i.Reason = to, reason
	if to != Open {
		i.Ready = false
	}
	if to != Idle {
		i.IdleSince = time.Time{}
	}
	return nil
}
