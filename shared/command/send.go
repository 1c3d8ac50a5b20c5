package command

import (
	"encoding/json"
	"time"
)

// SendArgs describe a message to send. Exactly one of Text, Media, Location,
// Contacts, Poll, List, Buttons, Reaction, Edit and Revoke says what it is, but
// that Buttons may have Media as the picture above them.
type SendArgs struct {
	// MessageID is fixed by the API before the first try, so that a retry
	// after a crash sends nothing twice.
	MessageID string `json:"messageId"`
	// Once makes the host remember that the message was sent, for callers that
	// ask again (package's Once).
	Once bool `json:"once,omitempty"`
	// To is a JID: person (by phone number or LID), group or status@broadcast.
	To string `json:"to"`

	Text     *TextArgs     `json:"text,omitempty"`
	Media    *MediaArgs    `json:"media,omitempty"`
	Location *LocationArgs `json:"location,omitempty"`
	Contacts []ContactCard `json:"contacts,omitempty"`
	Poll     *PollArgs     `json:"poll,omitempty"`
	List     *ListArgs     `json:"list,omitempty"`
	Buttons  *ButtonsArgs  `json:"buttons,omitempty"`
	Reaction *ReactionArgs `json:"reaction,omitempty"`
	Edit     *EditArgs     `json:"edit,omitempty"`
	Revoke   *Reference    `json:"revoke,omitempty"`

	Quoted     *Quoted  `json:"quoted,omitempty"`
	Mentions   []string `json:"mentions,omitempty"`   // JIDs
	MentionAll bool     `json:"mentionAll,omitempty"` // of the group that it goes to
	// Delay is how long the account is seen typing, or recording, before the
	// message goes out.
	Delay time.Duration `json:"delay,omitempty"`
	// Audience are the JIDs of those who see a status. None means everybody
	// whom the account's privacy admits.
	Audience []string `json:"audience,omitempty"`
}

// TextArgs are a text message.
type TextArgs struct {
	Text    string   `json:"text"`
	Preview *Preview `json:"preview,omitempty"`
	// Background (0xAARRGGBB) and Font (0 to 5) are those of a status.
	Background uint32 `json:"background,omitempty"`
	Font       int    `json:"font,omitempty"`
}

// Preview is what is behind a link in a text.
type Preview struct {
	URL         string `json:"url"` // as it stands in the text
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Thumbnail   []byte `json:"thumbnail,omitempty"` // a small JPEG picture
}

// MediaArgs are a message with a file. The bytes are in the blob store or, when
// they are small, here.
type MediaArgs struct {
	Kind     string `json:"kind"` // image, video, ptv (a round video note), audio, voice, document, sticker
	Blob     string `json:"blob,omitempty"`
	Bytes    []byte `json:"bytes,omitempty"`
	Mimetype string `json:"mimetype"`
	FileName string `json:"fileName,omitempty"`
	Caption  string `json:"caption,omitempty"`
	// Verbatim sends the file as it is, though phones may not show it: without
	// it a host makes Ogg of a voice note, WebP of a sticker, JPEG of a picture.
	Verbatim bool `json:"verbatim,omitempty"`
	Loop     bool `json:"loop,omitempty"` // a video that plays like a GIF
	// LoopFrom is who made it, which phones show beside it: giphy, tenor or nobody.
	LoopFrom string `json:"loopFrom,omitempty"`
}

// LocationArgs are a place on the map, in degrees.
type LocationArgs struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// ContactCard is a person whom the receiver can add to their contacts.
type ContactCard struct {
	Name         string `json:"name"`
	Phone        string `json:"phone"`             // as people write it
	Account      string `json:"account,omitempty"` // digits of the number on WhatsApp
	Organization string `json:"organization,omitempty"`
	Email        string `json:"email,omitempty"`
	URL          string `json:"url,omitempty"`
	VCard        string `json:"vcard,omitempty"` // the card as it is sent, instead of what the others say but for Name
}

// PollArgs are a question. Selectable is how many options one may choose, 0 for
// any number.
type PollArgs struct {
	Question   string   `json:"question"`
	Options    []string `json:"options"`
	Selectable int      `json:"selectable"`
}

// ListArgs are a list to choose a row from.
type ListArgs struct {
	Title       string        `json:"title"`
	Description string        `json:"description,omitempty"`
	Footer      string        `json:"footer,omitempty"`
	Button      string        `json:"button"` // what opens the list
	Sections    []ListSection `json:"sections"`
}

// ListSection is a part of a list.
type ListSection struct {
	Title string    `json:"title"`
	Rows  []ListRow `json:"rows"`
}

// ListRow is what can be chosen; ID comes back with the answer.
type ListRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// ButtonsArgs are a text with buttons.
type ButtonsArgs struct {
	Text    string   `json:"text,omitempty"`
	Footer  string   `json:"footer,omitempty"`
	Buttons []Button `json:"buttons"`
}

// Button is one of WhatsApp's buttons: its name there, and its parameters as
// that wants them.
type Button struct {
	Name   string          `json:"name"` // quick_reply, cta_url, cta_copy, cta_call, payment_info
	Params json.RawMessage `json:"params"`
}

// Reference names a message of the chat that a send goes to.
type Reference struct {
	ID     string `json:"id"`
	FromMe bool   `json:"fromMe,omitempty"`
	Sender string `json:"sender,omitempty"` // JID of its writer, for groups
}

// ReactionArgs put an emoji under a message; "" takes it back.
type ReactionArgs struct {
	Reference

	Emoji string `json:"emoji"`
}

// EditArgs give an own message another text. Content is what it was, as in
// message.Message: a caption is changed where it stands. None is a text.
type EditArgs struct {
	Reference

	Text    string          `json:"text"`
	Content json.RawMessage `json:"content,omitempty"`
}

// Quoted is the message that is answered.
type Quoted struct {
	ID      string          `json:"id"`
	Chat    string          `json:"chat,omitempty"`
	Sender  string          `json:"sender,omitempty"`
	FromMe  bool            `json:"fromMe,omitempty"`
	Content json.RawMessage `json:"content,omitempty"` // as in message.Message
}
