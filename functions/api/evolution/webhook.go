package evolution

import (
	"encoding/json"
	"fmt"
	"slices"

	"roost/shared/instance"
	"roost/shared/webhook"
)

// webhookRow is a subscription as Evolution's database has it.
type webhookRow struct {
	ID         string            `json:"id"`
	URL        string            `json:"url"`
	Headers    map[string]string `json:"headers"` // null when none were given
	Enabled    bool              `json:"enabled"`
	Events     []string          `json:"events"`
	ByEvents   bool              `json:"webhookByEvents"`
	Base64     bool              `json:"webhookBase64"`
	CreatedAt  stamp             `json:"createdAt"`
	UpdatedAt  stamp             `json:"updatedAt"`
	InstanceID string            `json:"instanceId"`
}

// allEvents are those that an empty list stands for.
var allEvents = slices.DeleteFunc(slices.Clone(eventNames), func(name string) bool {
	return name == "GROUPS_UPDATE" || name == "MESSAGING_HISTORY_SET" // an alias, and a name of 2.4
})

func rowOfWebhook(i instance.Instance, s webhook.Subscription) webhookRow {
	out := webhookRow{
		ID: derived(i.ID, "webhook"), URL: s.URL, Headers: s.Headers, Enabled: s.Enabled, Events: s.Events,
		ByEvents: s.ByEvents, Base64: s.Base64, CreatedAt: stamp(s.CreatedAt), UpdatedAt: stamp(s.UpdatedAt), InstanceID: string(i.ID),
	}
	switch {
	case !s.Enabled:
		out.Events = []string{}
	case len(s.Events) == 0:
		out.Events = allEvents
	}
	return out
}

func (h *Handler) setWebhook(r *request) (answer, error) {
	modernWebhookBody(&r.body)
	if err := webhookBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	w := object(r.body.object(), "webhook")
	s, err := subscription(w, boolean(w, "enabled"))
	if err != nil {
		return answer{}, err
	}
	set := h.core.SetCheckedWebhook
	if !s.Enabled {
		s.Events, set = nil, h.core.SetWebhook
	}
	if s, err = set(r.Context(), r.instance, s); err != nil {
		return answer{}, err
	}
	return created(rowOfWebhook(r.instance, s))
}

func (h *Handler) findWebhook(r *request) (answer, error) {
	s, err := h.core.Webhook(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	if s == nil {
		return ok(nil)
	}
	return ok(rowOfWebhook(r.instance, *s))
}

// headersOf are the headers of a webhook as text; nil when none were given.
func headersOf(w map[string]any) map[string]string {
	given := object(w, "headers")
	if len(given) == 0 {
		return nil
	}
	out := map[string]string{}
	for name, value := range given {
		switch v := value.(type) {
		case string:
			out[name] = v
		case bool, json.Number:
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}
