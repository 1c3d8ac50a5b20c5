package whatsapp

import (
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/shared/instance"
)

// Signal is what a connection tells the session that owns it about itself, as
// opposed to messages. Exactly the types below are signals.
type Signal interface{ signal() }

type (
	// QRCodes are the codes to show, one after the other: the first for
	// FirstCode when there are six, each other for NextCode.
	QRCodes struct{ Codes []string }
	// SecretRotated replaces a part of every code that is still to be shown:
	// the phone takes only the new one.
	SecretRotated struct{ Old, New string }
	// PasskeyAsked carries WhatsApp's WebAuthn request, JSON.
	PasskeyAsked struct{ Request []byte }
	// PasskeyAccepted carries the code to compare with the phone's. Skip says
	// that nobody needs to.
	PasskeyAccepted struct {
		Code string
		Skip bool
	}
	// PairingFailed ends a pairing.
	PairingFailed struct{ Err error }
	// Linked says that the phone has agreed. Online should follow soon.
	Linked struct{ JID, LID string }
	// Online says that the login has succeeded.
	Online struct{}
	// Offline says that the connection is gone and another one is worth a try.
	Offline struct{}
	// Synced says that what had waited on the server has been delivered.
	Synced struct{ Count int }
	// Received says that a message of somebody else has been stored.
	Received struct {
		Chat, Sender types.JID
		ID           string
	}
	// Called says that somebody calls.
	Called struct {
		From  types.JID
		ID    string
		Group bool
		At    time.Time
	}
	// Limited says that WhatsApp keeps the account from beginning new chats, or
	// no longer does.
	Limited struct {
		Active bool
		Until  time.Time
	}
	// Portrayed says that somebody is new to the account, or that the picture of
	// a person or a group is another since At.
	Portrayed struct {
		Who     types.JID
		At      time.Time // zero for somebody new
		Removed bool
	}
	// Named says what the account calls itself.
	Named struct{ PushName string }
	// Ended says that this connection must not be opened again by itself.
	// LoggedOut tells that the keys are void.
	Ended struct {
		Reason    instance.Reason
		LoggedOut bool
	}
)

func (QRCodes) signal()         {}
func (SecretRotated) signal()   {}
func (PasskeyAsked) signal()    {}
func (PasskeyAccepted) signal() {}
func (PairingFailed) signal()   {}
func (Linked) signal()          {}
func (Online) signal()          {}
func (Offline) signal()         {}
func (Synced) signal()          {}
func (Received) signal()        {}
func (Called) signal()          {}
func (Limited) signal()         {}
func (Portrayed) signal()       {}
func (Named) signal()           {}
func (Ended) signal()           {}

// How long QR codes are shown (whatsmeow qrchan.go).
const (
	FirstCode = 60 * time.Second
	NextCode  = 20 * time.Second
)
