package evolution

import (
	"encoding/json"
	"net/http"
	"strings"

	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/message"
)

// rawMessage is what Evolution hands through of its client library: the message
// that changes another.
type rawMessage struct {
	Key       messageKey      `json:"key"`
	Message   json.RawMessage `json:"message"`
	Timestamp int64           `json:"messageTimestamp"` // Unix seconds
	Status    message.Status  `json:"status"`
}

func rawOf(m message.Message) rawMessage {
	return rawMessage{
		Key: messageKey{RemoteJID: m.Chat.String(), FromMe: true, ID: m.ID}, Message: m.Content, Timestamp: m.Timestamp.Unix(),
		Status: message.StatusPending,
	}
}

// updateMessage gives a message of the account another text.
func (h *Handler) updateMessage(r *request) (answer, error) {
	if err := updateBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	key, text := object(fields, "key"), str(fields, "text")
	if strings.TrimSpace(text) == "" {
		return answer{}, refuse("Text is required")
	}
	chat := str(fields, "number")
	if chat == "" {
		chat = str(key, "remoteJid")
	}
	m, err := h.core.Edit(r.Context(), r.instance, core.Change{
		Number: chat, ID: str(key, "id"), Text: text, Key: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return answer{}, sendProblem(err)
	}
	return ok(rawOf(m))
}

// deleteMessage takes a message back from everybody.
func (h *Handler) deleteMessage(r *request) (answer, error) {
	if err := deleteBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	which := reference(fields)
	if !which.FromMe && !strings.HasSuffix(core.Address(str(fields, "remoteJid")), "@g.us") {
		return answer{}, refuse("Only messages of this account can be deleted for everyone, or as admin those of a group")
	}
	m, err := h.core.Send(r.Context(), r.instance, core.Outgoing{
		Number: str(fields, "remoteJid"), Args: command.SendArgs{Revoke: &which}, Key: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return answer{}, sendProblem(err)
	}
	return created(rawOf(m))
}

// sendTemplate is for accounts of WhatsApp's cloud API.
func (h *Handler) sendTemplate(r *request) (answer, error) {
	if err := templateBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	return answer{}, &problem{status: http.StatusInternalServerError, message: "Method not available in the Baileys service"}
}

// offerCall answers where Evolution pretends: a call needs a voice, which the
// protocol's library has none for.
func (h *Handler) offerCall(r *request) (answer, error) {
	if err := callBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	return answer{}, refuse("This server cannot place calls: it rejects incoming ones (settings, rejectCall), and has no voice to call with")
}
