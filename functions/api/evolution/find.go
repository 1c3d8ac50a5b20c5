package evolution

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/transcript"
)

const (
	// pageSize is Evolution's where a request names none.
	pageSize = 50
	// maxPage bounds what a request may ask for at once. Evolution has no bound;
	// an answer of Lambda has.
	maxPage = 1000
)

// paging reads offset, which is Evolution's word for the size of a page, and
// page, from 1 on.
func paging(fields map[string]any, size int) (skip, limit int) {
	if limit = count(fields, "offset"); limit <= 0 {
		limit = size
	}
	limit = min(limit, maxPage)
	return (max(count(fields, "page"), 1) - 1) * limit, limit
}

// count reads a number, written as a text too.
func count(fields map[string]any, name string) int {
	if text, isText := fields[name].(string); isText {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return 0
		}
		return max(min(n, math.MaxInt32), 0)
	}
	return max(integer(fields, name), 0)
}

// between reads messageTimestamp{gte,lte}, of which Evolution wants both.
func between(where map[string]any) (from, to time.Time) {
	bounds := object(where, "messageTimestamp")
	from, fromErr := time.Parse(time.RFC3339, str(bounds, "gte"))
	to, toErr := time.Parse(time.RFC3339, str(bounds, "lte"))
	if fromErr != nil || toErr != nil {
		return time.Time{}, time.Time{}
	}
	return from, to
}

// jid reads an address, which may be a bare number.
func jid(text string) string {
	if text == "" || strings.Contains(text, "@") {
		return text
	}
	return core.Address(text)
}

// foundMessage is a row of Evolution's table of messages. Its id is the
// message's own: webhooks name it so too.
type foundMessage struct {
	ID          string          `json:"id"`
	Key         foundKey        `json:"key"`
	PushName    string          `json:"pushName"`
	MessageType string          `json:"messageType"`
	Message     json.RawMessage `json:"message"`
	Timestamp   int64           `json:"messageTimestamp"` // Unix seconds
	InstanceID  string          `json:"instanceId"`
	Source      string          `json:"source"`
	ContextInfo json.RawMessage `json:"contextInfo"`
	Updates     []foundStatus   `json:"MessageUpdate"`
	Edit        *foundEdit      `json:"edited,omitempty"`
}

// foundEdit is the latest edit of a message, which shows its new content.
// Evolution forgets what was said before.
type foundEdit struct {
	ID        string          `json:"id"`
	Timestamp int64           `json:"messageTimestamp"` // Unix seconds
	Original  json.RawMessage `json:"original"`
}

// statusEdited is Evolution's word among a message's updates.
const statusEdited message.Status = "EDITED"

type foundStatus struct {
	Status message.Status `json:"status"`
}

// foundKey is the key as webhooks tell it.
type foundKey struct {
	RemoteJID      string `json:"remoteJid"`
	FromMe         bool   `json:"fromMe"`
	ID             string `json:"id"`
	Participant    string `json:"participant,omitempty"`
	RemoteJIDAlt   string `json:"remoteJidAlt,omitempty"`
	ParticipantAlt string `json:"participantAlt,omitempty"`
	AddressingMode string `json:"addressingMode,omitempty"`
}

func keyOf(m message.Message) foundKey {
	k := foundKey{RemoteJID: m.Chat.String(), FromMe: m.FromMe, ID: m.ID}
	if m.ViaAPI {
		return k
	}
	about := m.Chat
	k.AddressingMode = "pn"
	if m.Group || strings.HasSuffix(m.Chat.PN, "@g.us") || strings.HasSuffix(m.Chat.PN, "@broadcast") {
		about, k.Participant = m.Sender, m.Sender.Key()
		if m.Sender.LID != "" {
			k.ParticipantAlt = m.Sender.PN
		}
	} else if m.Chat.LID != "" {
		k.RemoteJIDAlt = m.Chat.PN
	}
	if about.LID != "" {
		k.AddressingMode = "lid"
	}
	return k
}

func (h *Handler) foundOf(r *request, e transcript.Entry) (foundMessage, error) {
	m, err := e.Message()
	if err != nil {
		return foundMessage{}, err
	}
	out := foundMessage{
		ID: m.ID, Key: keyOf(m), PushName: m.PushName, MessageType: m.Kind, Message: m.Content, Timestamp: max(m.Timestamp.Unix(), 0),
		InstanceID: string(r.instance.ID), Source: source(m.ID), ContextInfo: m.Context, Updates: []foundStatus{},
	}
	if e.Edit != nil {
		revised := e.Edit.Message
		out.MessageType, out.Message = revised.Kind, revised.Content
		out.Edit = &foundEdit{ID: e.Edit.ID, Timestamp: e.Edit.At.Unix(), Original: m.Content}
	}
	if m.FromMe && out.PushName == "" {
		out.PushName = ownName
	}
	if out.MessageType == "" {
		out.MessageType = "unknown"
	}
	if len(out.Message) == 0 {
		out.Message = json.RawMessage("{}")
	}
	if m.Media != nil && m.Media.Blob != "" {
		if url, err := h.core.MediaURL(r.Context(), *m.Media); err == nil {
			out.Message = withField(out.Message, "mediaUrl", url)
		}
	}
	if len(out.ContextInfo) == 0 {
		out.ContextInfo = json.RawMessage("null")
	}
	if e.Status != "" && e.Status != firstStatus(m) {
		out.Updates = append(out.Updates, foundStatus{e.Status})
	}
	if e.Edit != nil {
		out.Updates = append(out.Updates, foundStatus{statusEdited})
	}
	return out, nil
}

