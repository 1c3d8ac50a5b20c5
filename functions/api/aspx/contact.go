package aspx

import (
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/transcript"
)

// maxRows bounds the lists of chats and contacts.
const maxRows = 50_000

type chat struct {
	JID        string    `json:"jid"`
	Name       string    `json:"name"`
	Spam       bool      `json:"spam"`
	Count      int64     `json:"count"` // unread messages
	Mute       string    `json:"mute"`
	T          int64     `json:"t"` // of the last message, Unix s
	Archive    bool      `json:"archive"`
	ModifyTag  string    `json:"modify_tag"`
	Picture    string    `json:"picture"`
	LastUpdate time.Time `json:"Lastupdate"`
}

type contact struct {
	JID             string    `json:"jid"`
	Notify          string    `json:"notify"` // as the contact calls itself
	Verify          string    `json:"verify"`
	VName           string    `json:"vname"`
	Short           string    `json:"short"`
	Name            string    `json:"name"` // as the phone's address book has it
	Picture         string    `json:"picture"`
	LastUpdate      time.Time `json:"Lastupdate"`
	LastMessageTime int64     `json:"LastMessageTime"` // Unix s
	Biz             bool      `json:"biz"`
	Status          int       `json:"status"` // 200: it is there
	Tag             string    `json:"tag"`
	Count           int64     `json:"Count"`
	Mute            string    `json:"Mute"`
	Spam            bool      `json:"Spam"`
	Archive         bool      `json:"Archive"`
	IsGroup         bool      `json:"isGroup"`
}

// chats lists what was talked in, the latest first; an empty list when that
// cannot be told.
func (h *Handler) chats(r *request) (answer, error) {
	all, err := h.core.Chats(r.Context(), r.instance, core.ChatQuery{Limit: maxRows})
	if err != nil {
		h.log.ErrorContext(r.Context(), "chats cannot be listed", "err", err)
	}
	pictures, err := h.pictures(r)
	if err != nil {
		return answer{}, err
	}
	out := make([]chat, len(all))
	for n, c := range all {
		jid := c.Address.String()
		out[n] = chat{JID: jid, Name: c.Name, Count: c.Unread, T: unix(c.LastAt), Picture: pictures(jid), LastUpdate: c.LastAt.UTC()}
	}
	return ok(out)
}

// contactOf is a contact without its picture, with the chat in which it is talked
// with, the zero value for none.
func contactOf(c transcript.Contact, in transcript.Chat) contact {
	first, _, _ := strings.Cut(c.Saved, " ")
	return contact{
		JID: c.Address.String(), Notify: c.PushName, Short: first, Name: c.Saved, LastUpdate: c.UpdatedAt.UTC(),
		LastMessageTime: unix(in.LastAt), Status: 200, Count: in.Unread, IsGroup: c.Group,
	}
}

// contacts lists who is known.
func (h *Handler) contacts(r *request) (answer, error) {
	all, err := h.core.Contacts(r.Context(), r.instance, core.ContactQuery{Limit: maxRows})
	if err != nil {
		return answer{}, err
	}
	chats, err := h.core.Chats(r.Context(), r.instance, core.ChatQuery{Limit: maxRows})
	if err != nil {
		return answer{}, err
	}
	talked := map[string]transcript.Chat{}
	for _, c := range chats {
		talked[c.Address.String()] = c.Chat
	}
	pictures, err := h.pictures(r)
	if err != nil {
		return answer{}, err
	}
	out := make([]contact, len(all))
	for n, c := range all {
		out[n] = contactOf(c, talked[c.Address.String()])
		out[n].Picture = pictures(out[n].JID)
	}
	return ok(out)
}

type profile struct {
	Sucesso  bool     `json:"sucesso"`
	Mensagem *contact `json:"mensagem"`
	Error    string   `json:"error,omitempty"`
}

func (r *request) number() (string, error) {
	var in struct {
		Number word `json:"number"`
	}
	if err := r.read(&in); err != nil {
		return "", err
	}
	return string(in.Number), nil
}

// getProfile tells of a contact that is known already.
func (h *Handler) getProfile(r *request) (answer, error) {
	number, err := r.number()
	if err != nil {
		return answer{}, err
	}
	return h.profile(r, core.Address(number), nil)
}

// queryProfile asks WhatsApp whether a number is there.
func (h *Handler) queryProfile(r *request) (answer, error) {
	number, err := r.number()
	if err != nil {
		return answer{}, err
	}
	found, err := h.core.Lookup(r.Context(), r.instance, []string{number})
	if err != nil {
		if p := problemOf(err); p.status < 300 {
			return ok(profile{Error: p.sentence})
		}
		return answer{}, err
	}
	if !found[0].Exists {
		return ok(profile{})
	}
	return h.profile(r, found[0].JID, &contact{JID: found[0].JID, Notify: found[0].Name, LastUpdate: time.Now().UTC().Truncate(time.Second), Status: 200})
}

// profile is what is known of a JID, or else what stranger says.
func (h *Handler) profile(r *request, jid string, stranger *contact) (answer, error) {
	known, err := h.core.Contacts(r.Context(), r.instance, core.ContactQuery{Contact: jid, Limit: 1})
	if err != nil {
		return answer{}, err
	}
	if len(known) > 0 {
		chats, err := h.core.Chats(r.Context(), r.instance, core.ChatQuery{Chat: jid, Limit: 1})
		if err != nil {
			return answer{}, err
		}
		in := transcript.Chat{}
		if len(chats) > 0 {
			in = chats[0].Chat
		}
		c := contactOf(known[0], in)
		stranger = &c
	}
	if stranger == nil {
		return ok(profile{})
	}
	pictures, err := h.pictures(r)
	if err != nil {
		return answer{}, err
	}
	stranger.Picture = pictures(stranger.JID)
	return ok(profile{Sucesso: true, Mensagem: stranger})
}
