package simulator

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// What a correct client never does. The list is append-only: tests name them.
const (
	TwoSockets      = "two_sockets"      // a device logged in while its other connection was open
	ChangedBody     = "changed_body"     // a message id came again with another content
	Unanswered      = "unanswered"       // a stanza was not acknowledged in Knobs.AnswerSeconds
	WrongReceipt    = "wrong_receipt"    // a receipt for a message the device never got, or to somebody else
	Undecryptable   = "undecryptable"    // a contact with intact keys could not decrypt a message
	Malformed       = "malformed"        // a frame or stanza that does not parse, or lacks what it must have
	BadSignature    = "bad_signature"    // a prekey or device identity with a wrong signature
	NotAllowed      = "not_allowed"      // a stanza in a state that forbids it, such as a message before login
	MissingReceiver = "missing_receiver" // a message that none of its receiver's devices can read
	AfterReplaced   = "after_replaced"   // a message sent on a connection that had been told it was replaced
)

// Violation is something a correct client never does.
type Violation struct {
	Kind   string    `json:"kind"`   // one of the constants above
	Device types.JID `json:"device"` // who did it, as far as known
	Detail string    `json:"detail"` // for a person
	At     time.Time `json:"at"`
}

func (v Violation) String() string {
	return fmt.Sprintf("%s by %s: %s", v.Kind, v.Device, v.Detail)
}

// maxViolations bounds what is kept; a client that errs in a loop must not
// fill the memory.
const maxViolations = 1000

type violations struct {
	mu   sync.Mutex
	list []Violation
}

func (v *violations) add(kind string, device types.JID, detail string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.list) < maxViolations {
		v.list = append(v.list, Violation{Kind: kind, Device: device, Detail: detail, At: time.Now()})
	}
}

// Violations lists what clients did wrong so far, oldest first, including
// stanzas left unanswered for longer than Knobs.AnswerSeconds.
func (s *Simulator) Violations() []Violation {
	limit := time.Duration(s.Knobs().AnswerSeconds) * time.Second
	s.mu.RLock()
	streams := make([]*stream, 0, len(s.streams))
	for st := range s.streams {
		streams = append(streams, st)
	}
	s.mu.RUnlock()
	for _, st := range streams {
		st.reportOverdue(limit)
	}
	s.violations.mu.Lock()
	defer s.violations.mu.Unlock()
	return slices.Clone(s.violations.list)
}

// Forgive forgets the violations recorded so far.
func (s *Simulator) Forgive() {
	s.violations.mu.Lock()
	defer s.violations.mu.Unlock()
	s.violations.list = nil
}
