package simulator

import (
	"errors"
	"fmt"
	"time"
)

// Fault is something that goes wrong. [Simulator.Inject] takes it; over HTTP
// it is the body of POST /simulator/faults. Fields that a fault does not name
// in its comment do not matter to it.
type Fault struct {
	// Fault names what goes wrong: one of the constants below.
	Fault string `json:"fault"`

	// Number is the phone number of the account it happens to. Empty means
	// everybody.
	Number string `json:"number,omitempty"`

	// Times is how often it happens; 0 means until it is cleared.
	Times int `json:"times,omitempty"`

	// Skip is how many occasions pass before the first time.
	Skip int `json:"skip,omitempty"`

	// Tag narrows it to stanzas with this tag: message, receipt, iq, ...
	// Empty means any.
	Tag string `json:"tag,omitempty"`

	// Code is the number that is said: an HTTP status, an error code, a
	// failure reason or a ban reason, as the fault's comment says.
	Code int `json:"code,omitempty"`

	// Seconds is how long something takes or holds.
	Seconds float64 `json:"seconds,omitempty"`
}

// Faults that stay until they have happened Times times or are cleared.
const (
	RefuseDial    = "refuse_dial"    // the WebSocket upgrade is answered with HTTP status Code (503); Number must be empty
	DelayDial     = "delay_dial"     // the upgrade waits for Seconds; Number must be empty
	DropUpgraded  = "drop_upgraded"  // the socket is cut right after the upgrade; Number must be empty
	DropHello     = "drop_hello"     // ... after the client's first handshake message; Number must be empty
	DropFinish    = "drop_finish"    // ... after its second one; Number must be empty
	RefuseLogin   = "refuse_login"   // a login fails with reason Code (401, 403, 405, 406, 409, 500, 503, ...)
	DropBefore    = "drop_before"    // the socket is cut instead of handling a stanza of the client (Tag)
	DropAfter     = "drop_after"     // ... after it was handled; the answer may be lost
	DropSent      = "drop_sent"      // ... after the server has sent a stanza (Tag)
	HoldAcks      = "hold_acks"      // messages of the client are accepted, their acks wait for Release
	HoldReceipts  = "hold_receipts"  // receipts and acks of the client are ignored
	RefuseMessage = "refuse_message" // messages of the client are refused with error Code (463: no new chats for now)
	IgnorePings   = "ignore_pings"   // keepalives are not answered
	Corrupt       = "corrupt"        // a message to the client has a flipped bit in its ciphertext
	Duplicate     = "duplicate"      // a stanza of the queue is sent twice (Tag)
	Reorder       = "reorder"        // a stanza of the queue (Tag) is sent after the next one of the queue
	GarbleFrame   = "garble_frame"   // a frame to the client does not decrypt
	SplitFrame    = "split_frame"    // a frame is split over two WebSocket messages, which whatsmeow cannot read
	CloseAtOnce   = "close_at_once"  // a stanza that ends the session is followed by the close at once
	BreakHMAC     = "break_hmac"     // linking: the companion's identity carries a wrong HMAC
	NoPreKeys     = "no_prekeys"     // the account's devices hand out bundles without a one-time prekey
	RefuseKeys    = "refuse_keys"    // the client's requests for the prekeys of others are refused with error Code (503)
	Unreadable    = "unreadable"     // a simulated device of Number cannot read a message, and asks for it again
	FailUpload    = "fail_upload"    // media uploads are answered with HTTP status Code (500); Number must be empty
	FailDownload  = "fail_download"  // media downloads are answered with HTTP status Code (404); Number must be empty
)

// Faults that happen at once, to the companions of Number or to everybody's.
const (
	Cut            = "cut"             // the sockets are cut
	Replace        = "replace"         // another connection takes over (conflict replaced)
	Logout         = "logout"          // the phone unlinks the companions (401 device_removed)
	Ban            = "ban"             // temporary ban with reason Code (101) for Seconds: the sockets end, logins fail with 402
	Outdated       = "outdated"        // the client is too old: the sockets end, logins fail with 405
	Outage         = "outage"          // the service is down: stream error 503, dials are refused, until cleared or for Seconds
	StreamError    = "stream_error"    // stream error Code, then the close
	ExhaustPreKeys = "exhaust_prekeys" // the companions' one-time prekeys on the server are gone, and they are told
	ChangeIdentity = "change_identity" // the person reinstalls: new identity, sessions void
	Release        = "release"         // what HoldAcks has held goes out; HoldAcks ends
	Clear          = "clear"           // faults of Number end; with no Number all of them
)

