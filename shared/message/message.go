// Package message is a WhatsApp message in Roost's own words: what the session
// host learns, the transcript keeps and the dialects translate.
package message

import (
	"encoding/json"
	"time"
)

// Message is one message of a chat, sent or received.
type Message struct {
	ID        string    `json:"id"`               // WhatsApp's message id
	Chat      Address   `json:"chat"`             // person or group
	Sender    Address   `json:"sender"`           // who wrote it; the account itself when FromMe
	FromMe    bool      `json:"fromMe,omitempty"` // written by the account, on whichever device
	ViaAPI    bool      `json:"viaApi,omitempty"` // written through Roost
	PushName  string    `json:"pushName,omitempty"`
	Timestamp time.Time `json:"timestamp"` // WhatsApp's, whole seconds
	Group     bool      `json:"group,omitempty"`

	// Kind is the field of WhatsApp's message that is set, as Baileys and
	// Evolution name it: conversation, imageMessage, reactionMessage, ...
	Kind string `json:"kind"`

	// Text is what a person reads: the text or caption.
	Text string `json:"text,omitempty"`

	// Content is WhatsApp's message in the JSON that Baileys gives it: lower
	// camel case, bytes as base64, 64-bit numbers as strings. Plain text is
	// always {"conversation": "..."}.
	Content json.RawMessage `json:"content"`

	// Context is the contextInfo of the content (quoted message, mentions),
	// lifted out. Nil when there is none.
	Context json.RawMessage `json:"context,omitempty"`

	// Target is the message that an edit, a revoke, a reaction or a vote is
	// about.
	Target *Target `json:"target,omitempty"`

	// Vote is what a vote says, nil for other messages and for a vote that could
	// not be opened. Content has what was chosen too, at
	// pollUpdateMessage.vote.selectedOptions.
	Vote *Vote `json:"vote,omitempty"`

	Media *Media `json:"media,omitempty"`

	Status Status `json:"status,omitempty"`
}

// Address names a person, a group or a broadcast by all that is known: at least
// one of the two is set. JIDs are without device.
type Address struct {
	PN  string `json:"pn,omitempty"`  // 4915...@s.whatsapp.net; groups and broadcasts stand here too
	LID string `json:"lid,omitempty"` // ...@lid
}

// String prefers the phone number.
func (a Address) String() string {
	if a.PN != "" {
		return a.PN
	}
	return a.LID
}

// Key is what orders and stores a chat: the LID when it is known, since phone
// numbers may stay hidden.
func (a Address) Key() string {
	if a.LID != "" {
		return a.LID
	}
	return a.PN
}

// Target points at another message of the same chat.
type Target struct {
	ID     string  `json:"id"`
	FromMe bool    `json:"fromMe,omitempty"`
	Sender Address `json:"sender"`
	Act    string  `json:"act"` // edit, revoke, reaction, vote
	Emoji  string  `json:"emoji,omitempty"`
}

// Vote is what somebody has chosen in a poll, by the names of options. It
// replaces what the same person has chosen before.
type Vote struct {
	Options []string `json:"options"` // all of the poll, in its order
	Chosen  []string `json:"chosen"`  // in the same order; empty when the vote was taken back
}

// Media says what a message carries and where it is.
type Media struct {
	Kind     string `json:"kind"` // image, video, audio, voice, document, sticker
	Mimetype string `json:"mimetype,omitempty"`
	FileName string `json:"fileName,omitempty"`
	Size     int64  `json:"size,omitempty"`   // bytes of the plain file
	SHA256   string `json:"sha256,omitempty"` // of the plain file, lower-case hex, as its sender says
	Blob     string `json:"blob,omitempty"`   // key in the blob store when Roost keeps it
}

// Status is how far a message has come. The order matters: it never goes back.
type Status string

// The statuses, in Evolution's words, from first to last.
const (
	StatusError     Status = "ERROR"
	StatusPending   Status = "PENDING"
	StatusServer    Status = "SERVER_ACK"
	StatusDelivered Status = "DELIVERY_ACK"
	StatusRead      Status = "READ"
	StatusPlayed    Status = "PLAYED"
	StatusDeleted   Status = "DELETED"
)
