package appstate

import (
	"time"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/types"
)

// Op sets or removes one record.
type Op struct {
	Remove bool
	// Index names the record: the kind, then what it is about.
	Index []string
	// Version is fixed by the kind (3 for archive, 5 for pin and so on).
	Version int32
	// Value may be nil for a removal. Its timestamp is set by Push.
	Value *waSyncAction.SyncActionValue
}

// Change is what one act of the user does to one collection. Archiving, for
// example, also unpins, so it is two operations.
type Change struct {
	Collection Name
	Ops        []Op
}

// Built turns a patch of whatsmeow's builders into a Change.
func Built(info wastate.PatchInfo) Change {
	c := Change{Collection: info.Type}
	for _, m := range info.Mutations {
		c.Ops = append(c.Ops, Op{Index: m.Index, Version: m.Version, Value: m.Value})
	}
	return c
}

// Undo is the removal of the records that change sets.
func Undo(change Change) Change {
	out := Change{Collection: change.Collection}
	for _, op := range change.Ops {
		out.Ops = append(out.Ops, Op{Remove: true, Index: op.Index, Version: op.Version})
	}
	return out
}

// PushName sets the name that contacts see.
func PushName(name string) Change {
	return Built(wastate.BuildSettingPushName(name))
}

// Archive archives a chat (which also unpins it) or brings it back. A zero
// last means now; key, the last message, may be nil.
func Archive(chat types.JID, archived bool, last time.Time, key *waCommon.MessageKey) Change {
	return Built(wastate.BuildArchive(chat, archived, last, key))
}

// Pin pins or unpins a chat.
func Pin(chat types.JID, pinned bool) Change {
	return Built(wastate.BuildPin(chat, pinned))
}

// Mute silences a chat until a time, or for ever if until is zero.
func Mute(chat types.JID, until time.Time) Change {
	if until.IsZero() {
		return Built(wastate.BuildMuteAbs(chat, true, nil))
	}
	return Built(wastate.BuildMuteAbs(chat, true, new(until.UnixMilli())))
}

// Unmute ends a mute.
func Unmute(chat types.JID) Change {
	return Built(wastate.BuildMuteAbs(chat, false, nil))
}

// MarkRead marks a chat as read or unread. A zero last means now; key may be nil.
func MarkRead(chat types.JID, read bool, last time.Time, key *waCommon.MessageKey) Change {
	return Built(wastate.BuildMarkChatAsRead(chat, read, last, key))
}

// Star stars or unstars a message. In a direct chat sender is the chat itself.
func Star(chat, sender types.JID, id types.MessageID, fromMe, starred bool) Change {
	return Built(wastate.BuildStar(chat, sender, id, fromMe, starred))
}

// DeleteChat deletes a chat. A zero last means now; key may be nil.
func DeleteChat(chat types.JID, last time.Time, key *waCommon.MessageKey, media bool) Change {
	return Built(wastate.BuildDeleteChat(chat, last, key, media))
}

// Contact adds a contact to the address book or renames it. lid may be empty.
func Contact(pn, lid types.JID, fullName, firstName string) Change {
	action := &waSyncAction.ContactAction{
		FullName:                 new(fullName),
		FirstName:                new(firstName),
		SaveOnPrimaryAddressbook: new(true),
	}
	if !lid.IsEmpty() {
		action.LidJID = new(lid.String())
	}
	return Change{Collection: wastate.WAPatchCriticalUnblockLow, Ops: []Op{{
		Index: []string{wastate.IndexContact, pn.String()},
		// 2 is what the phone sends and what Baileys sends (Utils/chat-utils.ts).
		Version: 2,
		Value:   &waSyncAction.SyncActionValue{ContactAction: action},
	}}}
}

// Label makes, renames or deletes a label of a business account.
func Label(id, name string, color int32, deleted bool) Change {
	return Built(wastate.BuildLabelEdit(id, name, color, deleted))
}

// LabelChat puts a label on a chat or takes it off.
func LabelChat(chat types.JID, label string, labeled bool) Change {
	return Built(wastate.BuildLabelChat(chat, label, labeled))
}

// LabelMessage puts a label on a message or takes it off.
func LabelMessage(chat types.JID, label, id string, labeled bool) Change {
	return Built(wastate.BuildLabelMessage(chat, label, id, labeled))
}
