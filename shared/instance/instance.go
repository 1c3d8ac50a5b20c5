// Package instance is the record of a WhatsApp instance: who it belongs to,
// where it stands, what it shows while it is linked, and how its owner has set
// it. Repository keeps it on the table.
package instance

import (
	"time"

	"roost/shared/fault"
	"roost/shared/tenant"
)

// ID names an instance for ever, also after its name was given to another: a
// UUID.
type ID string

// Instance is one WhatsApp connection of a tenant.
type Instance struct {
	ID     ID
	Tenant tenant.ID
	Name   string // chosen by the user, unique within the tenant
	Label  string // what its maker calls it, not unique, "" for nothing
	Param  string // opaque, given back in callbacks and reads, "" for nothing

	State  State
	Reason Reason // why it stands there, empty when there is nothing to say
	Ready  bool   // logged in, and ready to send

	Number  string // digits the user gave for the pairing code, "" for none
	JID     string // own phone number JID with device, "" until linked
	LID     string // own LID with device
	Profile Profile

	TokenHash   []byte // SHA-256 of the token, to find and check it
	SealedToken []byte // the token, for answers that show it
	Limit       Limit
	Settings    Settings
	Proxy       Proxy
	Client      string // the dialect it was made in: "evolution", "aspx", "guid"

	Host     string // the session host that owns the connection, "" for none
	Epoch    int64  // rises each time a host takes it
	Wanted   bool   // should be connected, or is Doubtful: a host that starts takes it
	Releases bool   // given up when idle for long, as guid clients expect; others stay linked for ever

	// AnswerAt is when WhatsApp has last given a sign of life. While it goes on
	// doing so this is written every few minutes only.
	AnswerAt  time.Time
	IdleSince time.Time // the last sign of life of an idle instance, zero for others
	LinkedAt  time.Time
	ClosedAt  time.Time
	CreatedAt time.Time
	UpdatedAt time.Time

	// SentBytes and ReceivedBytes are what has gone to WhatsApp and come from there,
	// files included. They are written with the record: minutes may be missing.
	SentBytes     int64
	ReceivedBytes int64

	Revision int64 // of the record, for conditional writes
}

// Profile is what WhatsApp shows of the account.
type Profile struct {
	PushName   string
	PictureURL string
}

// Reason says why an instance is in its state.
type Reason struct {
	Code     string    // machine code, one of the constants below
	Sentence string    // for a person
	Action   string    // what the user can do, "" for nothing
	Until    time.Time // when it ends by itself, zero for unknown
	Status   int       // WhatsApp's own number for it (401, 403, ...), 0 for none
}

// Reason codes. Append-only: programs read them.
const (
	ReasonPairingTimeout = "pairing_timeout"   // nobody scanned or typed the code in time
	ReasonUnreachable    = "unreachable"       // WhatsApp could not be reached
	ReasonReplaced       = "replaced"          // another connection uses the same keys
	ReasonLoggedOut      = "logged_out"        // the phone has unlinked this instance
	ReasonUserLogout     = "user_logout"       // the API has
	ReasonBanned         = "banned"            // temporary ban
	ReasonAccountLocked  = "account_locked"    // WhatsApp has locked the account (403)
	ReasonOutdated       = "outdated"          // WhatsApp demands a newer client
	ReasonRefused        = "refused"           // another connect failure
	ReasonDisconnected   = "disconnected"      // the user has closed it
	ReasonHostLost       = "host_lost"         // its host died
	ReasonHandedOver     = "handed_over"       // its host has given it to another
	ReasonPairingFailed  = "pairing_failed"    // the phone or WhatsApp refused to link
	ReasonStorage        = "storage"           // Roost could not store what it had to
	ReasonPasskey        = "passkey_required"  // linking waits for a passkey
	ReasonSilent         = "silent"            // WhatsApp has not answered for three heartbeats
	ReasonReleased       = "released"          // idle for long
	ReasonProxyDown      = "proxy_unreachable" // the instance's proxy cannot be reached, or does not reach WhatsApp
	ReasonProxyRefused   = "proxy_refused"     // it does not take the credentials
	ReasonClock          = "clock_off"         // the host's clock is off, and no pairing would succeed
	ReasonMaxIdle        = "max_idle"          // the tenant has more idle instances than it may, and this was the oldest
)

// Settings are how the owner wants the instance to behave.
type Settings struct {
	RejectCall      bool   `json:"rejectCall"`
	MsgCall         string `json:"msgCall"` // text sent to a rejected caller
	GroupsIgnore    bool   `json:"groupsIgnore"`
	AlwaysOnline    bool   `json:"alwaysOnline"`
	ReadMessages    bool   `json:"readMessages"`
	ReadStatus      bool   `json:"readStatus"`
	SyncFullHistory bool   `json:"syncFullHistory"`
	WavoipToken     string `json:"wavoipToken"`

	// QRTimeout bounds a pairing, in seconds. 0 means 160, which is how long
	// WhatsApp's own codes last.
	QRTimeout int `json:"qrTimeout,omitempty"`

	// StoreMedia keeps the files of messages in the bucket: of the kinds in
	// MediaTypes (message.Media.Kind), all when there are none, and of at most
	// MediaMaxBytes, 0 for what the host takes.
	StoreMedia    bool     `json:"storeMedia,omitempty"`
	MediaTypes    []string `json:"mediaTypes,omitempty"`
	MediaMaxBytes int64    `json:"mediaMaxBytes,omitempty"`

	// UserAgent is the browser that a pairing names: Chrome, Firefox, Edge,
	// Opera or Safari. "" is Chrome.
	UserAgent string `json:"userAgent,omitempty"`
}

// Offer is what an instance shows while it is linked. It lives beside the
// record and ends with the pairing.
type Offer struct {
	Instance ID
	QR       string    // text of the current QR code, "" before the first
	QRCount  int       // how many codes were shown in this pairing
	QRAt     time.Time // when it was first shown
	QRUntil  time.Time

	Code      string // pairing code XXXX-XXXX, "" when none was asked for
	CodeFor   string // the number it is for, digits
	CodeAt    time.Time
	CodeUntil time.Time
	CodeError string     // why there is none: a sentence
	CodeFault fault.Kind // of CodeError, "" for unknown

	Passkey *Passkey // set when WhatsApp asks for one

	Until time.Time // when the pairing ends
}

// Passkey is the WebAuthn step of a pairing.
type Passkey struct {
	Request []byte // JSON of PublicKeyCredentialRequestOptions
	Code    string // to compare with the phone, "" until WhatsApp has accepted the answer
	Skip    bool   // the comparison may be skipped
}
