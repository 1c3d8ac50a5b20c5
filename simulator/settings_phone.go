package simulator

import (
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/appstate"
)

// Rename gives the account another push name. Its companions are told now,
// others see it with the account's next message.
func (u *User) Rename(name string) {
	u.mu.Lock()
	u.name = name
	u.mu.Unlock()
	if !u.settings.opened() || name == "" {
		return
	}
	if err := u.Change(appstate.PushName(name)); err != nil {
		u.sim.log.Warn("push name not in app state", "err", err)
	}
}

// Archive is the phone that archives a chat, which also unpins it. Chats are
// named as companions will see them, by phone number or LID.
func (u *User) Archive(chat types.JID) error {
	return u.Change(appstate.Archive(chat, true, time.Time{}, nil))
}

// Unarchive brings a chat back.
func (u *User) Unarchive(chat types.JID) error {
	return u.Change(appstate.Archive(chat, false, time.Time{}, nil))
}

// Pin pins a chat.
func (u *User) Pin(chat types.JID) error { return u.Change(appstate.Pin(chat, true)) }

// Unpin unpins a chat.
func (u *User) Unpin(chat types.JID) error { return u.Change(appstate.Pin(chat, false)) }

// Mute silences a chat until a time, for ever if it is zero.
func (u *User) Mute(chat types.JID, until time.Time) error {
	return u.Change(appstate.Mute(chat, until))
}

// Unmute ends a mute.
func (u *User) Unmute(chat types.JID) error { return u.Change(appstate.Unmute(chat)) }

// MarkRead marks a whole chat as read, which sends no receipts.
func (u *User) MarkRead(chat types.JID) error {
	return u.Change(appstate.MarkRead(chat, true, time.Time{}, nil))
}

// MarkUnread marks a chat as unread.
func (u *User) MarkUnread(chat types.JID) error {
	return u.Change(appstate.MarkRead(chat, false, time.Time{}, nil))
}

// Star stars a message. In a direct chat sender is the chat itself.
func (u *User) Star(chat, sender types.JID, id types.MessageID, fromMe bool) error {
	return u.Change(appstate.Star(chat, sender, id, fromMe, true))
}

// Unstar takes a star off.
func (u *User) Unstar(chat, sender types.JID, id types.MessageID, fromMe bool) error {
	return u.Change(appstate.Star(chat, sender, id, fromMe, false))
}

// DeleteChat deletes a chat with its media on all devices of the account.
func (u *User) DeleteChat(chat types.JID) error {
	return u.Change(appstate.DeleteChat(chat, time.Time{}, nil, true))
}

// SetContactName puts somebody into the phone's address book. Users of the
// simulator are named with their LID, too.
func (u *User) SetContactName(pn types.JID, fullName, firstName string) error {
	var lid types.JID
	if other := u.sim.findUser(pn); other != nil {
		pn, lid = other.pn, other.lid
	}
	return u.Change(appstate.Contact(pn, lid, fullName, firstName))
}

// SetLabel makes a label or renames it. Color is an index into WhatsApp's
// palette, 0 to 19.
func (u *User) SetLabel(id, name string, color int32) error {
	return u.Change(appstate.Label(id, name, color, false))
}

// DeleteLabel deletes a label.
func (u *User) DeleteLabel(id string) error {
	return u.Change(appstate.Label(id, "", 0, true))
}

// LabelChat puts a label on a chat, or takes it off.
func (u *User) LabelChat(chat types.JID, label string, on bool) error {
	return u.Change(appstate.LabelChat(chat, label, on))
}

// LabelMessage puts a label on a message, or takes it off.
func (u *User) LabelMessage(chat types.JID, label string, id types.MessageID, on bool) error {
	return u.Change(appstate.LabelMessage(chat, label, id, on))
}
