package evolution

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/fault"
)

var errNoPicture = fault.New(fault.Invalid, "the picture must be a url or base64")

func asAbsent(err error, absent **core.AbsentError) bool { return errors.As(err, absent) }

// marked is a message that others have written and that is read now.
type marked struct{ id, chat, sender string }

// markedIn lists the messages of others that a body names.
func markedIn(fields map[string]any, name string) []marked {
	list, _ := fields[name].([]any)
	var out []marked
	for _, item := range list {
		key, _ := item.(map[string]any)
		if boolean(key, "fromMe") {
			continue
		}
		out = append(out, marked{str(key, "id"), str(key, "remoteJid"), str(key, "participant")})
	}
	return out
}

// mark tells of messages chat by chat, and in groups one by one, since each may
// be of somebody else.
func mark(all []marked, tell func(chat, sender string, ids []string) error) error {
	for len(all) > 0 {
		first, n := all[0], 1
		ids := []string{first.id}
		for !strings.HasSuffix(first.chat, "@g.us") && n < len(all) && all[n].chat == first.chat {
			ids = append(ids, all[n].id)
			n++
		}
		if err := tell(first.chat, first.sender, ids); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (h *Handler) markRead(r *request) (answer, error) {
	fields := r.body.object()
	rename(fields, "readMessages", "read_messages")
	if err := readBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	err := mark(markedIn(fields, "readMessages"), func(chat, sender string, ids []string) error {
		return h.core.MarkRead(r.Context(), r.instance, chat, sender, ids)
	})
	if err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Read messages fail")
	}
	return created(map[string]string{"message": "Read messages", "read": "success"})
}

func (h *Handler) markPlayed(r *request) (answer, error) {
	if err := playedBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	err := mark(markedIn(r.body.object(), "playedMessages"), func(chat, sender string, ids []string) error {
		return h.core.MarkPlayed(r.Context(), r.instance, chat, sender, ids)
	})
	if err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Played messages fail")
	}
	return created(map[string]string{"message": "Played messages", "played": "success"})
}

// markedChat reads which chat is meant, as the user has written it, and its last
// message as far as the body says it.
func markedChat(fields map[string]any) (string, command.MarkChatArgs) {
	last := object(fields, "lastMessage")
	key := object(last, "key")
	chat := str(fields, "chat")
	if chat == "" {
		chat = str(key, "remoteJid")
	}
	args := command.MarkChatArgs{Chat: core.Address(chat), Last: command.LastMessage{ID: str(key, "id"), FromMe: boolean(key, "fromMe")}}
	if stamp, given := last["messageTimestamp"].(json.Number); given {
		if seconds, err := strconv.ParseInt(stamp.String(), 10, 64); err == nil && seconds > 0 {
			args.Last.At = time.Unix(seconds, 0)
		}
	}
	return chat, args
}

func (h *Handler) archiveChat(r *request) (answer, error) {
	if err := archiveChatBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	chat, args := markedChat(fields)
	args.Archived = new(boolean(fields, "archive"))
	if err := h.markChat(r, chat, args); err != nil {
		return answer{}, chatProblem(err, "archived", "An error occurred while archiving the chat. Open a calling.")
	}
	return created(map[string]any{"chatId": chat, "archived": true})
}

func (h *Handler) markUnread(r *request) (answer, error) {
	if err := unreadChatBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	chat, args := markedChat(r.body.object())
	args.Unread = new(true)
	if err := h.markChat(r, chat, args); err != nil {
		return answer{}, chatProblem(err, "markedChatUnread", "An error occurred while marked unread the chat. Open a calling.")
	}
	return created(map[string]any{"chatId": chat, "markedChatUnread": true})
}

func (h *Handler) markChat(r *request, chat string, args command.MarkChatArgs) error {
	if chat == "" {
		return fault.New(fault.NotFound, "Last message not found")
	}
	return h.core.MarkChat(r.Context(), r.instance, args)
}

// chatProblem is about with the shape that these two routes have.
func chatProblem(err error, flag, sentence string) error {
	p, told := about(err, http.StatusInternalServerError, sentence).(*problem) //nolint:errorlint // about makes it, unwrapped
	if !told {
		return err
	}
	p.message = []any{map[string]any{flag: false, "message": p.message}}
	return p
}

// setPresence shows the account as there or not. What people do in a chat is,
// without one, being there.
func (h *Handler) setPresence(r *request) (answer, error) {
	if err := presenceBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	said := str(r.body.object(), "presence")
	shown := said
	if said != command.PresenceUnavailable {
		shown = command.PresenceAvailable
	}
	if err := h.core.ShowPresence(r.Context(), r.instance, "", shown); err != nil {
		return answer{}, err
	}
	return created(map[string]string{"presence": said})
}

// sendPresence takes its fields also below options, as the documentation has
// them.
func (h *Handler) sendPresence(r *request) (answer, error) {
	fields := r.body.object()
	for name, value := range object(fields, "options") {
		if _, given := fields[name]; !given {
			fields[name] = value
		}
	}
	if err := chatPresenceBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	said := str(fields, "presence")
	while := time.Duration(integer(fields, "delay")) * time.Millisecond
	if err := h.core.PresentFor(r.Context(), r.instance, str(fields, "number"), said, while); err != nil {
		return answer{}, err
	}
	return created(map[string]string{"presence": said})
}

func (h *Handler) handleLabel(r *request) (answer, error) {
	if err := labelBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	label, action := str(fields, "labelId"), str(fields, "action")
	jid, err := h.core.LabelChat(r.Context(), r.instance, str(fields, "number"), label, action == "add")
	if err != nil {
		return answer{}, about(err, http.StatusBadRequest, "Unable to "+action+" label to chat")
	}
	return ok(map[string]any{"numberJid": jid, "labelId": label, action: true})
}

type labelRow struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	Color      string  `json:"color"`
	Predefined *string `json:"predefinedId"`
}

func (h *Handler) findLabels(r *request) (answer, error) {
	labels, err := h.core.Labels(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	out := make([]labelRow, len(labels))
	for n, l := range labels {
		out[n] = labelRow{ID: l.ID, Name: l.Name, Color: strconv.Itoa(l.Color), Predefined: optional(l.Predefined)}
	}
	return ok(out)
}
