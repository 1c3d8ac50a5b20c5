package evolution

import (
	"net/http"
	"slices"
	"time"

	"roost/shared/tenant"
	"roost/shared/webhook"
)

// endpoint is one of several webhooks, which Evolution does not have. The one of
// Evolution's own routes is among them, under the id "main".
type endpoint struct {
	ID       string            `json:"id"`
	URL      string            `json:"url"`
	Enabled  bool              `json:"enabled"`
	Events   []string          `json:"events"` // none for all
	Headers  map[string]string `json:"headers,omitempty"`
	ByEvents bool              `json:"byEvents"`
	Base64   bool              `json:"base64"`
	Format   string            `json:"format"`
	// Why Roost has turned it off, and when.
	DisabledReason string     `json:"disabledReason,omitempty"`
	DisabledAt     *time.Time `json:"disabledAt,omitempty"`
	CreatedAt      stamp      `json:"createdAt"`
	UpdatedAt      stamp      `json:"updatedAt"`
	// Secret signs. It is told when it has been made and never again.
	Secret string `json:"secret,omitempty"`
	// OldSecretUntil is until when the secret before signs too.
	OldSecretUntil *time.Time `json:"oldSecretUntil,omitempty"`
}

func viewEndpoint(s webhook.Subscription, withSecret bool) endpoint {
	v := endpoint{
		ID: s.ID, URL: s.URL, Enabled: s.Enabled, Events: s.Events, Headers: s.Headers, ByEvents: s.ByEvents, Base64: s.Base64,
		Format: s.Format, DisabledReason: s.Disabled, CreatedAt: stamp(s.CreatedAt), UpdatedAt: stamp(s.UpdatedAt),
	}
	if v.Events == nil {
		v.Events = []string{}
	}
	if !s.DisabledAt.IsZero() {
		v.DisabledAt = &s.DisabledAt
	}
	if s.Retiring != "" && time.Now().Before(s.RetiringUntil) {
		v.OldSecretUntil = &s.RetiringUntil
	}
	if withSecret {
		v.Secret = s.Secret
	}
	return v
}

// disabledEvent is Roost's own event, beside Evolution's.
const disabledEvent = "WEBHOOK_DISABLED"

var endpointBody = schema{
	kind: "object",
	properties: []schema{
		flag("enabled"), text("url"),
		{name: "headers", kind: "object"},
		flag("byEvents"), flag("base64"),
		{name: "events", kind: "array", items: &schema{kind: "string", enum: append(slices.Clone(eventNames), disabledEvent)}},
		text("format"),
	},
	required: []string{"url"},
	filled:   []string{"url"},
}

func (r *request) endpoint() (webhook.Subscription, error) {
	if err := endpointBody.validate(&r.body); err != nil {
		return webhook.Subscription{}, err
	}
	fields := r.body.object()
	_, said := fields["enabled"]
	s, err := subscription(fields, !said || boolean(fields, "enabled"))
	if err != nil {
		return s, err
	}
	if s.ID = r.item; str(fields, "format") != "" {
		s.Format = str(fields, "format")
	}
	return s, nil
}

func (h *Handler) listEndpoints(r *request) (answer, error) {
	all, err := h.core.Webhooks(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	out := make([]endpoint, len(all))
	for n, s := range all {
		out[n] = viewEndpoint(s, false)
	}
	return ok(map[string]any{"endpoints": out})
}

func (h *Handler) addEndpoint(r *request) (answer, error) {
	s, err := r.endpoint()
	if err != nil {
		return answer{}, err
	}
	if s, err = h.core.AddWebhook(r.Context(), r.instance, s); err != nil {
		return answer{}, err
	}
	return created(viewEndpoint(s, true))
}

func (h *Handler) showEndpoint(r *request) (answer, error) {
	s, err := h.core.WebhookByID(r.Context(), r.instance, r.item)
	if err != nil {
		return answer{}, err
	}
	return ok(viewEndpoint(s, false))
}

func (h *Handler) changeEndpoint(r *request) (answer, error) {
	s, err := r.endpoint()
	if err != nil {
		return answer{}, err
	}
	if s, err = h.core.ChangeWebhook(r.Context(), r.instance, s); err != nil {
		return answer{}, err
	}
	return ok(viewEndpoint(s, false))
}

func (h *Handler) removeEndpoint(r *request) (answer, error) {
	if err := h.core.RemoveWebhook(r.Context(), r.instance, r.item); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, value: map[string]any{"removed": r.item}}, nil
}

func (h *Handler) rotateEndpoint(r *request) (answer, error) {
	s, err := h.core.RotateSecret(r.Context(), r.instance, r.item)
	if err != nil {
		return answer{}, err
	}
	return ok(viewEndpoint(s, true))
}

func (h *Handler) showDefault(r *request) (answer, error) {
	s, err := h.core.DefaultWebhook(r.Context(), tenant.Default)
	if err != nil {
		return answer{}, err
	}
	return ok(viewEndpoint(s, false))
}

func (h *Handler) setDefault(r *request) (answer, error) {
	s, err := r.endpoint()
	if err != nil {
		return answer{}, err
	}
	s, fresh, err := h.core.SetDefaultWebhook(r.Context(), tenant.Default, s)
	if err != nil {
		return answer{}, err
	}
	if fresh {
		return created(viewEndpoint(s, true))
	}
	return ok(viewEndpoint(s, false))
}

func (h *Handler) removeDefault(r *request) (answer, error) {
	if err := h.core.RemoveDefaultWebhook(r.Context(), tenant.Default); err != nil {
		return answer{}, err
	}
	return ok(map[string]any{"removed": webhook.Default})
}

func (h *Handler) rotateDefault(r *request) (answer, error) {
	s, err := h.core.RotateDefaultSecret(r.Context(), tenant.Default)
	if err != nil {
		return answer{}, err
	}
	return ok(viewEndpoint(s, true))
}
