package event

import (
	"time"

	"roost/shared/message"
)

// Presence is the body of PresenceChanged: what somebody does in a chat, or
// whether they are there.
type Presence struct {
	Chat     message.Address `json:"chat"`
	Person   message.Address `json:"person"`
	State    string          `json:"state"`             // as in package command
	LastSeen time.Time       `json:"lastSeen,omitzero"` // for unavailable, where it is told
}

// Chat is the body of ChatChanged: what has been done with a chat on some device
// of the account. Nil is unchanged.
type Chat struct {
	Chat     message.Address `json:"chat"`
	Archived *bool           `json:"archived,omitempty"`
	Pinned   *bool           `json:"pinned,omitempty"`
	Muted    *bool           `json:"muted,omitempty"`
	Unread   *bool           `json:"unread,omitempty"`
	Deleted  bool            `json:"deleted,omitempty"`
}

// Label is the body of LabelChanged.
type Label struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Color      int    `json:"color"`                // index into WhatsApp's palette
	Predefined string `json:"predefined,omitempty"` // which of WhatsApp's own it is
	Deleted    bool   `json:"deleted,omitempty"`
}

// Labelled is the body of ChatLabelled.
type Labelled struct {
	Chat  message.Address `json:"chat"`
	Label string          `json:"label"` // its id
	On    bool            `json:"on"`
}

// What happens to a call.
const (
	CallOffered    = "offer"
	CallAccepted   = "accept"
	CallRejected   = "reject"
	CallTimedOut   = "timeout"
	CallTerminated = "terminate"
)

// Call is the body of CallChanged.
type Call struct {
	ID      string          `json:"id"`
	From    message.Address `json:"from"`
	At      time.Time       `json:"at"`
	Status  string          `json:"status"`
	Video   bool            `json:"video,omitempty"`
	IsGroup bool            `json:"isGroup,omitempty"`
	Group   string          `json:"group,omitempty"`   // JID, where it is told
	Offline bool            `json:"offline,omitempty"` // it was over when the account heard of it
}
