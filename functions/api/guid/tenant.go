package guid

import (
	"context"
	"time"

	"roost/shared/fault"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

type madeTenant struct {
	AppKey    string `json:"appKey"`
	AppSecret string `json:"appSecret"`
}

func (h *Handler) createTenant(ctx context.Context, q request) (any, error) {
	direct, _ := q.body["defaultEgress"].(bool)
	account, secret, err := h.accounts.Create(ctx, tenant.Account{
		Tenant: tenant.ID(q.text("tenant")), Direct: direct, MaxInstances: q.number("maxClients"),
	})
	if fault.KindOf(err) == fault.Conflict && err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the tenant exists")
	}
	return madeTenant{account.AppKey, string(secret)}, err
}

// resetSecret gives an account a new secret, for a program that has lost its own.
func (h *Handler) resetSecret(ctx context.Context, q request) (any, error) {
	account, secret, err := h.accounts.Renew(ctx, tenant.ID(q.text("tenant")))
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "there is no such tenant")
	}
	return madeTenant{account.AppKey, string(secret)}, err
}

type issued struct {
	Token            string `json:"token"`
	ExpiresIn        int    `json:"expiresIn"`
	RefreshToken     string `json:"refreshToken"`
	RefreshExpiresIn int    `json:"refreshExpiresIn"`
}

func (h *Handler) token(ctx context.Context, q request) (any, error) {
	var tokens tenant.Tokens
	var err error
	if refresh := q.text("refreshToken"); refresh != "" {
		tokens, err = h.accounts.Refresh(ctx, refresh)
	} else {
		var account tenant.Account
		if account, err = h.accounts.Open(ctx, q.text("appKey"), tenant.Secret(q.text("appSecret"))); err == nil {
			tokens, err = h.accounts.Issue(ctx, account)
		}
	}
	if err != nil {
		return nil, err
	}
	return issued{
		tokens.Token, int(tenant.TokenLife / time.Second), tokens.Refresh, int(tenant.RefreshLife / time.Second),
	}, nil
}

type config struct {
	MaxIdle   int    `json:"maxIdle"`
	NotifyURL string `json:"notifyUrl"`

	LegacyWebID bool `json:"legacyWebID"`
}

func (h *Handler) setConfig(ctx context.Context, q request) (any, error) {
	if _, said := q.body["notifyUrl"]; said {
		if _, err := h.notify(ctx, q); err != nil {
			return nil, err
		}
	}
	c, err := h.configs.Config(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	was := c
	if n := q.number("maxIdle"); n > 0 {
		c.MaxIdle = n
	}
	if on, said := q.body["legacyWebID"].(bool); said {
		c.LegacyWebID = on
	}
	if c != was {
		if err := h.configs.SetConfig(ctx, q.tenant, c); err != nil {
			return nil, err
		}
	}
	out := config{MaxIdle: c.IdleLimit(), LegacyWebID: c.LegacyWebID}
	s, err := h.core.DefaultWebhook(ctx, q.tenant)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	out.NotifyURL = s.URL
	return out, nil
}

// webhookID is the subscription of a client that this dialect sets.
const webhookID = "guid"

type notified struct {
	NotifyURL string `json:"notifyUrl"`
	Secret    string `json:"secret"` // signs the callbacks, "" when there are none
}

func (h *Handler) setNotifyURL(ctx context.Context, q request) (any, error) {
	s, err := h.notify(ctx, q)
	return notified{s.URL, s.Secret}, err
}

// notify subscribes a client, or all of the tenant's, or ends that.
func (h *Handler) notify(ctx context.Context, q request) (webhook.Subscription, error) {
	s := webhook.Subscription{ID: webhookID, URL: q.text("notifyUrl"), Enabled: true, Format: webhook.FormatGUID}
	events, _ := q.body["events"].([]any)
	for _, e := range events {
		if name, ok := e.(string); ok {
			s.Events = append(s.Events, name)
		}
	}
	var err error
	if q.guid == "" {
		if s.URL == "" {
			err = h.core.RemoveDefaultWebhook(ctx, q.tenant)
		} else {
			s, _, err = h.core.SetDefaultWebhook(ctx, q.tenant, s)
		}
	} else {
		i, findErr := h.find(ctx, q)
		if findErr != nil {
			return s, findErr
		}
		if s.URL == "" {
			err = h.core.RemoveWebhook(ctx, i, s.ID)
		} else {
			s, err = h.core.PutWebhook(ctx, i, s)
		}
	}
	if q.text("notifyUrl") == "" && fault.KindOf(err) == fault.NotFound {
		return s, nil
	}
	return s, err
}
