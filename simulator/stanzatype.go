package simulator

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// inside returns the message that wrappers carry.
func inside(m *waE2E.Message) *waE2E.Message {
	for {
		var inner *waE2E.Message
		switch {
		case m.GetDeviceSentMessage().GetMessage() != nil:
			inner = m.GetDeviceSentMessage().GetMessage()
		case m.GetEphemeralMessage().GetMessage() != nil:
			inner = m.GetEphemeralMessage().GetMessage()
		case m.GetViewOnceMessage().GetMessage() != nil:
			inner = m.GetViewOnceMessage().GetMessage()
		case m.GetViewOnceMessageV2().GetMessage() != nil:
			inner = m.GetViewOnceMessageV2().GetMessage()
		case m.GetDocumentWithCaptionMessage().GetMessage() != nil:
			inner = m.GetDocumentWithCaptionMessage().GetMessage()
		default:
			return m
		}
		m = inner
	}
}

// stanzaType is the type attribute of a message stanza (whatsmeow send.go,
// getTypeFromMessage).
func stanzaType(m *waE2E.Message) string {
	m = inside(m)
	switch {
	case m.ReactionMessage != nil, m.EncReactionMessage != nil:
		return "reaction"
	case m.PollCreationMessage != nil, m.PollCreationMessageV3 != nil, m.PollUpdateMessage != nil:
		return "poll"
	case mediaType(m) != "":
		return "media"
	default:
		return "text"
	}
}

// mediaType is the mediatype attribute of an <enc>, "" for messages without.
func mediaType(m *waE2E.Message) string {
	m = inside(m)
	switch {
	case m.ImageMessage != nil:
		return "image"
	case m.VideoMessage != nil && m.VideoMessage.GetGifPlayback():
		return "gif"
	case m.VideoMessage != nil:
		return "video"
	case m.AudioMessage != nil && m.AudioMessage.GetPTT():
		return "ptt"
	case m.AudioMessage != nil:
		return "audio"
	case m.DocumentMessage != nil:
		return "document"
	case m.StickerMessage != nil:
		return "sticker"
	case m.ContactMessage != nil:
		return "vcard"
	case m.ContactsArrayMessage != nil:
		return "contact_array"
	case m.ExtendedTextMessage != nil && m.ExtendedTextMessage.Title != nil:
		return "url"
	default:
		return ""
	}
}

// editAttr is the edit attribute of a message stanza, "" for ordinary messages.
func editAttr(m *waE2E.Message) string {
	m = inside(m)
	switch p := m.GetProtocolMessage(); {
	case p == nil && m.GetReactionMessage() != nil && m.GetReactionMessage().GetText() == "":
		return string(types.EditAttributeSenderRevoke)
	case p.GetType() == waE2E.ProtocolMessage_REVOKE && p.GetKey().GetFromMe():
		return string(types.EditAttributeSenderRevoke)
	case p.GetType() == waE2E.ProtocolMessage_REVOKE && p.GetKey() != nil:
		return string(types.EditAttributeAdminRevoke)
	case p.GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT, m.GetEditedMessage() != nil:
		return string(types.EditAttributeMessageEdit)
	default:
		return ""
	}
}