// firstStatus is where a message begins: what is behind it was told later.
func firstStatus(m message.Message) message.Status {
	switch {
	case m.ViaAPI:
		return message.StatusPending
	case m.FromMe:
		return message.StatusServer
	}
	return message.StatusDelivered
}

// withField adds a text to a JSON object.
func withField(object json.RawMessage, name, value string) json.RawMessage {
	text := strings.TrimSuffix(strings.TrimSpace(string(object)), "}")
	if text == "" {
		return object
	}
	if text != "{" {
		text += ","
	}
	return json.RawMessage(text + string(encode(name)) + ":" + string(encode(value)) + "}")
}

// findMessages lists messages, the newest first. fromMe is not looked at, as in
// Evolution.
func (h *Handler) findMessages(r *request) (answer, error) {
	fields := r.body.object()
	if err := findBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	where := object(fields, "where")
	key := object(where, "key")
	q := core.MessageQuery{ID: str(key, "id"), Chat: jid(str(key, "remoteJid"))}
	if q.ID == "" {
		q.ID = str(where, "id")
	}
	q.From, q.To = between(where)
	q.Skip, q.Limit = paging(fields, pageSize)
	kind, device, participant := str(where, "messageType"), str(where, "source"), jid(str(key, "participant"))
	if kind != "" || device != "" || participant != "" {
		names, err := h.core.Names(r.Context(), r.instance, participant)
		if err != nil {
			return answer{}, err
		}
		q.Match = func(m transcript.Header) bool {
			return (kind == "" || m.Type == kind) && (device == "" || source(m.Message) == device) &&
				(participant == "" || names[m.Sender])
		}
	}
	listed, err := h.core.Messages(r.Context(), r.instance, q)
	if err != nil {
		return answer{}, err
	}
	var out struct {
		Messages struct {
			Total   int64          `json:"total"`
			Pages   int64          `json:"pages"`
			Current int            `json:"currentPage"`
			Records []foundMessage `json:"records"`
		} `json:"messages"`
	}
	page := &out.Messages
	page.Total, page.Pages = listed.Total, (listed.Total+int64(q.Limit)-1)/int64(q.Limit)
	page.Current, page.Records = q.Skip/q.Limit+1, make([]foundMessage, 0, len(listed.Entries))
	for _, e := range listed.Entries {
		row, err := h.foundOf(r, e)
		if err != nil {
			return answer{}, err
		}
		page.Records = append(page.Records, row)
	}
	return ok(out)
}

type statusRow struct {
	ID          string         `json:"id"`
	KeyID       string         `json:"keyId"`
	RemoteJID   string         `json:"remoteJid"`
	FromMe      bool           `json:"fromMe"`
	Participant *string        `json:"participant"`
	PollUpdates *struct{}      `json:"pollUpdates"`
	Status      message.Status `json:"status"`
	MessageID   string         `json:"messageId"`
	InstanceID  string         `json:"instanceId"`
}

func (h *Handler) findStatusMessage(r *request) (answer, error) {
	fields := r.body.object()
	if err := findBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	where := object(fields, "where")
	q := core.ReceiptQuery{ID: str(where, "id"), Chat: jid(str(where, "remoteJid"))}
	q.Skip, q.Limit = paging(fields, pageSize)
	receipts, err := h.core.Receipts(r.Context(), r.instance, q)
	if err != nil {
		return answer{}, err
	}
	out := make([]statusRow, 0, len(receipts))
	for _, told := range receipts {
		u := told.Update
		row := statusRow{
			ID: derived(r.instance.ID, told.Event+"/"+u.IDs[0]), KeyID: u.IDs[0], RemoteJID: u.Chat.String(), FromMe: u.FromMe,
			Status: u.Status, MessageID: u.IDs[0], InstanceID: string(r.instance.ID),
		}
		if strings.HasSuffix(u.Chat.PN, "@g.us") || strings.HasSuffix(u.Chat.PN, "@broadcast") {
			row.Participant = optional(u.By.String())
		}
		out = append(out, row)
	}
	return ok(out)
}

func contactID(i instance.ID, a message.Address) string { return derived(i, "contact/"+a.String()) }

type contactRow struct {
	ID         string  `json:"id"`
	RemoteJID  string  `json:"remoteJid"`
	PushName   *string `json:"pushName"`
	PictureURL *string `json:"profilePicUrl"`
	CreatedAt  stamp   `json:"createdAt"`
	UpdatedAt  stamp   `json:"updatedAt"`
	InstanceID string  `json:"instanceId"`
	IsGroup    bool    `json:"isGroup"`
	IsSaved    bool    `json:"isSaved"`
	Type       string  `json:"type"`
}

func (h *Handler) findContacts(r *request) (answer, error) {
	fields := r.body.object()
	if err := findBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	where := object(fields, "where")
	q := core.ContactQuery{Contact: jid(str(where, "remoteJid")), Name: str(where, "pushName")}
	q.Skip, q.Limit = paging(fields, maxPage)
	if id := str(where, "id"); id != "" {
		q.Match = func(c transcript.Contact) bool { return contactID(r.instance.ID, c.Address) == id }
	}
	contacts, err := h.core.Contacts(r.Context(), r.instance, q)
	if err != nil {
		return answer{}, err
	}
	out := make([]contactRow, 0, len(contacts))
	for _, c := range contacts {
		row := contactRow{
			ID: contactID(r.instance.ID, c.Address), RemoteJID: c.Address.String(), PushName: optional(c.Name()), PictureURL: optional(c.Picture),
			CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), InstanceID: string(r.instance.ID),
			IsGroup: c.Group, IsSaved: c.Name() != "", Type: "group_member",
		}
		switch {
		case c.Group:
			row.Type = "group"
		case row.IsSaved:
			row.Type = "contact"
		}
		out = append(out, row)
	}
	return ok(out)
}
