package evolution

import (
	"net/http"
	"strings"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// baileys is the one kind of instance that this server has.
const baileys = "WHATSAPP-BAILEYS"

// Dialect is what instances made here are marked with.
const Dialect = "evolution"

type createAnswer struct {
	Instance  createdInstance   `json:"instance"`
	Hash      string            `json:"hash"`
	Webhook   createdWebhook    `json:"webhook"`
	Websocket struct{}          `json:"websocket"`
	Rabbitmq  struct{}          `json:"rabbitmq"`
	NATS      struct{}          `json:"nats"`
	SQS       struct{}          `json:"sqs"`
	Settings  instance.Settings `json:"settings"`
	QRCode    *qrObject         `json:"qrcode,omitempty"`
}

type createdInstance struct {
	Name      string  `json:"instanceName"`
	ID        string  `json:"instanceId"`
	Integ     string  `json:"integration"`
	WebhookWA *string `json:"webhookWaBusiness"`
	AccessWA  string  `json:"accessTokenWaBusiness"`
	Status    string  `json:"status"`
}

type createdWebhook struct {
	URL      string            `json:"webhookUrl,omitempty"`
	Headers  map[string]string `json:"webhookHeaders,omitempty"`
	ByEvents *bool             `json:"webhookByEvents,omitempty"`
	Base64   *bool             `json:"webhookBase64,omitempty"`
}

func (h *Handler) create(r *request) (answer, error) {
	if err := h.nameFree(r); err != nil {
		return answer{}, err
	}
	if !r.admin {
		return answer{}, unauthorized()
	}
	modernCreate(&r.body)
	if err := createBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	wanted, err := newInstance(fields)
	if err != nil {
		return answer{}, err
	}
	i, token, err := h.core.Create(r.Context(), wanted)
	if wanted.Proxy != nil && err != nil {
		return answer{}, proxyProblem(err)
	}
	if err != nil {
		return answer{}, err
	}
	out := createAnswer{
		Instance: createdInstance{Name: i.Name, ID: string(i.ID), Integ: baileys, Status: status(i.State)},
		Hash:     token, Settings: i.Settings,
	}
	if s := wanted.Webhook; s != nil {
		out.Webhook = createdWebhook{URL: s.URL, Headers: s.Headers, ByEvents: &s.ByEvents, Base64: &s.Base64}
	}
	if boolean(fields, "qrcode") {
		// The instance exists whatever becomes of its connection, and connect
		// goes on from there.
		seen, err := h.core.Connect(r.Context(), i, "")
		if err != nil {
			h.config.Log.WarnContext(r.Context(), "new instance does not connect", "instance", string(i.ID), "err", err)
			seen = instance.Seen{Instance: i}
		}
		out.QRCode = qrOf(seen.Offer)
		out.Instance.Status = status(seen.Instance.State)
	}
	return created(out)
}

// nameFree is Evolution's guard of create, which comes before the key's.
func (h *Handler) nameFree(r *request) error {
	name := strings.TrimSpace(str(r.body.object(), "instanceName"))
	if name == "" {
		return nil
	}
	_, err := h.core.Find(r.Context(), tenant.Default, name)
	switch {
	case err == nil:
		return &problem{status: http.StatusForbidden, message: []string{`This name "` + name + `" is already in use.`}}
	case fault.KindOf(err) == fault.NotFound:
		return nil
	default:
		return err
	}
}

func newInstance(fields map[string]any) (core.NewInstance, error) {
	wanted := core.NewInstance{
		Tenant: tenant.Default, Name: strings.TrimSpace(str(fields, "instanceName")), Token: str(fields, "token"),
		Number: core.Digits(beforeAt(str(fields, "number"))), Settings: settingsOf(fields), Client: Dialect,
	}
	switch str(fields, "integration") {
	case baileys:
	case "WHATSAPP-BUSINESS", "EVOLUTION":
		return wanted, refuse("This server has no " + str(fields, "integration") + " instances, only " + baileys)
	default:
		return wanted, refuse("Invalid integration")
	}
	if sentence := askedInVain(fields); sentence != "" {
		return wanted, refuse(sentence)
	}
	if err := checkTimeout(fields); err != nil {
		return wanted, err
	}
	if str(fields, "proxyHost") != "" && str(fields, "proxyPort") != "" && str(fields, "proxyProtocol") != "" {
		wanted.Proxy = proxyOf(fields, "proxyHost", "proxyPort", "proxyProtocol", "proxyUsername", "proxyPassword", "proxyOnlyLogin")
	}
	if w := object(fields, "webhook"); w != nil {
		s, err := subscription(w, true)
		if err != nil {
			return wanted, err
		}
		wanted.Webhook = &s
	}
	return wanted, nil
}

func subscription(w map[string]any, enabled bool) (webhook.Subscription, error) {
	s := webhook.Subscription{
		ID: webhook.Main, URL: str(w, "url"), Enabled: enabled, Events: strs(w, "events"),
		ByEvents: boolean(w, "byEvents"), Base64: boolean(w, "base64"), Format: webhook.FormatEvolution, Headers: headersOf(w),
	}
	if enabled && !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "https://") {
		return s, refuse(`Invalid "url" property`)
	}
	return s, nil
}

// beforeAt cuts a JID to its user.
func beforeAt(number string) string {
	user, _, _ := strings.Cut(number, "@")
	user, _, _ = strings.Cut(user, ":")
	return user
}
