package simulator

import (
	"slices"
	"time"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/appstate"
)

// Settings are the account's app state as its phone shows it.
type Settings struct {
	PushName string `json:"pushName"`
	// Chats has what was ever set of a chat. Users of the simulator are named
	// by LID, whatever name a device used for them.
	Chats map[types.JID]ChatSettings `json:"chats"`
	// Contacts is the address book.
	Contacts map[types.JID]ContactName `json:"contacts"`
	Labels   map[string]Label          `json:"labels"` // by id
	Starred  []types.MessageID         `json:"starred"`
}

// ChatSettings are the flags of a chat.
type ChatSettings struct {
	Archived bool `json:"archived"`
	Pinned   bool `json:"pinned"`
	Muted    bool `json:"muted"`
	// MutedUntil is the end of a mute, zero for one without end.
	MutedUntil time.Time `json:"mutedUntil,omitzero"`
	Unread     bool      `json:"unread"` // marked as unread
	Deleted    bool      `json:"deleted"`
	Labels     []string  `json:"labels"` // ids, sorted
}

// ContactName is an entry of the address book.
type ContactName struct {
	Full  string `json:"full"`
	First string `json:"first"`
}

// Label is a label of a business account.
type Label struct {
	Name  string `json:"name"`
	Color int32  `json:"color"`
}

// Settings returns what the phone and its companions have set.
func (u *User) Settings() Settings {
	u.settings.open()
	u.mu.Lock()
	defer u.mu.Unlock()
	out := Settings{
		PushName: u.name,
		Chats:    map[types.JID]ChatSettings{},
		Contacts: map[types.JID]ContactName{},
		Labels:   map[string]Label{},
	}
	for _, m := range u.settings.live {
		out.add(u.sim, m)
	}
	for chat, c := range out.Chats {
		slices.Sort(c.Labels)
		out.Chats[chat] = c
	}
	slices.Sort(out.Starred)
	return out
}

// add puts one record into the picture.
func (s *Settings) add(sim *Simulator, m appstate.Mutation) {
	about := func(i int) types.JID {
		if i >= len(m.Index) {
			return types.EmptyJID
		}
		jid, _ := types.ParseJID(m.Index[i])
		return sim.canonical(jid)
	}
	chat := func(i int, set func(*ChatSettings)) {
		jid := about(i)
		c := s.Chats[jid]
		set(&c)
		s.Chats[jid] = c
	}
	switch m.Kind {
	case wastate.IndexArchive:
		chat(1, func(c *ChatSettings) { c.Archived = m.Action.GetArchiveChatAction().GetArchived() })
	case wastate.IndexPin:
		chat(1, func(c *ChatSettings) { c.Pinned = m.Action.GetPinAction().GetPinned() })
	case wastate.IndexMute:
		chat(1, func(c *ChatSettings) { c.mute(m) })
	case wastate.IndexMarkChatAsRead:
		chat(1, func(c *ChatSettings) { c.Unread = !m.Action.GetMarkChatAsReadAction().GetRead() })
	case wastate.IndexDeleteChat:
		chat(1, func(c *ChatSettings) { c.Deleted = true })
	case wastate.IndexLabelAssociationChat:
		if m.Action.GetLabelAssociationAction().GetLabeled() {
			chat(2, func(c *ChatSettings) { c.Labels = append(c.Labels, m.Index[1]) })
		}
	case wastate.IndexContact:
		action := m.Action.GetContactAction()
		s.Contacts[about(1)] = ContactName{Full: action.GetFullName(), First: action.GetFirstName()}
	case wastate.IndexLabelEdit:
		if action := m.Action.GetLabelEditAction(); !action.GetDeleted() && len(m.Index) > 1 {
			s.Labels[m.Index[1]] = Label{Name: action.GetName(), Color: action.GetColor()}
		}
	case wastate.IndexStar:
		if m.Action.GetStarAction().GetStarred() && len(m.Index) > 2 {
			s.Starred = append(s.Starred, m.Index[2])
		}
	}
}

func (c *ChatSettings) mute(m appstate.Mutation) {
	action := m.Action.GetMuteAction()
	c.Muted = action.GetMuted()
	if end := action.GetMuteEndTimestamp(); c.Muted && end > 0 {
		c.MutedUntil = time.UnixMilli(end)
	}
}
