package aspx

import (
	"context"
	"strings"

	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/webhook"
)

// configBody has nil for what is left out.
type configBody struct {
	Webhook    *string `json:"webhook"`
	UserAgent  *string `json:"user_agent"`
	CanBulk    *bool   `json:"APIVersionCanBulk"`
	APIVersion *word   `json:"APIVersion"`
}

// setConfig changes what the body names and leaves the rest.
func (h *Handler) setConfig(r *request) (answer, error) {
	var in configBody
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	if v := in.APIVersion; v != nil && *v == "1" { // a number loses its zero
		*v = "1.0"
	}
	ctx := r.Context()
	if in.Webhook != nil || in.CanBulk != nil || in.APIVersion != nil {
		if err := h.setWebhook(ctx, r.instance, in.Webhook, in.CanBulk, (*string)(in.APIVersion)); err != nil {
			return answer{}, err
		}
	}
	if in.UserAgent != nil {
		if err := h.setUserAgent(ctx, r.instance, *in.UserAgent); err != nil {
			return answer{}, err
		}
	}
	if in != (configBody{}) {
		if err := h.tellConfig(r); err != nil { // it is set all the same
			h.log.ErrorContext(ctx, "a change of settings cannot be told", "err", err)
		}
	}
	return h.status(r)
}

// tellConfig has PostBack tell what is set now.
func (h *Handler) tellConfig(r *request) error {
	hook, err := h.core.Webhook(r.Context(), r.instance)
	if err != nil || hook == nil || !hook.Enabled {
		return err
	}
	seen, err := h.core.Look(r.Context(), r.instance)
	if err != nil {
		return err
	}
	version, _ := webhook.PostbackVersion(hook.Format)
	return h.core.TellConfig(r.Context(), seen.Instance, event.Config{
		Webhook: hook.URL, UserAgent: browserOf(seen.Instance.Settings.UserAgent), APIVersion: version,
	})
}

func (h *Handler) setWebhook(ctx context.Context, i instance.Instance, url *string, bulk *bool, version *string) error {
	s := webhook.Subscription{ID: webhook.Main}
	stored, err := h.core.Webhook(ctx, i)
	if err != nil {
		return err
	}
	if stored != nil {
		s = *stored
	}
	now, packed := webhook.PostbackVersion(s.Format)
	if bulk != nil {
		packed = *bulk
	}
	if version != nil {
		now = *version
	}
	s.Format, s.Events, s.ByEvents = webhook.PostbackFormat(now, packed), nil, false
	if url != nil {
		s.URL, s.Enabled = *url, *url != ""
	}
	if s.Enabled {
		_, err = h.core.SetCheckedWebhook(ctx, i, s)
		return err
	}
	_, err = h.core.SetWebhook(ctx, i, s)
	return err
}

// setUserAgent keeps the browser that the next pairing names.
func (h *Handler) setUserAgent(ctx context.Context, i instance.Instance, agent string) error {
	agent = browserOf(agent)
	if agent == i.Settings.UserAgent {
		return nil
	}
	settings := i.Settings
	settings.UserAgent = agent
	_, err := h.core.Settings(ctx, i, settings)
	return err
}

// browserOf is a browser's name out of what it says of itself. What none is
// known of counts as Chrome.
func browserOf(agent string) string {
	agent = strings.ToLower(agent)
	for _, b := range []struct{ mark, name string }{ // those that call themselves Chrome too come first
		{"edg", "Edge"}, {"opr/", "Opera"}, {"opera", "Opera"}, {"firefox", "Firefox"}, {"chrom", "Chrome"}, {"safari", "Safari"},
	} {
		if strings.Contains(agent, b.mark) {
			return b.name
		}
	}
	return "Chrome"
}
