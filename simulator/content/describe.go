package content

import (
	"encoding/hex"
	"math"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"

	"roost/simulator/media"
)

// Describe says what a person sees of msg. It reports false for what nobody
// sees: an empty message, one that only distributes sender keys, and the
// protocol messages between devices such as key shares, history and peer
// requests.
//
// It reads all clients alike: plain text, for one, is a conversation from
// whatsmeow and an extendedTextMessage from Baileys.
func Describe(msg *waE2E.Message) (Entry, bool) {
	inner, wrapping := unwrap(msg)
	if inner == nil {
		return Entry{}, false
	}
	e := Entry{
		Chat:     wrapping.destination,
		ViewOnce: wrapping.viewOnce,
		Secret:   wrapping.info.GetMessageSecret(),
		Raw:      msg,
	}
	if protocol := inner.ProtocolMessage; protocol != nil {
		return e, e.readProtocol(protocol)
	}
	return e, e.read(inner)
}

// readProtocol fills e from what is said about other messages and the chat.
func (e *Entry) readProtocol(protocol *waE2E.ProtocolMessage) bool {
	switch protocol.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		// REVOKE is also what a missing type reads as.
		if protocol.GetKey().GetID() == "" {
			return false
		}
		e.Kind = KindRevoke
		e.readTarget(protocol.GetKey())
		return true
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		if protocol.GetKey().GetID() == "" {
			return false
		}
		// Not Describe: an edit within an edit is none.
		if inner, _ := unwrap(protocol.GetEditedMessage()); inner != nil {
			e.read(inner)
		}
		e.Kind = KindEdit
		e.readTarget(protocol.GetKey())
		return true
	case waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		e.Kind = KindTimer
		e.EphemeralSeconds = protocol.GetEphemeralExpiration()
		return true
	default:
		return false
	}
}

// read fills e from an unwrapped message that is no protocol message.
func (e *Entry) read(msg *waE2E.Message) bool {
	if !e.readBody(msg) {
		return false
	}
	if slot := contextSlot(msg); slot != nil && *slot != nil {
		e.readContext(*slot)
	}
	return true
}

// readBody is read without the context.
func (e *Entry) readBody(msg *waE2E.Message) bool {
	switch {
	case msg.Conversation != nil:
		e.Kind, e.Text = KindText, msg.GetConversation()
	case msg.ExtendedTextMessage != nil:
		e.readText(msg.ExtendedTextMessage)
	case msg.ReactionMessage != nil:
		e.Kind, e.Emoji = KindReaction, msg.ReactionMessage.GetText()
		e.readTarget(msg.ReactionMessage.GetKey())
	case msg.PollUpdateMessage != nil:
		e.Kind = KindVote
		e.readTarget(msg.PollUpdateMessage.GetPollCreationMessageKey())
	case pollOf(msg) != nil:
		e.readPoll(pollOf(msg))
	case msg.LocationMessage != nil:
		l := msg.LocationMessage
		e.Kind = KindLocation
		e.Place = &Place{
			Latitude: finite(l.GetDegreesLatitude()), Longitude: finite(l.GetDegreesLongitude()),
			Name: l.GetName(), Address: l.GetAddress(), Live: l.GetIsLive(),
		}
		e.Caption = l.GetComment()
	case msg.LiveLocationMessage != nil:
		l := msg.LiveLocationMessage
		e.Kind = KindLocation
		e.Place = &Place{Latitude: finite(l.GetDegreesLatitude()), Longitude: finite(l.GetDegreesLongitude()), Live: true}
		e.Caption = l.GetCaption()
	case msg.ContactMessage != nil:
		e.readCards(msg.ContactMessage)
	case msg.ContactsArrayMessage != nil:
		e.readCards(msg.ContactsArrayMessage.GetContacts()...)
	case e.readMedia(msg):
	case isVisible(msg):
		e.Kind = KindUnknown
	default:
		return false
	}
	return true
}

func (e *Entry) readText(text *waE2E.ExtendedTextMessage) {
	e.Kind, e.Text = KindText, text.GetText()
	if text.GetMatchedText() != "" || text.GetTitle() != "" {
		e.Link = &Link{
			URL:         text.GetMatchedText(),
			Title:       text.GetTitle(),
			Description: text.GetDescription(),
			Thumbnail:   text.GetJPEGThumbnail(),
		}
	}
}

func (e *Entry) readPoll(poll *waE2E.PollCreationMessage) {
	e.Kind, e.Text, e.Selectable = KindPoll, poll.GetName(), poll.GetSelectableOptionsCount()
	for _, option := range poll.GetOptions() {
		e.Options = append(e.Options, option.GetOptionName())
	}
}

func (e *Entry) readCards(cards ...*waE2E.ContactMessage) {
	e.Kind = KindContact
	for _, card := range cards {
		e.Contacts = append(e.Contacts, Card{Name: card.GetDisplayName(), VCard: card.GetVcard()})
	}
	if len(e.Contacts) > 0 {
		e.VCard = e.Contacts[0].VCard
	}
}

