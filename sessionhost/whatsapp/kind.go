package whatsapp

import (
	"encoding/hex"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"roost/shared/message"
)

// kindOf names the field that makes a message what it is. It reports false for
// messages that say nothing to a person.
func kindOf(m *waE2E.Message) (string, bool) {
	if p := m.GetProtocolMessage(); p != nil {
		switch p.GetType() { //nolint:exhaustive // the rest is between devices
		case waE2E.ProtocolMessage_REVOKE, waE2E.ProtocolMessage_MESSAGE_EDIT, waE2E.ProtocolMessage_EPHEMERAL_SETTING:
			return "protocolMessage", p.GetKey().GetID() != "" || p.GetType() == waE2E.ProtocolMessage_EPHEMERAL_SETTING
		}
		return "", false
	}
	if m.GetExtendedTextMessage() != nil {
		return "conversation", true
	}
	var kind string
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch name := fieldName(string(f.Name())); name {
		case "messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage":
			return true
		default:
			kind = name
			return false
		}
	})
	return kind, kind != ""
}

// withContext are the kinds of content that can answer and mention.
type withContext interface{ GetContextInfo() *waE2E.ContextInfo }

// contextOf finds the context of whatever a message carries.
func contextOf(m *waE2E.Message) *waE2E.ContextInfo {
	var found *waE2E.ContextInfo
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() != protoreflect.MessageKind || f.IsList() || f.IsMap() {
			return true
		}
		if c, ok := v.Message().Interface().(withContext); ok && c.GetContextInfo() != nil {
			found = c.GetContextInfo()
			return false
		}
		return true
	})
	return found
}

// textOf is what a person reads: text, caption or question.
func textOf(m *waE2E.Message) string {
	switch {
	case m.Conversation != nil:
		return m.GetConversation()
	case m.ExtendedTextMessage != nil:
		return m.ExtendedTextMessage.GetText()
	case m.ImageMessage != nil:
		return m.ImageMessage.GetCaption()
	case m.VideoMessage != nil:
		return m.VideoMessage.GetCaption()
	case m.DocumentMessage != nil:
		return m.DocumentMessage.GetCaption()
	case m.GetProtocolMessage().GetEditedMessage() != nil:
		return textOf(m.ProtocolMessage.EditedMessage)
	default:
		return ""
	}
}

// targetOf is the message that this one is about.
func targetOf(m *waE2E.Message) *message.Target {
	switch {
	case m.ReactionMessage != nil:
		return target(m.ReactionMessage.GetKey(), "reaction", m.ReactionMessage.GetText())
	case m.GetPollUpdateMessage() != nil:
		return target(m.PollUpdateMessage.GetPollCreationMessageKey(), "vote", "")
	case m.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT && m.ProtocolMessage != nil:
		return target(m.ProtocolMessage.GetKey(), "edit", "")
	case m.ProtocolMessage != nil && m.ProtocolMessage.GetKey().GetID() != "":
		return target(m.ProtocolMessage.GetKey(), "revoke", "")
	default:
		return nil
	}
}

func target(key *waCommon.MessageKey, act, emoji string) *message.Target {
	t := &message.Target{ID: key.GetID(), FromMe: key.GetFromMe(), Act: act, Emoji: emoji}
	if who, err := types.ParseJID(key.GetParticipant()); err == nil && key.GetParticipant() != "" {
		if who.Server == types.HiddenUserServer {
			t.Sender.LID = who.ToNonAD().String()
		} else {
			t.Sender.PN = who.ToNonAD().String()
		}
	}
	return t
}

// file is what all messages with a file have in common.
type file interface {
	GetMimetype() string
	GetFileLength() uint64
	GetFileSHA256() []byte
}

func mediaOf(m *waE2E.Message) *message.Media {
	of := func(kind string, f file) *message.Media {
		return &message.Media{Kind: kind, Mimetype: f.GetMimetype(), Size: int64(f.GetFileLength()), SHA256: hex.EncodeToString(f.GetFileSHA256())}
	}
	switch {
	case m.ImageMessage != nil:
		return of("image", m.ImageMessage)
	case m.VideoMessage != nil:
		return of("video", m.VideoMessage)
	case m.PtvMessage != nil:
		return of("video", m.PtvMessage)
	case m.AudioMessage.GetPTT():
		return of("voice", m.AudioMessage)
	case m.AudioMessage != nil:
		return of("audio", m.AudioMessage)
	case m.StickerMessage != nil:
		return of("sticker", m.StickerMessage)
	case m.DocumentMessage != nil:
		out := of("document", m.DocumentMessage)
		out.FileName = m.DocumentMessage.GetFileName()
		return out
	default:
		return nil
	}
}
