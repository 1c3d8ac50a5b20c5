package evolution

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/message"
	"roost/shared/transcript"
)

// window is how long WhatsApp Business may answer freely; Evolution shows it
// for every chat, counted from the chat's beginning.
const window = 24 * time.Hour

type chatRow struct {
	ID            string       `json:"id"`
	RemoteJID     string       `json:"remoteJid"`
	PushName      *string      `json:"pushName"`
	PictureURL    *string      `json:"profilePicUrl"`
	UpdatedAt     stamp        `json:"updatedAt"`
	WindowStart   stamp        `json:"windowStart"`
	WindowExpires stamp        `json:"windowExpires"`
	WindowActive  bool         `json:"windowActive"`
	LastMessage   *lastMessage `json:"lastMessage,omitempty"`
	UnreadCount   int64        `json:"unreadCount"`
	IsSaved       bool         `json:"isSaved"`
	CreatedAt     stamp        `json:"createdAt"` // not Evolution's, but what clients' types expect
}

type lastMessage struct {
	ID          string          `json:"id"`
	Key         foundKey        `json:"key"`
	PushName    string          `json:"pushName"`
	Participant *string         `json:"participant"`
	MessageType string          `json:"messageType"`
	Message     json.RawMessage `json:"message"`
	ContextInfo json.RawMessage `json:"contextInfo"`
	Source      string          `json:"source"`
	Timestamp   int64           `json:"messageTimestamp"`
	InstanceID  string          `json:"instanceId"`
	SessionID   *string         `json:"sessionId"`
	Status      message.Status  `json:"status"`
}

// findChats lists chats, those with the newest messages first. take and skip
// are Evolution's; page and offset work as everywhere else.
func (h *Handler) findChats(r *request) (answer, error) {
	fields := r.body.object()
	if err := findBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	where := object(fields, "where")
	q := core.ChatQuery{Chat: jid(str(where, "remoteJid"))}
	q.From, q.To = between(where)
	q.Skip, q.Limit = paging(fields, maxPage)
	if take := count(fields, "take"); take > 0 {
		q.Limit = min(take, maxPage)
	}
	if skip := count(fields, "skip"); skip > 0 {
		q.Skip = skip
	}
	chats, err := h.core.Chats(r.Context(), r.instance, q)
	if err != nil {
		return answer{}, err
	}
	out := make([]chatRow, 0, len(chats))
	for _, c := range chats {
		row := chatRow{
			ID: contactID(r.instance.ID, c.Address), RemoteJID: c.Address.String(), PushName: optional(c.Title()), PictureURL: optional(c.With.Picture), UpdatedAt: stamp(updated(c.Chat)),
			WindowStart: stamp(c.CreatedAt), WindowExpires: stamp(c.CreatedAt.Add(window)), WindowActive: time.Since(c.CreatedAt) < window,
			UnreadCount: c.Unread, IsSaved: true, CreatedAt: stamp(c.CreatedAt),
		}
		if c.Last != nil {
			found, err := h.foundOf(r, *c.Last)
			if err != nil {
				return answer{}, err
			}
			row.LastMessage = &lastMessage{
				ID: found.ID, Key: found.Key, PushName: found.PushName, Participant: optional(found.Key.Participant), MessageType: found.MessageType,
				Message: found.Message, ContextInfo: found.ContextInfo, Source: found.Source, Timestamp: found.Timestamp,
				InstanceID: found.InstanceID, Status: c.Last.Status,
			}
			if found.Key.FromMe {
				row.LastMessage.PushName = ownName
			}
		}
		out = append(out, row)
	}
	return ok(out)
}

// updated is when something was said last.
func updated(c transcript.Chat) time.Time {
	if c.LastAt.IsZero() {
		return c.CreatedAt
	}
	return c.LastAt
}

type oneChat struct {
	ID         string   `json:"id"`
	RemoteJID  string   `json:"remoteJid"`
	Name       *string  `json:"name"`
	Labels     []string `json:"labels"` // ids
	CreatedAt  stamp    `json:"createdAt"`
	UpdatedAt  stamp    `json:"updatedAt"`
	InstanceID string   `json:"instanceId"`
	Unread     int64    `json:"unreadMessages"`
}

func (h *Handler) findChatByJID(r *request) (answer, error) {
	asked := strings.TrimSpace(r.URL.Query().Get("remoteJid"))
	if asked == "" {
		return answer{}, &problem{status: http.StatusBadRequest, raw: map[string]string{"error": "remoteJid is a required query parameter"}}
	}
	chats, err := h.core.Chats(r.Context(), r.instance, core.ChatQuery{Chat: jid(asked), Limit: 1})
	if err != nil || len(chats) == 0 {
		return answer{status: http.StatusOK}, err
	}
	c := chats[0]
	labels, err := h.core.LabelsOf(r.Context(), r.instance, c.Address)
	if err != nil {
		return answer{}, err
	}
	return ok(oneChat{
		ID: derived(r.instance.ID, "chat/"+c.Key), RemoteJID: c.Address.String(), Name: optional(c.Title()), Labels: labels,
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(updated(c.Chat)), InstanceID: string(r.instance.ID), Unread: c.Unread,
	})
}
