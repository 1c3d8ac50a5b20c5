package aspx

import (
	"net/http"
	"time"

	"roost/functions/api/aspx/connection"

	"roost/shared/fault"
	"roost/shared/instance"
)

// session is the answer of close_session and restore_session: the status object
// as text inside JSON.
type session struct {
	Sucesso bool   `json:"sucesso"`
	Status  string `json:"Status"`
	Error   string `json:"error,omitempty"`
}

func (h *Handler) session(r *request, done bool, sentence string) (answer, error) {
	s, err := h.now(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return ok(session{Sucesso: done, Status: string(encode(s)), Error: sentence})
}

// disconnect unlinks the phone; asked again it answers the same.
func (h *Handler) disconnect(r *request) (answer, error) {
	if err := h.core.Unlink(r.Context(), r.instance); err != nil {
		return answer{}, err
	}
	return h.status(r)
}

// closeSession closes the connection and keeps the keys.
func (h *Handler) closeSession(r *request) (answer, error) {
	if err := h.core.Close(r.Context(), r.instance); err != nil {
		if problemOf(err).status == http.StatusOK {
			return h.session(r, false, problemOf(err).sentence)
		}
		return answer{}, err
	}
	return h.session(r, true, "")
}

// saveSession has nothing to do: keys are stored as they change.
func (h *Handler) saveSession(r *request) (answer, error) {
	return ok(struct {
		Sucesso bool `json:"sucesso"`
	}{linked(r.instance)})
}

func linked(i instance.Instance) bool { return i.JID != "" && i.State != instance.LoggedOut }

// restoreSession opens the connection with the stored keys and waits for the
// login.
func (h *Handler) restoreSession(r *request) (answer, error) {
	i, now := r.instance, time.Now()
	switch {
	case !linked(i):
		return h.session(r, false, "There are no keys; call generate_qrcode.aspx")
	case i.Reason.Code == instance.ReasonBanned && now.Before(i.Reason.Until):
		return h.session(r, false, bannedUntil(i.Reason.Until))
	}
	seen, err := h.core.Connect(r.Context(), i, "")
	if err != nil {
		return h.session(r, false, fault.PublicOf(err))
	}
	if connection.Of(seen, now) != connection.Authenticated {
		return h.session(r, false, "The connection is not open yet")
	}
	s, err := h.describe(r.Context(), seen)
	if err != nil {
		return answer{}, err
	}
	return ok(session{Sucesso: true, Status: string(encode(s))})
}

// cleared is what clear.aspx answers.
type cleared struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// clear removes the files that Roost keeps of the instance, and begins to count
// its bytes anew. Keys and the record of what was said stay.
func (h *Handler) clear(r *request) (answer, error) {
	if err := h.core.RemoveMedia(r.Context(), r.instance); err != nil {
		return answer{}, err
	}
	if err := h.core.ForgetTraffic(r.Context(), r.instance); err != nil {
		return answer{}, err
	}
	if err := h.core.Acknowledge(r.Context(), r.instance); err != nil {
		return answer{}, err
	}
	h.inventory.forget(r.instance.ID)
	return ok(cleared{Status: true, Message: "clear ok"})
}
