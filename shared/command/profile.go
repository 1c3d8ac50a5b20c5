package command

import "time"

// PersonArgs name a person or a group.
type PersonArgs struct {
	JID string `json:"jid"`
}

// Picture is a profile picture. The zero value is none, or one that is hidden.
type Picture struct {
	ID  string `json:"id,omitempty"`
	URL string `json:"url,omitempty"` // at WhatsApp; good for some days
}

// PictureFile is a profile picture itself, none when there is none or it is
// hidden.
type PictureFile struct {
	Bytes []byte `json:"bytes,omitempty"`
}

// SetPictureArgs set the account's own picture or that of a group.
type SetPictureArgs struct {
	Group string `json:"group,omitempty"` // JID, "" for the account itself
	JPEG  []byte `json:"jpeg,omitempty"`  // none removes the picture
}

// Profile is what WhatsApp tells of a person.
type Profile struct {
	Name     string    `json:"name,omitempty"` // as they call themself, as far as the account knows
	About    string    `json:"about,omitempty"`
	Picture  Picture   `json:"picture"`
	Business *Business `json:"business,omitempty"` // nil for a private person
}

// Business is what a business tells of itself.
type Business struct {
	Name        string          `json:"name,omitempty"` // the verified one
	Description string          `json:"description,omitempty"`
	Address     string          `json:"address,omitempty"`
	Email       string          `json:"email,omitempty"`
	Websites    []string        `json:"websites,omitempty"`
	Category    string          `json:"category,omitempty"`
	TimeZone    string          `json:"timeZone,omitempty"`
	Hours       []BusinessHours `json:"hours,omitempty"`
}

// BusinessHours is when a business is open on a day of the week.
type BusinessHours struct {
	Day   string `json:"day"`             // mon, tue, ...
	Mode  string `json:"mode"`            // specific_hours, open_24h, appointment_only
	Open  string `json:"open,omitempty"`  // minutes after midnight
	Close string `json:"close,omitempty"` // minutes after midnight
}

// SetProfileArgs change what the account says of itself. Nil stays.
type SetProfileArgs struct {
	Name  *string `json:"name,omitempty"`
	About *string `json:"about,omitempty"`
}

// Privacy are the privacy settings of the account by WhatsApp's names:
// readreceipts, profile, status, online, last, groupadd.
type Privacy struct {
	Settings map[string]string `json:"settings"`
}

// BlockArgs block a person, or end that.
type BlockArgs struct {
	Person string `json:"person"` // JID
	Block  bool   `json:"block"`
}

// MarkChatArgs set the flags of a chat on all devices of the account. Nil stays.
type MarkChatArgs struct {
	Chat     string `json:"chat"` // JID
	Archived *bool  `json:"archived,omitempty"`
	Unread   *bool  `json:"unread,omitempty"`
	// Last is the chat's last message, as far as it is known.
	Last LastMessage `json:"last"`
}

// LastMessage is where a chat has got to. An empty ID is unknown.
type LastMessage struct {
	ID     string    `json:"id,omitempty"`
	FromMe bool      `json:"fromMe,omitempty"`
	Sender string    `json:"sender,omitempty"` // JID, in groups
	At     time.Time `json:"at,omitzero"`
}

// LabelChatArgs put a label on a chat or take it off.
type LabelChatArgs struct {
	Chat  string `json:"chat"` // JID
	Label string `json:"label"`
	On    bool   `json:"on"`
}