// file is what all messages with a file have in common.
type file interface {
	GetURL() string
	GetDirectPath() string
	GetMimetype() string
	GetMediaKey() []byte
	GetFileSHA256() []byte
	GetFileEncSHA256() []byte
	GetFileLength() uint64
}

// readMedia reports whether msg has a file.
func (e *Entry) readMedia(msg *waE2E.Message) bool {
	switch {
	case msg.ImageMessage != nil:
		m := msg.ImageMessage
		e.setMedia(media.Image, m)
		e.Caption, e.ViewOnce = m.GetCaption(), e.ViewOnce || m.GetViewOnce()
		e.Media.Width, e.Media.Height = m.GetWidth(), m.GetHeight()
	case msg.VideoMessage != nil:
		e.readVideo(msg.VideoMessage)
	case msg.PtvMessage != nil:
		e.readVideo(msg.PtvMessage)
	case msg.AudioMessage != nil:
		m := msg.AudioMessage
		kind := media.Audio
		if m.GetPTT() {
			kind = media.Voice
		}
		e.setMedia(kind, m)
		e.ViewOnce = e.ViewOnce || m.GetViewOnce()
		e.Media.Seconds = m.GetSeconds()
	case msg.DocumentMessage != nil:
		m := msg.DocumentMessage
		e.setMedia(media.Document, m)
		e.Caption = m.GetCaption()
		e.Media.FileName = m.GetFileName()
		if e.Media.FileName == "" {
			e.Media.FileName = m.GetTitle()
		}
	case msg.StickerMessage != nil:
		m := msg.StickerMessage
		e.setMedia(media.Sticker, m)
		e.Media.Width, e.Media.Height, e.Media.Animated = m.GetWidth(), m.GetHeight(), m.GetIsAnimated()
	default:
		return false
	}
	e.Mimetype, e.FileName, e.Seconds, e.Size = e.Media.Mimetype, e.Media.FileName, e.Media.Seconds, e.Media.Size
	return true
}

func (e *Entry) readVideo(m *waE2E.VideoMessage) {
	e.setMedia(media.Video, m)
	e.Caption, e.ViewOnce = m.GetCaption(), e.ViewOnce || m.GetViewOnce()
	e.Media.Width, e.Media.Height, e.Media.Seconds = m.GetWidth(), m.GetHeight(), m.GetSeconds()
	e.Media.Animated = m.GetGifPlayback()
}

// setMedia relies on the two sets of kinds having the same names.
func (e *Entry) setMedia(kind media.Kind, m file) {
	e.Kind = Kind(kind)
	e.Media = &Media{
		Kind:       kind,
		Mimetype:   m.GetMimetype(),
		SHA256:     hex.EncodeToString(m.GetFileSHA256()),
		EncSHA256:  hex.EncodeToString(m.GetFileEncSHA256()),
		Size:       m.GetFileLength(),
		DirectPath: m.GetDirectPath(),
		URL:        m.GetURL(),
		Key:        m.GetMediaKey(),
	}
}

func (e *Entry) readTarget(key *waCommon.MessageKey) {
	e.Target = key.GetID()
	e.TargetSender = key.GetParticipant()
	e.TargetFromMe = key.GetFromMe()
}

func (e *Entry) readContext(context *waE2E.ContextInfo) {
	e.Mentions = context.GetMentionedJID()
	e.Forwarded = context.GetIsForwarded()
	e.EphemeralSeconds = context.GetExpiration()
	if context.GetStanzaID() == "" {
		return
	}
	e.Quoted = &Quoted{ID: context.GetStanzaID(), Sender: context.GetParticipant()}
	// Only the body: a hostile sender nests quotes as deep as they like.
	var quoted Entry
	if inner, _ := unwrap(context.GetQuotedMessage()); inner != nil && quoted.readBody(inner) {
		e.Quoted.Kind, e.Quoted.Text = quoted.Kind, quoted.Text
		if quoted.Text == "" {
			e.Quoted.Text = quoted.Caption
		}
	}
}

// invisible are the fields of waE2E.Message that carry nothing for people.
var invisible = map[protoreflect.Name]bool{
	"senderKeyDistributionMessage":               true,
	"fastRatchetKeySenderKeyDistributionMessage": true,
	"messageContextInfo":                         true,
	"call":                                       true,
	"stickerSyncRmrMessage":                      true,
	"groupRootKeyShare":                          true,
	"rootSecretDistributeMessage":                true,
}

// isVisible reports whether msg says anything at all, be it in fields that
// are newer than this program.
func isVisible(msg *waE2E.Message) bool {
	reflection := msg.ProtoReflect()
	visible := len(reflection.GetUnknown()) > 0
	reflection.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		visible = visible || !invisible[field.Name()]
		return !visible
	})
	return visible
}

// finite keeps what JSON cannot say out of an inbox.
func finite(degrees float64) float64 {
	if math.IsNaN(degrees) || math.IsInf(degrees, 0) {
		return 0
	}
	return degrees
}
