package content

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// Reaction puts emoji under the message target, in place of an earlier one.
func Reaction(target Key, emoji string, at time.Time) *waE2E.Message {
	return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{
		Key:               target.proto(),
		Text:              new(emoji),
		SenderTimestampMS: millis(at),
	}}
}

// RemoveReaction takes the reaction to target back. Its stanza has the
// attribute edit="7".
func RemoveReaction(target Key, at time.Time) *waE2E.Message {
	return Reaction(target, "", at)
}

// Edit replaces what the own message target said by what replacement says. Its
// stanza has the attribute edit="1". WhatsApp allows it for 20 minutes.
func Edit(target Key, replacement *waE2E.Message, at time.Time) *waE2E.Message {
	return &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{
		ProtocolMessage: &waE2E.ProtocolMessage{
			Type:          waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
			Key:           target.proto(),
			EditedMessage: clone(replacement),
			TimestampMS:   millis(at),
		},
	}}}
}

// Revoke deletes target for everybody: the own message if it is FromMe
// (attribute edit="7" of the stanza), else, as a group's admin, that of
// another member (edit="8").
func Revoke(target Key) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_REVOKE.Enum(),
		Key:  target.proto(),
	}}
}

// DisappearingTimer sets after which time new messages of a private chat
// disappear, in whole seconds; 0 turns it off. WhatsApp knows 24 hours, 7 and
// 90 days. Groups set theirs by a stanza instead.
func DisappearingTimer(after time.Duration, at time.Time) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type:                      waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(),
		EphemeralExpiration:       new(uint32(after / time.Second)),
		EphemeralSettingTimestamp: new(at.Unix()),
	}}
}

// millis is how WhatsApp stamps what is not a message of its own.
func millis(t time.Time) *int64 {
	return new(t.UnixMilli())
}
