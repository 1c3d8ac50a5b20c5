package evolution

import (
	"net/http"
	"strings"

	"roost/functions/api/core"
	"roost/shared/instance"
)

// status is Evolution's word for a state.
func status(s instance.State) string {
	switch s {
	case instance.Open:
		return "open"
	case instance.Connecting, instance.Idle, instance.Pairing, instance.Starting:
		return "connecting"
	case instance.Created, instance.Closed, instance.LoggedOut, instance.Deleting, instance.Deleted:
	}
	return "close"
}

type stateAnswer struct {
	Instance struct {
		Name  string `json:"instanceName"`
		State string `json:"state"`
	} `json:"instance"`
}

func stateOf(i instance.Instance) stateAnswer {
	var out stateAnswer
	out.Instance.Name, out.Instance.State = i.Name, status(i.State)
	return out
}

func (h *Handler) connectionState(r *request) (answer, error) { return ok(stateOf(r.instance)) }

// connect answers the QR object, or the state of an instance that needs none.
func (h *Handler) connect(r *request) (answer, error) {
	number := strings.TrimSpace(r.URL.Query().Get("number"))
	digits := core.Digits(beforeAt(number))
	if number != "" && digits == "" {
		return answer{}, refuse("Invalid number: " + number)
	}
	seen, err := h.core.Connect(r.Context(), r.instance, digits)
	if err != nil {
		return answer{}, err
	}
	return linkAnswer(seen)
}

func (h *Handler) restart(r *request) (answer, error) {
	seen, err := h.core.Restart(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return linkAnswer(seen)
}

func linkAnswer(seen instance.Seen) (answer, error) {
	if seen.Instance.JID != "" || status(seen.Instance.State) == "open" {
		return ok(stateOf(seen.Instance))
	}
	return ok(qrOf(seen.Offer))
}

type doneAnswer struct {
	Status   string       `json:"status"`
	Error    bool         `json:"error"`
	Response doneMessage  `json:"response"`
	Archive  *archiveView `json:"archive,omitempty"`
}

type doneMessage struct {
	Message string `json:"message"`
}

func (h *Handler) logout(r *request) (answer, error) {
	if err := h.core.Logout(r.Context(), r.instance); err != nil {
		return answer{}, err
	}
	return ok(doneAnswer{Status: "SUCCESS", Response: doneMessage{"Instance logged out"}})
}

func (h *Handler) remove(r *request) (answer, error) {
	archived, err := h.core.Delete(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return ok(doneAnswer{Status: "SUCCESS", Response: doneMessage{"Instance deleted"}, Archive: viewArchive(archived)})
}

// missing is Evolution's answer for a filter that finds nothing.
func missing(names []string) error {
	word := "Instance"
	if len(names) > 1 {
		word = "Instances"
	}
	return &problem{status: http.StatusNotFound, message: []string{word + ` "` + strings.Join(names, ", ") + `" not found`}}
}