// ErrFault means that a fault's name or its fields make no sense.
var ErrFault = errors.New("invalid fault")

// anonymous are the faults that happen before a client says who it is.
var anonymous = map[string]bool{
	RefuseDial: true, DelayDial: true, DropUpgraded: true, DropHello: true, DropFinish: true,
	FailUpload: true, FailDownload: true,
}

// httpStatus are the faults whose Code is an HTTP status.
var httpStatus = map[string]bool{RefuseDial: true, FailUpload: true, FailDownload: true}

// maxSeconds is what fits into a time.Duration, and 30 years.
const maxSeconds = 1e9

// standing are the faults that wait for their occasion, with the Code they
// take when none is given.
var standing = map[string]int{
	RefuseDial: 503, DelayDial: 0, DropUpgraded: 0, DropHello: 0, DropFinish: 0, RefuseLogin: 503,
	DropBefore: 0, DropAfter: 0, DropSent: 0, HoldAcks: 0, HoldReceipts: 0, RefuseMessage: 463, IgnorePings: 0,
	Corrupt: 0, Duplicate: 0, Reorder: 0, GarbleFrame: 0, SplitFrame: 0, CloseAtOnce: 0, BreakHMAC: 0, NoPreKeys: 0, RefuseKeys: 503, Unreadable: 0,
	FailUpload: 500, FailDownload: 404,
}

// Inject makes something go wrong. It returns ErrFault when it does not know
// what, and ErrNobody when Number is nobody.
func (s *Simulator) Inject(f Fault) error {
	if f.Number != "" {
		if anonymous[f.Fault] {
			return fmt.Errorf("%s happens before a client says its number: %w", f.Fault, ErrFault)
		}
		if s.Lookup(f.Number) == nil {
			return fmt.Errorf("%s: %w", f.Number, ErrNobody)
		}
	}
	if f.Times < 0 || f.Skip < 0 || f.Seconds < 0 || f.Code < 0 || f.Seconds > maxSeconds {
		return fmt.Errorf("field out of range: %w", ErrFault)
	}
	if httpStatus[f.Fault] && f.Code != 0 && (f.Code < 400 || f.Code > 599) {
		return fmt.Errorf("code of %s must be an HTTP status, 400 to 599: %w", f.Fault, ErrFault)
	}
	if code, ok := standing[f.Fault]; ok {
		if f.Code == 0 {
			f.Code = code
		}
		s.faults.add(f)
		s.mediaFaults()
		return nil
	}
	return s.strike(f)
}

// strike does what happens at once.
func (s *Simulator) strike(f Fault) error {
	switch f.Fault {
	case Cut:
		s.eachStream(f.Number, (*stream).cut)
	case Replace:
		s.eachStream(f.Number, (*stream).replace)
	case Logout:
		s.logOut(f.Number)
	case Ban:
		if f.Code == 0 {
			f.Code = 101
		}
		s.faults.add(f)
		s.eachStream(f.Number, (*stream).cut)
	case Outdated:
		s.faults.add(f)
		s.eachStream(f.Number, (*stream).cut)
	case Outage:
		if f.Number != "" {
			return fmt.Errorf("an outage happens to everybody: %w", ErrFault)
		}
		s.faults.add(f)
		s.eachStream("", func(st *stream) { st.end(streamError(503)) })
	case StreamError:
		s.eachStream(f.Number, func(st *stream) { st.end(streamError(f.Code)) })
	case ExhaustPreKeys:
		s.exhaustPreKeys(f.Number)
	case ChangeIdentity:
		u := s.Lookup(f.Number)
		if u == nil {
			return fmt.Errorf("%s needs a number: %w", f.Fault, ErrFault)
		}
		u.Reinstall()
	case Release:
		s.faults.clear(f.Number, HoldAcks)
		s.eachStream(f.Number, (*stream).releaseAcks)
	case Clear:
		s.faults.clear(f.Number, "")
		s.mediaFaults()
		s.eachStream(f.Number, (*stream).releaseAcks)
	default:
		return fmt.Errorf("%q: %w", f.Fault, ErrFault)
	}
	return nil
}

// Faults lists what waits for its occasion.
func (s *Simulator) Faults() []Fault { return s.faults.list() }

func (f Fault) duration() time.Duration { return time.Duration(f.Seconds * float64(time.Second)) }
