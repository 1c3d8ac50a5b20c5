package content

import "go.mau.fi/whatsmeow/proto/waE2E"

// wrapping is what the wrappers around a message say about it.
type wrapping struct {
	viewOnce bool
	// destination is the chat of a message that another device of the same
	// account has sent.
	destination string
	// info is the outermost context of the message itself, which holds the
	// secret of a poll.
	info *waE2E.MessageContextInfo
}

// wrappers are the fields whose only purpose is another message inside, in
// the order of whatsmeow's UnwrapRaw, then those it leaves alone.
var wrappers = []struct {
	field    func(*waE2E.Message) *waE2E.FutureProofMessage
	viewOnce bool
}{
	{field: (*waE2E.Message).GetBotInvokeMessage},
	{field: (*waE2E.Message).GetEphemeralMessage},
	{field: (*waE2E.Message).GetViewOnceMessage, viewOnce: true},
	{field: (*waE2E.Message).GetViewOnceMessageV2, viewOnce: true},
	{field: (*waE2E.Message).GetViewOnceMessageV2Extension, viewOnce: true},
	{field: (*waE2E.Message).GetLottieStickerMessage},
	{field: (*waE2E.Message).GetDocumentWithCaptionMessage},
	{field: (*waE2E.Message).GetEditedMessage},
	{field: (*waE2E.Message).GetGroupMentionedMessage},
	{field: (*waE2E.Message).GetAssociatedChildMessage},
	{field: (*waE2E.Message).GetPollCreationMessageV4},
	{field: (*waE2E.Message).GetSpoilerMessage},
}

// unwrap returns the innermost message, or nil for a wrapper around nothing.
func unwrap(msg *waE2E.Message) (*waE2E.Message, wrapping) {
	var w wrapping
	for msg != nil {
		if w.info == nil {
			w.info = msg.MessageContextInfo
		}
		inner, wrapped := w.step(msg)
		if !wrapped {
			return msg, w
		}
		msg = inner
	}
	return nil, w
}

// step takes one wrapper off and reports whether there was one.
func (w *wrapping) step(msg *waE2E.Message) (*waE2E.Message, bool) {
	if sent := msg.DeviceSentMessage; sent != nil {
		w.destination = sent.GetDestinationJID()
		return sent.GetMessage(), true
	}
	for _, wrapper := range wrappers {
		if outer := wrapper.field(msg); outer != nil {
			w.viewOnce = w.viewOnce || wrapper.viewOnce
			return outer.GetMessage(), true
		}
	}
	return msg, false
}

// pollOf returns the poll in an unwrapped message. Its versions differ only in
// the field they are in: 1 for several choices, 2 for announcement groups,
// 3 for one choice, later ones for quizzes and pictures.
func pollOf(msg *waE2E.Message) *waE2E.PollCreationMessage {
	for _, poll := range []*waE2E.PollCreationMessage{
		msg.PollCreationMessage, msg.PollCreationMessageV2, msg.PollCreationMessageV3,
		msg.PollCreationMessageV5, msg.PollCreationMessageV6,
	} {
		if poll != nil {
			return poll
		}
	}
	return nil
}
