// Package connection is how the .aspx dialect speaks of a connection, in its
// answers and in what it posts: codes with their names, and the object that
// describes the account.
package connection

import (
	"time"

	"roost/shared/instance"
)

// Code is where a connection stands, as the dialect counts: 5 to 9 and 12 do not
// exist.
type Code int

// The codes.
const (
	None          Code = 0  // none is wanted
	Opening       Code = 1  // being opened
	SocketOpen    Code = 2  // open, without QR code or login yet
	WaitForQR     Code = 3  // QR codes are shown
	Starting      Code = 4  // linked, logging in
	Authenticated Code = 10 // logged in
	Lost          Code = 11 // keys are good, the socket is lost or refused for now
	Refused       Code = 13 // keys are refused, or linking has failed
)

// String is the code's name: the misspelling is the contract.
func (c Code) String() string {
	switch c {
	case None:
		return "noConnection"
	case Opening:
		return "webSocketOpenining"
	case SocketOpen:
		return "webSocketOpen"
	case WaitForQR:
		return "waitForQRAuthentication"
	case Starting:
		return "Starting"
	case Authenticated:
		return "WhatsAppAuthenticated"
	case Lost:
		return "WhatsAppAuthenticatedConnectionClosed"
	case Refused:
		return "WhatsAppNotAuthenticated"
	}
	return ""
}

// Of is the one place that maps states: of an instance, with what its pairing
// shows.
func Of(s instance.Seen, now time.Time) Code {
	i := s.Instance
	keys := i.JID != ""
	switch i.State {
	case instance.Created, instance.Deleting, instance.Deleted:
		return None
	case instance.Connecting:
		if keys && i.Reason.Code != "" { // it was lost, and is opened again
			return Lost
		}
		return Opening
	case instance.Pairing:
		if s.Offer == nil || s.Offer.QR == "" || now.After(s.Offer.Until) {
			return SocketOpen
		}
		return WaitForQR
	case instance.Starting:
		return Starting
	case instance.Open:
		return Authenticated
	case instance.Idle:
		return Lost
	case instance.Closed:
		return closedCode(i.Reason.Code, keys)
	case instance.LoggedOut:
		if i.Reason.Code == instance.ReasonUserLogout {
			return None
		}
		return Refused
	}
	return None
}

// closedCode tells a connection that nobody wants from one that WhatsApp or the
// way there refuses.
func closedCode(reason string, keys bool) Code {
	switch reason {
	case instance.ReasonPairingFailed:
		return Refused
	case "", instance.ReasonDisconnected, instance.ReasonReleased, instance.ReasonMaxIdle, instance.ReasonPairingTimeout, instance.ReasonUserLogout:
		return None
	}
	if keys {
		return Lost
	}
	return None
}

// CanRestore reports whether restore_session works without a QR code.
func (c Code) CanRestore(s instance.Seen, now time.Time) bool {
	i := s.Instance
	banned := i.Reason.Code == instance.ReasonBanned && now.Before(i.Reason.Until)
	switch c {
	case WaitForQR, Refused:
		return false
	case Starting:
		return true
	case Authenticated:
		return true
	default:
		return i.JID != "" && i.State != instance.LoggedOut && !banned
	}
}
