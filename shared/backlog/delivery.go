package backlog

import (
	"strings"
	"time"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// State is how far a delivery has come.
type State string

// The states.
const (
	Waiting   State = "waiting"   // in a lane
	Delivered State = "delivered" // answered 2xx; known for a day
	Dead      State = "dead"      // given up; kept for 14 days, for a replay
)

// ID names a delivery: which event, to whom.
type ID struct {
	Event        string
	Subscription string
}

// String is the id as the API shows it. [ParseID] reads it back.
func (id ID) String() string { return id.Event + "." + id.Subscription }

// ParseID reads what [ID.String] wrote. Ids of subscriptions hold no dot.
func ParseID(text string) (ID, error) {
	cut := strings.LastIndexByte(text, '.')
	if cut <= 0 || cut == len(text)-1 || len(text) > 512 {
		return ID{}, fault.New(fault.NotFound, "There is no delivery %q", text)
	}
	return ID{text[:cut], text[cut+1:]}, nil
}

// Lane names what a subscription waits for in one chat.
type Lane struct {
	Instance     instance.ID `json:"instance"`
	Subscription string      `json:"subscription"`
	Chat         string      `json:"chat"` // event.Event.Chat, or replayed
}

// replayed is the lane of what is told again, beside those of the chats: their
// keys are addresses, and no address is this.
const replayed = "replay"

// Delivery is one event on its way to one subscription.
type Delivery struct {
	ID
	Tenant   tenant.ID
	Instance instance.ID
	Kind     event.Kind
	Chat     string
	At       time.Time // of the event

	State    State
	Told     int // how many of the event's calls have been made
	Attempts int
	First    time.Time // try; zero before it
	Last     time.Time // try
	// Due is when it is tried next. Only the first of a lane has a time, and
	// only [Repository.Head] knows it.
	Due time.Time

	// Of the last try.
	Status  int // of HTTP, 0 when there was no answer
	Latency time.Duration
	Error   string // why it failed, in a sentence; names neither URL nor secret

	// Event is what is told. It is kept until it has been.
	Event event.Event

	lane     Lane
	number   int64 // in the lane
	line     line  // as it was when Head read it
	revision int64
}

// NewDelivery is an event that a subscription has not been told of.
func NewDelivery(e event.Event, subscription string) Delivery {
	return Delivery{
		ID: ID{e.ID, subscription}, Tenant: e.Tenant, Instance: e.Instance, Kind: e.Kind, Chat: e.Chat, At: e.At, Event: e,
		lane: LaneOf(e, subscription),
	}
}

// LaneOf is the lane in which an event would wait.
func LaneOf(e event.Event, subscription string) Lane {
	return Lane{Instance: e.Instance, Subscription: subscription, Chat: e.Chat}
}

// Attempt is what came of one try.
type Attempt struct {
	At      time.Time
	Told    int // calls of the event that have been made by now
	Status  int
	Latency time.Duration
	Error   string // "" for success
}

// Tried is the delivery after a try.
func (d Delivery) Tried(a Attempt) Delivery {
	if d.First.IsZero() {
		d.First = a.At
	}
	d.Attempts++
	d.Last, d.Told, d.Status, d.Latency, d.Error = a.At, a.Told, a.Status, a.Latency, a.Error
	return d
}
