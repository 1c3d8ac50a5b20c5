package simulator

import (
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"
)

var (
	// ErrSaying means that a Saying contradicts itself or lacks something.
	ErrSaying = errors.New("invalid message")
	// ErrNoMessage means that the person does not know the message that is
	// referred to.
	ErrNoMessage = errors.New("no such message")
)

// Saying is what a person writes, in plain values: [User.Say] takes it, and
// over HTTP it is the body of POST /simulator/contacts/{number}/send. Exactly
// one of Text, Media, Location, Contact, Poll, Vote, Reaction, Edit and Revoke
// says what kind of message it is; the fields below them go with it.
type Saying struct {
	// To is a phone number, a LID or phone number JID, a group's JID or
	// status@broadcast. Empty means the chat of the message that Reply, Vote,
	// Reaction, Edit or Revoke names.
	To string `json:"to,omitempty"`
	// ID is the message id. Empty means a fresh one, as phones make them.
	ID string `json:"id,omitempty"`

	// Text is a plain text.
	Text string `json:"text,omitempty"`
	// Media is a file. It is encrypted and put on the media servers.
	Media *File `json:"media,omitempty"`
	// Location is a place on the map.
	Location *Spot `json:"location,omitempty"`
	// Contact is a contact card.
	Contact *Card `json:"contact,omitempty"`
	// Poll asks a question.
	Poll *Poll `json:"poll,omitempty"`
	// Vote answers a poll and replaces an earlier vote.
	Vote *Vote `json:"vote,omitempty"`
	// Reaction puts an emoji under a message.
	Reaction *Reaction `json:"reaction,omitempty"`
	// Edit replaces the text of an own message.
	Edit *Edit `json:"edit,omitempty"`
	// Revoke deletes a message for everybody: an own one, or in a group as its
	// admin that of somebody else.
	Revoke *Reference `json:"revoke,omitempty"`

	// Reply is the message that this one answers.
	Reply *Reference `json:"reply,omitempty"`
	// Mentions are people by number or JID. A number is mentioned by its LID, a
	// JID as it stands. Phones write "@" and the user part of the JID into the
	// text; the text is left as it is here.
	Mentions []string `json:"mentions,omitempty"`
	// Link is the preview of a link in Text.
	Link *Preview `json:"link,omitempty"`
	// Forwarded marks the message as forwarded once.
	Forwarded bool `json:"forwarded,omitempty"`
	// ViewOnce lets the receiver open a picture, video, audio or voice message
	// once.
	ViewOnce bool `json:"viewOnce,omitempty"`
	// Expiration is after how many seconds the message disappears. 0 means
	// never.
	Expiration uint32 `json:"expiration,omitempty"`
}

// File is a file to send.
type File struct {
	// Kind is image, video, audio, voice, document or sticker.
	Kind string `json:"kind"`
	// Data is the plain file, in JSON as standard base64.
	Data []byte `json:"base64"`
	// Mimetype is that of the plain file. Empty means what phones use for the
	// kind.
	Mimetype string `json:"mimetype,omitempty"`
	// Caption is for pictures, videos and documents.
	Caption string `json:"caption,omitempty"`
	// FileName is for documents.
	FileName string `json:"fileName,omitempty"`
	// Seconds is how long audio, voice and video take.
	Seconds uint32 `json:"seconds,omitempty"`
	// Width and Height are in pixels: pictures, videos, stickers.
	Width  uint32 `json:"width,omitempty"`
	Height uint32 `json:"height,omitempty"`
	// Thumbnail is a small JPEG picture, a PNG one for stickers; base64 in JSON.
	Thumbnail []byte `json:"thumbnail,omitempty"`
	// Animated is for stickers, and makes a video play in a loop like a GIF.
	Animated bool `json:"animated,omitempty"`
}

// Spot is a place to send.
type Spot struct {
	// Latitude (-90 to 90) and Longitude (-180 to 180) are in degrees.
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// Card is a contact card to send.
type Card struct {
	Name string `json:"name"`
	// Number is an international phone number.
	Number string `json:"number,omitempty"`
	// VCard is the whole card. Empty means one made of Name and Number.
	VCard string `json:"vcard,omitempty"`
}

// Poll is a question with 2 to 12 different options.
type Poll struct {
	Question string   `json:"question"`
	Options  []string `json:"options"`
	// Selectable is how many options one may choose. 0 means any number.
	Selectable int `json:"selectable,omitempty"`
}

// Vote chooses options of a poll by their names; none takes the vote back.
type Vote struct {
	Reference

	Options []string `json:"options"`
}

// Reaction is an emoji under a message; none takes it back.
type Reaction struct {
	Reference

	Emoji string `json:"emoji"`
}

// Edit is a new text for an own message.
type Edit struct {
	Reference

	Text string `json:"text"`
}

// Preview shows what is behind a link.
type Preview struct {
	// URL is the link as it stands in the text.
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Thumbnail is a small JPEG picture; base64 in JSON.
	Thumbnail []byte `json:"thumbnail,omitempty"`
}

// Reference names an earlier message of any chat of the person. With the ID
// alone the rest is what the person remembers of it. With Chat nothing has to
// be remembered, but a poll to vote on always has.
type Reference struct {
	ID string `json:"id"`
	// Chat is written like Saying.To.
	Chat string `json:"chat,omitempty"`
	// Sender is who sent it, in groups and the status: a number or JID.
	Sender string `json:"sender,omitempty"`
	// FromMe says that the person has sent it.
	FromMe bool `json:"fromMe,omitempty"`
}

// Say makes the person write a message and returns its id. Beyond what
// [User.Send] returns, ErrSaying says that the message makes no sense and
// ErrNoMessage that it refers to one the person does not know.
func (u *User) Say(s Saying) (types.MessageID, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	target, err := u.target(s)
	if err != nil {
		return "", err
	}
	to := target.Chat
	if s.To != "" {
		if to, err = u.sim.chat(s.To); err != nil {
			return "", err
		}
	}
	if to.IsEmpty() {
		return "", fmt.Errorf("%w: to is missing", ErrSaying)
	}
	m, err := u.compose(s, to, target)
	if err != nil {
		return "", err
	}
	id := s.ID
	if id == "" {
		id = u.sim.messageID()
	}
	p, err := u.prepare(to, m, id)
	if err != nil {
		return "", err
	}
	return p.Deliver(), nil
}

// chat is where a message to the named person, group or status goes.
func (s *Simulator) chat(name string) (types.JID, error) {
	if name == types.StatusBroadcastJID.String() {
		return types.StatusBroadcastJID, nil
	}
	if g := s.groupNamed(name); g != nil {
		return g.jid, nil
	}
	u, err := s.person(name)
	if err != nil {
		return types.EmptyJID, err
	}
	return u.lid, nil
}
