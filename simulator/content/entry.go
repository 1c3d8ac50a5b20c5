package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/simulator/media"
)

// Kind says what an Entry is about.
type Kind string

// The kinds of entries. KindTimer is a change of the chat's disappearing
// timer; KindUnknown is everything that people see but Describe cannot tell.
const (
	KindText     Kind = "text"
	KindImage    Kind = "image"
	KindVideo    Kind = "video"
	KindAudio    Kind = "audio"
	KindVoice    Kind = "voice"
	KindDocument Kind = "document"
	KindSticker  Kind = "sticker"
	KindLocation Kind = "location"
	KindContact  Kind = "contact"
	KindReaction Kind = "reaction"
	KindPoll     Kind = "poll"
	KindVote     Kind = "vote"
	KindEdit     Kind = "edit"
	KindRevoke   Kind = "revoke"
	KindTimer    Kind = "timer"
	KindUnknown  Kind = "unknown"
)

// Entry is one message in the inbox of a simulated person.
type Entry struct {
	// ID, From, Chat and T (Unix seconds) come with the message, not in it:
	// whoever calls Describe sets them. Describe fills Chat only for messages
	// that the account's other devices have sent.
	ID   string `json:"id"`
	From string `json:"from"`
	Chat string `json:"chat"`
	T    int64  `json:"t"`

	Kind Kind `json:"kind"`
	// Text is what was said, the question of a poll, or after an edit the new
	// text.
	Text    string `json:"text,omitempty"`
	Caption string `json:"caption,omitempty"`
	Link    *Link  `json:"link,omitempty"`

	// Mimetype, FileName, Seconds and Size (bytes of the plain file) repeat
	// what Media says.
	Mimetype string `json:"mimetype,omitempty"`
	FileName string `json:"fileName,omitempty"`
	Seconds  uint32 `json:"seconds,omitempty"`
	Size     uint64 `json:"size,omitempty"`
	Media    *Media `json:"media,omitempty"`

	// Place has the fields latitude, longitude, name, address and live in the
	// same JSON object.
	*Place

	// VCard is the first of Contacts.
	VCard    string `json:"vcard,omitempty"`
	Contacts []Card `json:"contacts,omitempty"`

	// Target is the id of the message reacted to, voted on, edited or revoked.
	Target string `json:"target,omitempty"`
	// TargetSender is the sender of Target as the key names them, only in
	// groups and if it is not the sender of this message.
	TargetSender string `json:"targetSender,omitempty"`
	// TargetFromMe says that From has sent Target too.
	TargetFromMe bool `json:"targetFromMe,omitempty"`
	// Emoji of a reaction; none takes it back.
	Emoji string `json:"emoji,omitempty"`

	// Options and Selectable (0 for any number) are those of a poll.
	Options    []string `json:"options,omitempty"`
	Selectable uint32   `json:"selectable,omitempty"`
	// Selected are the options a vote is for. Describe cannot know them:
	// OpenVote does.
	Selected []string `json:"selected,omitempty"`

	Quoted    *Quoted  `json:"quoted,omitempty"`
	Mentions  []string `json:"mentions,omitempty"`
	Forwarded bool     `json:"forwarded,omitempty"`
	ViewOnce  bool     `json:"viewOnce,omitempty"`
	// EphemeralSeconds is when the message disappears, or for KindTimer what
	// was set. 0 or left out means never.
	EphemeralSeconds uint32 `json:"ephemeralSeconds,omitempty"`

	// Secret is the message secret, which votes on a poll are encrypted with.
	Secret []byte `json:"-"`
	// Raw is the message as it came.
	Raw *waE2E.Message `json:"-"`
}

// Quoted is the message that an Entry answers.
type Quoted struct {
	ID     string `json:"id"`
	Sender string `json:"sender"`
	Kind   Kind   `json:"kind,omitempty"`
	// Text is the text or the caption.
	Text string `json:"text,omitempty"`
}

// Media is the file of an Entry. Its JSON has no key.
type Media struct {
	Kind     media.Kind `json:"kind"`
	Mimetype string     `json:"mimetype,omitempty"`
	// SHA256 and EncSHA256 are the hashes of the plain and of the stored file,
	// in hex.
	SHA256     string `json:"sha256,omitempty"`
	EncSHA256  string `json:"encSha256,omitempty"`
	Size       uint64 `json:"size"`
	DirectPath string `json:"directPath,omitempty"`
	URL        string `json:"url,omitempty"`
	FileName   string `json:"fileName,omitempty"`
	Seconds    uint32 `json:"seconds,omitempty"`
	Width      uint32 `json:"width,omitempty"`
	Height     uint32 `json:"height,omitempty"`
	Animated   bool   `json:"animated,omitempty"`
	// Key is nil for files that are not encrypted.
	Key []byte `json:"-"`
}

// ErrMedia means that a file is missing or not what its message says.
var ErrMedia = errors.New("media does not fit its message")

// Open fetches and decrypts the file as the receiving phone does, and checks
// both hashes and the size that the sender has claimed. Errors are ErrMedia
// and media.ErrForged.
func (m *Media) Open(store *media.Store) ([]byte, error) {
	body, ok := store.Get(m.DirectPath)
	if !ok {
		return nil, fmt.Errorf("%w: nothing at %q", ErrMedia, m.DirectPath)
	}
	plain := bytes.Clone(body)
	if len(m.Key) > 0 {
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != m.EncSHA256 {
			return nil, fmt.Errorf("%w: wrong hash of the encrypted file", ErrMedia)
		}
		var err error
		if plain, err = media.Decrypt(m.Kind, m.Key, body); err != nil {
			return nil, fmt.Errorf("decrypt %s: %w", m.DirectPath, err)
		}
	}
	if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != m.SHA256 {
		return nil, fmt.Errorf("%w: wrong hash of the file", ErrMedia)
	}
	if uint64(len(plain)) != m.Size {
		return nil, fmt.Errorf("%w: %d bytes, announced as %d", ErrMedia, len(plain), m.Size)
	}
	return plain, nil
}
