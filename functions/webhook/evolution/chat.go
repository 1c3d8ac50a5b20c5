package evolution

import (
	"strings"

	"roost/shared/event"
)

// contact is a row of contacts.upsert and contacts.update, which are arrays
// here whatever has brought them.
type contact struct {
	RemoteJID    string  `json:"remoteJid"`
	RemoteJIDAlt string  `json:"remoteJidAlt,omitempty"` // the LID
	PushName     string  `json:"pushName"`
	PictureURL   *string `json:"profilePicUrl"`
	InstanceID   string  `json:"instanceId"`
}

func contactsUpdated(e event.Event, told event.Contacts) ([]Payload, error) {
	data := make([]contact, len(told.Contacts))
	for n, c := range told.Contacts {
		data[n] = contact{RemoteJID: c.Address.String(), PushName: c.Saved, InstanceID: string(e.Instance)}
		if c.Address.PN != "" {
			data[n].RemoteJIDAlt = c.Address.LID
		}
		if data[n].PushName == "" {
			data[n].PushName = c.PushName
		}
		if c.Picture != nil {
			data[n].PictureURL = optional(*c.Picture)
		}
	}
	name := "contacts.update"
	if told.New {
		name = "contacts.upsert"
	}
	return []Payload{{Event: name, Data: data}}, nil
}

type chatUpsert struct {
	RemoteJID  string `json:"remoteJid"`
	InstanceID string `json:"instanceId"`
	Name       string `json:"name"`
	Unread     int    `json:"unreadMessages"`
}

// chatUpdate is Evolution's row with what has changed beside it.
type chatUpdate struct {
	RemoteJID    string `json:"remoteJid"`
	RemoteJIDAlt string `json:"remoteJidAlt,omitempty"` // the LID
	InstanceID   string `json:"instanceId"`
	Archived     *bool  `json:"archived,omitempty"`
	Pinned       *bool  `json:"pinned,omitempty"`
	Muted        *bool  `json:"muted,omitempty"`
	Unread       *bool  `json:"markedAsUnread,omitempty"`
}

func chatChanged(e event.Event, c event.Chat) ([]Payload, error) {
	if c.Deleted {
		return []Payload{{Event: "chats.delete", Data: []string{c.Chat.String()}}}, nil
	}
	row := chatUpdate{
		RemoteJID: c.Chat.String(), InstanceID: string(e.Instance), Archived: c.Archived, Pinned: c.Pinned, Muted: c.Muted, Unread: c.Unread,
	}
	if c.Chat.PN != "" {
		row.RemoteJIDAlt = c.Chat.LID
	}
	return []Payload{{Event: "chats.update", Data: []chatUpdate{row}}}, nil
}

type presence struct {
	ID        string               `json:"id"`
	IDAlt     string               `json:"idAlt,omitempty"` // the LID
	Presences map[string]lastKnown `json:"presences"`
}

type lastKnown struct {
	Presence string `json:"lastKnownPresence"`
	LastSeen int64  `json:"lastSeen,omitempty"` // Unix seconds
	LID      string `json:"lid,omitempty"`
}

func presenceChanged(_ event.Event, p event.Presence) ([]Payload, error) {
	known := lastKnown{Presence: p.State, LID: p.Person.LID}
	if !p.LastSeen.IsZero() {
		known.LastSeen = max(p.LastSeen.Unix(), 0)
	}
	data := presence{ID: p.Chat.String(), Presences: map[string]lastKnown{p.Person.String(): known}}
	if p.Chat.PN != "" {
		data.IDAlt = p.Chat.LID
	}
	return []Payload{{Event: "presence.update", Data: data}}, nil
}

type label struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Color      int    `json:"color"`
	Deleted    bool   `json:"deleted"`
	Predefined string `json:"predefinedId,omitempty"`
	Instance   string `json:"instance"`
}

func labelChanged(e event.Event, l event.Label) ([]Payload, error) {
	return []Payload{{Event: "labels.edit", Data: label{l.ID, l.Name, l.Color, l.Deleted, l.Predefined, e.Name}}}, nil
}

type association struct {
	Instance string `json:"instance"`
	Type     string `json:"type"` // add, remove
	ChatID   string `json:"chatId"`
	LabelID  string `json:"labelId"`
}

func chatLabelled(e event.Event, l event.Labelled) ([]Payload, error) {
	data := association{Instance: e.Name, Type: "remove", ChatID: l.Chat.String(), LabelID: l.Label}
	if l.On {
		data.Type = "add"
	}
	return []Payload{{Event: "labels.association", Data: data}}, nil
}

type call struct {
	ChatID   string `json:"chatId"`
	From     string `json:"from"`
	FromAlt  string `json:"fromAlt,omitempty"` // the LID
	ID       string `json:"id"`
	Date     string `json:"date"`
	Offline  bool   `json:"offline"`
	Status   string `json:"status"`
	IsVideo  bool   `json:"isVideo"`
	IsGroup  bool   `json:"isGroup"`
	GroupJID string `json:"groupJid,omitempty"`
}

func callChanged(_ event.Event, c event.Call) ([]Payload, error) {
	data := call{
		ChatID: c.From.String(), From: c.From.String(), ID: c.ID, Date: isoTime(c.At), Offline: c.Offline, Status: c.Status,
		IsVideo: c.Video, IsGroup: c.IsGroup, GroupJID: c.Group,
	}
	if c.From.PN != "" {
		data.FromAlt = c.From.LID
	}
	if strings.HasSuffix(c.Group, "@g.us") {
		data.ChatID = c.Group
	}
	return []Payload{{Event: "call", Data: data}}, nil
}
