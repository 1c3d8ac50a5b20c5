package evolution

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/message"
)

func (h *Handler) sendText(r *request) (answer, error) {
	fields, out, err := r.message(sendTextBody)
	if err != nil {
		return answer{}, err
	}
	text := str(fields, "text")
	if strings.TrimSpace(text) == "" {
		return answer{}, refuse("Text is required")
	}
	preview, given := fields["linkPreview"].(bool)
	out.Args.Text, out.LinkPreview = &command.TextArgs{Text: text}, preview || !given
	return h.send(r, out)
}

// message reads the body of a send: its fields, and what all messages have in
// common.
func (r *request) message(takes schema) (map[string]any, core.Outgoing, error) {
	modernMessage(&r.body)
	if err := takes.validate(&r.body); err != nil {
		return nil, core.Outgoing{}, err
	}
	fields := r.body.object()
	out, err := outgoing(fields)
	return fields, out, err
}

func outgoing(fields map[string]any) (core.Outgoing, error) {
	out := core.Outgoing{Number: str(fields, "number"), Args: command.SendArgs{
		MessageID: str(fields, "messageId"), Mentions: strs(fields, "mentioned"), MentionAll: boolean(fields, "mentionsEveryOne"),
		Delay: time.Duration(integer(fields, "delay")) * time.Millisecond,
	}}
	if id := out.Args.MessageID; id != "" && !message.ValidID(id) {
		return out, refuse("messageId is 16 to 32 upper-case letters and digits")
	}
	key := object(object(fields, "quoted"), "key")
	if id := str(key, "id"); id != "" {
		out.Args.Quoted = &command.Quoted{
			ID: id, Chat: str(key, "remoteJid"), Sender: str(key, "participant"), FromMe: boolean(key, "fromMe"),
		}
		if said := object(object(fields, "quoted"), "message"); said != nil {
			out.Args.Quoted.Content = encode(said)
		}
	}
	return out, nil
}

func (h *Handler) send(r *request, out core.Outgoing) (answer, error) {
	out.Key = r.Header.Get("Idempotency-Key")
	m, err := h.core.Send(r.Context(), r.instance, out)
	if err != nil {
		return answer{}, sendProblem(err)
	}
	said := sentOf(m, string(r.instance.ID))
	if m.Media != nil && m.Media.Blob != "" {
		link, err := h.core.MediaURL(r.Context(), *m.Media)
		if err != nil {
			return answer{}, err
		}
		said.Message = withField(said.Message, "mediaUrl", link)
	}
	if m.Media != nil {
		said.Message = h.withFile(r, said.Message, m)
	}
	return created(said)
}

// maxBase64 is how large a file may be inside an answer, in bytes, as inside a
// webhook.
const maxBase64 = 3 << 20

// withFile adds the file as it has gone out, where Evolution's webhook of the
// instance wants files too. The message is sent: without the file the answer is
// good all the same.
func (h *Handler) withFile(r *request, content json.RawMessage, m message.Message) json.RawMessage {
	hook, err := h.core.Webhook(r.Context(), r.instance)
	if err == nil && (hook == nil || !hook.Enabled || !hook.Base64 || m.Media.Size > maxBase64) {
		return content
	}
	var file []byte
	if err == nil {
		file, err = h.core.FileOf(r.Context(), r.instance, m)
	}
	if err != nil {
		h.config.Log.WarnContext(r.Context(), "an answer is without its file", "instance", string(r.instance.ID), "err", err)
		return content
	}
	return withField(content, "base64", base64.StdEncoding.EncodeToString(file))
}

// sendProblem is Evolution's way of telling what its client library has thrown:
// an array with the error as text, under 400. What may be tried again keeps its
// own status.
func sendProblem(err error) error {
	p := problemOf(err)
	if sentences, plain := p.message.([]string); plain && p.status == http.StatusServiceUnavailable && !core.Unanswered(err) {
		return &problem{status: http.StatusBadRequest, message: []string{"Error: " + sentences[0]}}
	}
	return err
}

// sentMessage is the answer of every send.
type sentMessage struct {
	Key         messageKey      `json:"key"`
	PushName    string          `json:"pushName"`
	Status      message.Status  `json:"status"`
	Message     json.RawMessage `json:"message"`
	ContextInfo json.RawMessage `json:"contextInfo,omitempty"`
	MessageType string          `json:"messageType"`
	Timestamp   int64           `json:"messageTimestamp"` // Unix seconds
	InstanceID  string          `json:"instanceId"`
	Source      string          `json:"source"`
}

type messageKey struct {
	RemoteJID   string `json:"remoteJid"`
	FromMe      bool   `json:"fromMe"`
	ID          string `json:"id"`
	Participant string `json:"participant,omitempty"`
}

// ownName is what Evolution calls the account in all that was sent through it.
const ownName = "Você"

func sentOf(m message.Message, instanceID string) sentMessage {
	out := sentMessage{
		Key:      messageKey{RemoteJID: m.Chat.String(), FromMe: true, ID: m.ID},
		PushName: ownName, Status: message.StatusPending, Message: m.Content, ContextInfo: m.Context, MessageType: m.Kind,
		Timestamp: m.Timestamp.Unix(), InstanceID: instanceID, Source: source(m.ID),
	}
	if len(out.Message) == 0 {
		out.Message = json.RawMessage("{}")
	}
	return out
}

// source guesses the kind of device from the form of a message id, as Baileys'
// getDevice does.
func source(id string) string {
	switch {
	case strings.HasPrefix(id, "3A") && len(id) == 20:
		return "ios"
	case strings.HasPrefix(id, "3E") && len(id) == 22:
		return "web"
	case len(id) == 21 || len(id) == 32:
		return "android"
	case strings.HasPrefix(id, "3F") || len(id) == 18:
		return "desktop"
	default:
		return "unknown"
	}
}
