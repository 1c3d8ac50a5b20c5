package content

import (
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/types"
)

// Key names an earlier message, as seen by the one who now reacts to it,
// votes on it, edits or revokes it.
type Key struct {
	// Chat is the group, or in a private chat the other person.
	Chat types.JID
	// Sender is who sent the message. Only groups need it, and only if FromMe
	// is false.
	Sender types.JID
	// FromMe says that the one who refers to the message has sent it.
	FromMe bool
	ID     types.MessageID
}

// proto follows whatsmeow's BuildMessageKey: a participant only for the
// messages of others in chats of many.
func (k Key) proto() *waCommon.MessageKey {
	key := &waCommon.MessageKey{
		RemoteJID: new(k.Chat.String()),
		FromMe:    new(k.FromMe),
		ID:        new(k.ID),
	}
	if !k.FromMe && !isPrivate(k.Chat) && !k.Sender.IsEmpty() {
		key.Participant = new(k.Sender.ToNonAD().String())
	}
	return key
}

// author is who sent the message if me refers to it.
func (k Key) author(me types.JID) types.JID {
	switch {
	case k.FromMe:
		return me
	case isPrivate(k.Chat):
		return k.Chat
	default:
		return k.Sender
	}
}

func isPrivate(chat types.JID) bool {
	return chat.Server == types.DefaultUserServer || chat.Server == types.HiddenUserServer
}
