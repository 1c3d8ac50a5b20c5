package aspx

import (
	"time"

	"roost/shared/instance"
)

// code is where a connection stands, as the dialect counts: 5 to 9 and 12 do not
// exist.
type code int

const (
	noConnection        code = 0  // none is wanted
	webSocketOpening    code = 1  // being opened
	webSocketOpen       code = 2  // open, without QR code or login yet
	waitForQR           code = 3  // QR codes are shown
	starting            code = 4  // linked, logging in
	authenticated       code = 10 // logged in
	authenticatedClosed code = 11 // keys are good, the socket is lost or refused for now
	notAuthenticated    code = 13 // keys are refused, or linking has failed
)

// String is the code's name: the misspelling is the contract.
func (c code) String() string {
	switch c {
	case noConnection:
		return "noConnection"
	case webSocketOpening:
		return "webSocketOpenining"
	case webSocketOpen:
		return "webSocketOpen"
	case waitForQR:
		return "waitForQRAuthentication"
	case starting:
		return "Starting"
	case authenticated:
		return "WhatsAppAuthenticated"
	case authenticatedClosed:
		return "WhatsAppAuthenticatedConnectionClosed"
	case notAuthenticated:
		return "WhatsAppNotAuthenticated"
	}
	return ""
}

// codeOf is the one place that maps states: what stored says of the instance,
// with what its pairing shows.
func codeOf(s instance.Seen, now time.Time) code {
	i := s.Instance
	keys := i.JID != ""
	switch i.State {
	case instance.Created, instance.Deleting, instance.Deleted:
		return noConnection
	case instance.Connecting:
		if keys && i.Reason.Code != "" { // it was lost, and is opened again
			return authenticatedClosed
		}
		return webSocketOpening
	case instance.Pairing:
		if s.Offer == nil || s.Offer.QR == "" || now.After(s.Offer.Until) {
			return webSocketOpen
		}
		return waitForQR
	case instance.Starting:
		return starting
	case instance.Open:
		return authenticated
	case instance.Idle:
		return authenticatedClosed
	case instance.Closed:
		return closedCode(i.Reason.Code, keys)
	case instance.LoggedOut:
		if i.Reason.Code == instance.ReasonUserLogout {
			return noConnection
		}
		return notAuthenticated
	}
	return noConnection
}

// closedCode tells a connection that nobody wants from one that WhatsApp or the
// way there refuses.
func closedCode(reason string, keys bool) code {
	switch reason {
	case instance.ReasonPairingFailed:
		return notAuthenticated
	case "", instance.ReasonDisconnected, instance.ReasonReleased, instance.ReasonMaxIdle, instance.ReasonPairingTimeout, instance.ReasonUserLogout:
		return noConnection
	}
	if keys {
		return authenticatedClosed
	}
	return noConnection
}

// canRestore reports whether restore_session works without a QR code.
func canRestore(s instance.Seen, c code, now time.Time) bool {
	i := s.Instance
	banned := i.Reason.Code == instance.ReasonBanned && now.Before(i.Reason.Until)
	switch c {
	case waitForQR, notAuthenticated:
		return false
	case starting:
		return true
	case authenticated:
		return true
	default:
		return i.JID != "" && i.State != instance.LoggedOut && !banned
	}
}
