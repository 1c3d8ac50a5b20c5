// Package event is what happens to instances, on its way from the session host
// to webhooks and transcript.
package event

import (
	"encoding/json"
	"time"

	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/tenant"
)

// Kind says what happened and which body comes with it.
type Kind string

// The kinds and their bodies. Append-only.
const (
	QRUpdated         Kind = "qr.updated"         // QR
	ConnectionUpdated Kind = "connection.updated" // Connection
	MessageReceived   Kind = "message.received"   // message.Message; also what the phone sent (FromMe)
	MessageSent       Kind = "message.sent"       // message.Message, sent through the API
	MessageUpdated    Kind = "message.updated"    // Update
	ContactsUpdated   Kind = "contacts.updated"   // Contacts
	HistorySynced     Kind = "history.synced"     // History
	InstanceCreated   Kind = "instance.created"   // Lifecycle
	InstanceDeleted   Kind = "instance.deleted"   // Lifecycle
	InstanceLoggedOut Kind = "instance.loggedOut" // Lifecycle
	AccountLimited    Kind = "account.limited"    // Limited
	InstanceRemoved   Kind = "instance.removed"   // Lifecycle, the last word about an instance
	WebhookDisabled   Kind = "webhook.disabled"   // Disabled
	GroupJoined       Kind = "group.joined"       // group.Group; also one that the account has made
	GroupChanged      Kind = "group.changed"      // group.Change
	MembersMoved      Kind = "group.membersMoved" // group.Movement
	PresenceChanged   Kind = "presence.changed"   // Presence
	ChatChanged       Kind = "chat.changed"       // Chat
	LabelChanged      Kind = "label.changed"      // Label
	ChatLabelled      Kind = "chat.labelled"      // Labelled
	CallChanged       Kind = "call.changed"       // Call
	ConfigChanged     Kind = "config.changed"     // Config
	ConnectionHeld    Kind = "connection.held"    // Connection: the one that is there is good, or more is known of whose it is
)

// Event is one thing that happened to an instance.
type Event struct {
	// ID is derived from what happened, so that the same thing told twice, by
	// whichever process, has the same id.
	ID       string          `json:"id"`
	Tenant   tenant.ID       `json:"tenant"`
	Instance instance.ID     `json:"instance"`
	Name     string          `json:"name"`             // of the instance
	Sender   string          `json:"sender,omitempty"` // own JID without device, "" before login
	Kind     Kind            `json:"kind"`
	Chat     string          `json:"chat,omitempty"` // message.Address.Key of the chat it belongs to, "" for none
	At       time.Time       `json:"at"`
	Body     json.RawMessage `json:"body"`

	// File is the key in the bucket of the message's file while webhooks are
	// told of it, where nobody keeps the file: message.Media.Blob is "" then. It
	// is there soon after the event, or not at all.
	File string `json:"file,omitempty"`
}

// Passing is what the keys of such files begin with.
const Passing = "passing/"

// Group is the event's queue group: events of one chat keep their order, and a
// slow chat does not hold the others.
func (e Event) Group() string { return string(e.Instance) + "#" + e.Chat }

// QR is the body of QRUpdated.
type QR struct {
	Code        string `json:"code"`
	PairingCode string `json:"pairingCode,omitempty"` // eight characters without dash
	Count       int    `json:"count"`
}

// Connection is the body of ConnectionUpdated.
type Connection struct {
	State   instance.State   `json:"state"`
	Reason  instance.Reason  `json:"reason"`
	JID     string           `json:"jid,omitempty"`
	Profile instance.Profile `json:"profile"`
	Again   bool             `json:"again,omitempty"` // it stood there already: only the reason is new
}

// Update is the body of MessageUpdated: a message has come further.
type Update struct {
	IDs    []string        `json:"ids"`
	Chat   message.Address `json:"chat"`
	Sender message.Address `json:"sender"` // who wrote the message
	By     message.Address `json:"by"`     // who received or read it
	FromMe bool            `json:"fromMe"`
	Status message.Status  `json:"status"`
}

// Contacts is the body of ContactsUpdated: what the phone's address book says,
// or how people call themselves.
type Contacts struct {
	Contacts []Contact `json:"contacts"`
	New      bool      `json:"new,omitempty"` // nothing was known of them before
}

// Contact is one person of an address book.
type Contact struct {
	Address  message.Address `json:"address"`
	PushName string          `json:"pushName,omitempty"` // as they call themself
	Saved    string          `json:"saved,omitempty"`    // as the account's owner calls them
	Picture  *string         `json:"picture,omitempty"`  // URL, "" when there is none any more; nil when nothing is said of it
}

// History is the body of HistorySynced: a piece of what was said in one chat
// before the instance was linked, as its phone tells it. Few dozen messages at
// most, in no order that counts.
type History struct {
	Chat     message.Address   `json:"chat"`
	Messages []message.Message `json:"messages,omitempty"`

	// Ends says that this is the last piece of the chat in its part of the
	// history. Only then the three are known.
	Ends   bool      `json:"ends,omitempty"`
	Name   string    `json:"name,omitempty"` // subject of a group, or as the account's owner calls the person
	Unread int64     `json:"unread,omitempty"`
	Last   time.Time `json:"last,omitzero"` // when something was said last

	Latest   bool   `json:"latest,omitempty"`   // of the first part, which is of the newest messages
	Progress uint32 `json:"progress,omitempty"` // of the phone's telling, in percent
}

// Limited is the body of AccountLimited: what WhatsApp keeps the account from,
// or no longer does.
type Limited struct {
	Code   string    `json:"code"` // instance.LimitReachOut
	Active bool      `json:"active"`
	Until  time.Time `json:"until"`
}

// Lifecycle is the body of the instance kinds.
type Lifecycle struct {
	Reason instance.Reason `json:"reason"`
	Param  string          `json:"param,omitempty"`  // the instance's, in the last word about it
	Linked bool            `json:"linked,omitempty"` // it was connected when it was deleted, and is logged out now
}

// Config is the body of ConfigChanged: how the .aspx dialect has set an instance.
type Config struct {
	Webhook    string `json:"webhook"`
	UserAgent  string `json:"userAgent"`
	APIVersion string `json:"apiVersion"` // of PostBack
}

// Disabled is the body of WebhookDisabled: Roost has turned a webhook off.
type Disabled struct {
	Webhook string    `json:"webhook"` // its id
	Why     string    `json:"why"`     // webhook.Gone or webhook.Failing
	Since   time.Time `json:"since"`   // of the first failure
}
