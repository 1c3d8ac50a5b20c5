package aspx

import "roost/shared/command"

// done is the answer of what has no value.
type done struct {
	Sucesso bool   `json:"sucesso"`
	Error   string `json:"error,omitempty"`
}

func doneOr(err error) (answer, error) {
	if err == nil {
		return ok(done{Sucesso: true})
	}
	if p := problemOf(err); p.status < 300 {
		return ok(done{Error: p.sentence})
	}
	return answer{}, err
}

// subscribe has WhatsApp tell of a contact's presence.
func (h *Handler) subscribe(r *request) (answer, error) {
	number, err := r.number()
	if err != nil {
		return answer{}, err
	}
	return doneOr(h.core.WatchPresence(r.Context(), r.instance, number))
}

// sendPresence shows what the account is doing. The first two are shown to
// everybody and need no number.
func (h *Handler) sendPresence(r *request) (answer, error) {
	var in struct {
		Number   word   `json:"number"`
		Presence string `json:"presence"`
	}
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	toAll := in.Presence == command.PresenceAvailable || in.Presence == command.PresenceUnavailable
	if !toAll && in.Number == "" {
		return answer{}, refuse("number is missing")
	}
	return doneOr(h.core.ShowPresence(r.Context(), r.instance, string(in.Number), in.Presence))
}

// markRead tells who wrote a message that it is read.
func (h *Handler) markRead(r *request) (answer, error) {
	var in struct {
		Number      word   `json:"number"`
		ID          string `json:"id"`
		Participant word   `json:"participant"` // who wrote it, in groups
	}
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	return doneOr(h.core.MarkRead(r.Context(), r.instance, string(in.Number), string(in.Participant), []string{in.ID}))
}
