package content

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// Quote is the message that a reply answers.
type Quote struct {
	ID types.MessageID
	// Sender is who sent it, from the same point of view for all members.
	Sender types.JID
	// Message is what it said. The reply shows a copy of it.
	Message *waE2E.Message
	// Chat is set if the quoted message is from another chat, as in a private
	// reply to a group message.
	Chat types.JID
}

// Reply returns msg as an answer to quote. Like Mention, Forward and Expire it
// returns messages unchanged that cannot carry a context: reactions, votes,
// edits, revokes and other settings.
func Reply(msg *waE2E.Message, quote Quote) *waE2E.Message {
	return withContext(msg, func(c *waE2E.ContextInfo) {
		c.StanzaID = new(quote.ID)
		c.Participant = new(quote.Sender.ToNonAD().String())
		if !quote.Chat.IsEmpty() {
			c.RemoteJID = new(quote.Chat.String())
		}
		c.QuotedMessage = quotable(quote.Message)
	})
}

// Mention returns msg with the mentioned people. For each the text should
// contain '@' and the user part of the JID.
func Mention(msg *waE2E.Message, people ...types.JID) *waE2E.Message {
	return withContext(msg, func(c *waE2E.ContextInfo) {
		for _, person := range people {
			c.MentionedJID = append(c.MentionedJID, person.ToNonAD().String())
		}
	})
}

// Forward returns msg marked as forwarded once.
func Forward(msg *waE2E.Message) *waE2E.Message {
	return withContext(msg, func(c *waE2E.ContextInfo) {
		c.IsForwarded = new(true)
		c.ForwardingScore = proto.Uint32(1)
	})
}

// Expire returns msg as it is sent in a chat with disappearing messages: it
// disappears after the given time, which WhatsApp has in whole seconds. set
// is when the timer of the chat was set.
func Expire(msg *waE2E.Message, after time.Duration, set time.Time) *waE2E.Message {
	return withContext(msg, func(c *waE2E.ContextInfo) {
		c.Expiration = new(uint32(after / time.Second))
		c.EphemeralSettingTimestamp = new(set.Unix())
	})
}

// ViewOnce returns the picture, video or voice message msg such that it can be
// opened once. Other messages return unchanged.
func ViewOnce(msg *waE2E.Message) *waE2E.Message {
	msg = clone(msg)
	switch {
	case msg.GetImageMessage() != nil:
		msg.ImageMessage.ViewOnce = new(true)
	case msg.GetVideoMessage() != nil:
		msg.VideoMessage.ViewOnce = new(true)
	case msg.GetAudioMessage() != nil:
		msg.AudioMessage.ViewOnce = new(true)
		return &waE2E.Message{ViewOnceMessageV2Extension: &waE2E.FutureProofMessage{Message: msg}}
	default:
		return msg
	}
	return &waE2E.Message{ViewOnceMessageV2: &waE2E.FutureProofMessage{Message: msg}}
}

// withContext changes the context of a copy of msg.
func withContext(msg *waE2E.Message, change func(*waE2E.ContextInfo)) *waE2E.Message {
	msg = clone(msg)
	inner, _ := unwrap(msg)
	if inner == nil {
		return msg
	}
	if inner.Conversation != nil {
		// A conversation is a bare string; only the extended text has a context.
		inner.ExtendedTextMessage = &waE2E.ExtendedTextMessage{Text: inner.Conversation}
		inner.Conversation = nil
	}
	slot := contextSlot(inner)
	if slot == nil {
		return msg
	}
	if *slot == nil {
		*slot = &waE2E.ContextInfo{}
	}
	change(*slot)
	return msg
}

// quotable is what a reply repeats of a message: not its wrappers, secrets,
// keys or its own quote, or each answer would carry all the earlier ones.
func quotable(msg *waE2E.Message) *waE2E.Message {
	inner, _ := unwrap(clone(msg))
	if inner == nil {
		return &waE2E.Message{}
	}
	inner.MessageContextInfo = nil
	inner.SenderKeyDistributionMessage = nil
	if slot := contextSlot(inner); slot != nil {
		*slot = nil
	}
	return inner
}

// contextSlot returns where an unwrapped message keeps its context, or nil.
func contextSlot(msg *waE2E.Message) **waE2E.ContextInfo {
	switch {
	case msg.ExtendedTextMessage != nil:
		return &msg.ExtendedTextMessage.ContextInfo
	case msg.ImageMessage != nil:
		return &msg.ImageMessage.ContextInfo
	case msg.VideoMessage != nil:
		return &msg.VideoMessage.ContextInfo
	case msg.PtvMessage != nil:
		return &msg.PtvMessage.ContextInfo
	case msg.AudioMessage != nil:
		return &msg.AudioMessage.ContextInfo
	case msg.DocumentMessage != nil:
		return &msg.DocumentMessage.ContextInfo
	case msg.StickerMessage != nil:
		return &msg.StickerMessage.ContextInfo
	case msg.LocationMessage != nil:
		return &msg.LocationMessage.ContextInfo
	case msg.LiveLocationMessage != nil:
		return &msg.LiveLocationMessage.ContextInfo
	case msg.ContactMessage != nil:
		return &msg.ContactMessage.ContextInfo
	case msg.ContactsArrayMessage != nil:
		return &msg.ContactsArrayMessage.ContextInfo
	}
	if poll := pollOf(msg); poll != nil {
		return &poll.ContextInfo
	}
	return nil
}

func clone(msg *waE2E.Message) *waE2E.Message {
	if msg == nil {
		return &waE2E.Message{}
	}
	return proto.CloneOf(msg)
}
