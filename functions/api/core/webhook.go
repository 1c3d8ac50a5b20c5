package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"roost/shared/backlog"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

const (
	// maxWebhooks is how many an instance may have.
	maxWebhooks = 20
	// bothSecrets is how long the secret before a rotation still signs.
	bothSecrets = 24 * time.Hour
)

// Webhook returns the instance's one subscription, nil when there is none.
func (c *Core) Webhook(ctx context.Context, i instance.Instance) (*webhook.Subscription, error) {
	s, err := c.deps.Webhooks.Get(ctx, i.ID, webhook.Main)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // no webhook is an answer
	}
	return &s, err
}

// TellConfig tells the webhooks how the instance is set now.
func (c *Core) TellConfig(ctx context.Context, i instance.Instance, told event.Config) error {
	return c.publish(ctx, i, event.ConfigChanged, told, uuid.NewString())
}

// WebID is how the .aspx dialect calls an instance: by its id or, where its tenant
// wants that of the original, by its key.
func (c *Core) WebID(ctx context.Context, i instance.Instance) (string, error) {
	config, err := c.tenants.Config(ctx, i.Tenant)
	if err != nil || !config.LegacyWebID {
		return string(i.ID), err
	}
	return c.Token(i)
}

// SetWebhook creates or replaces the instance's one subscription.
func (c *Core) SetWebhook(ctx context.Context, i instance.Instance, s webhook.Subscription) (webhook.Subscription, error) {
	s.ID = webhook.Main
	return c.deps.Webhooks.Put(ctx, i.ID, s)
}

// SetCheckedWebhook is SetWebhook that refuses, as Invalid, what would never be
// delivered.
func (c *Core) SetCheckedWebhook(ctx context.Context, i instance.Instance, s webhook.Subscription) (webhook.Subscription, error) {
	if err := c.CheckWebhook(s); err != nil {
		return webhook.Subscription{}, err
	}
	return c.SetWebhook(ctx, i, s)
}

// PutWebhook creates or replaces the subscription of s.ID.
func (c *Core) PutWebhook(ctx context.Context, i instance.Instance, s webhook.Subscription) (webhook.Subscription, error) {
	if err := c.CheckWebhook(s); err != nil {
		return webhook.Subscription{}, err
	}
	return c.deps.Webhooks.Put(ctx, i.ID, s)
}

// Webhooks returns the instance's subscriptions in order of their ids.
func (c *Core) Webhooks(ctx context.Context, i instance.Instance) ([]webhook.Subscription, error) {
	return c.deps.Webhooks.List(ctx, i.ID)
}

// WebhookByID returns one of the instance's subscriptions, or NotFound.
func (c *Core) WebhookByID(ctx context.Context, i instance.Instance, id string) (webhook.Subscription, error) {
	return c.deps.Webhooks.Get(ctx, i.ID, id)
}

// AddWebhook adds a subscription, whose id and secret are made.
func (c *Core) AddWebhook(ctx context.Context, i instance.Instance, s webhook.Subscription) (webhook.Subscription, error) {
	if err := c.CheckWebhook(s); err != nil {
		return webhook.Subscription{}, err
	}
	all, err := c.deps.Webhooks.List(ctx, i.ID)
	if err != nil {
		return webhook.Subscription{}, err
	}
	if len(all) >= maxWebhooks {
		return webhook.Subscription{}, fault.New(fault.Conflict, "The instance has %d webhooks, which is all it may have", len(all))
	}
	s.ID, s.Secret = uuid.NewString(), ""
	return c.deps.Webhooks.Put(ctx, i.ID, s)
}

// ChangeWebhook replaces what a subscription says of itself. Its secret stays.
func (c *Core) ChangeWebhook(ctx context.Context, i instance.Instance, s webhook.Subscription) (webhook.Subscription, error) {
	if err := c.CheckWebhook(s); err != nil {
		return webhook.Subscription{}, err
	}
	if _, err := c.deps.Webhooks.Get(ctx, i.ID, s.ID); err != nil {
		return webhook.Subscription{}, err
	}
	s.Secret = ""
	return c.deps.Webhooks.Put(ctx, i.ID, s)
}

// RemoveWebhook deletes a subscription with what still waits for it.
func (c *Core) RemoveWebhook(ctx context.Context, i instance.Instance, id string) error {
	if _, err := c.deps.Webhooks.Get(ctx, i.ID, id); err != nil {
		return err
	}
	return c.deps.Webhooks.Remove(ctx, i.ID, id)
}

// RotateSecret gives a subscription a new secret; the one before signs for
// another day.
func (c *Core) RotateSecret(ctx context.Context, i instance.Instance, id string) (webhook.Subscription, error) {
	return c.deps.Webhooks.Rotate(ctx, i.ID, id, time.Now().Add(bothSecrets))
}

// DefaultWebhook returns the tenant's subscription to all of its instances, or
// NotFound.
func (c *Core) DefaultWebhook(ctx context.Context, t tenant.ID) (webhook.Subscription, error) {
	return c.deps.Webhooks.Default(ctx, t)
}

// SetDefaultWebhook creates or replaces it. created tells which: only then has
// the caller not seen its secret.
func (c *Core) SetDefaultWebhook(ctx context.Context, t tenant.ID, s webhook.Subscription) (set webhook.Subscription, created bool, err error) {
	if err := c.CheckWebhook(s); err != nil {
		return set, false, err
	}
	_, err = c.deps.Webhooks.Default(ctx, t)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return set, false, err
	}
	created, s.Secret = err != nil, ""
	set, err = c.deps.Webhooks.PutDefault(ctx, t, s)
	return set, created, err
}

// RotateDefaultSecret is RotateSecret for the tenant's subscription.
func (c *Core) RotateDefaultSecret(ctx context.Context, t tenant.ID) (webhook.Subscription, error) {
	return c.deps.Webhooks.RotateDefault(ctx, t, time.Now().Add(bothSecrets))
}

// RemoveDefaultWebhook deletes it.
func (c *Core) RemoveDefaultWebhook(ctx context.Context, t tenant.ID) error {
	if _, err := c.deps.Webhooks.Default(ctx, t); err != nil {
		return err
	}
	return c.deps.Webhooks.RemoveDefault(ctx, t)
}

// CheckWebhook refuses, as Invalid, what would never be delivered. Where a name
// leads is judged at each call.
func (c *Core) CheckWebhook(s webhook.Subscription) error {
	err := egress.Policy{Allow: c.deps.Networks, HTTP: c.deps.HTTP}.Check(s.URL)
	switch {
	case errors.Is(err, egress.ErrInsecure):
		return fault.New(fault.Invalid, "Only https is called")
	case errors.Is(err, egress.ErrInside):
		return fault.New(fault.Invalid, `Invalid "url" property: its address is not a public one`)
	case err != nil:
		return fault.New(fault.Invalid, `Invalid "url" property`)
	case s.Format != webhook.FormatEvolution && !slices.Contains(c.deps.Formats, s.Format):
		return fault.New(fault.Invalid, "There is no format %q", s.Format)
	}
	return nil
}

// Deliveries lists what webhooks have been told, are still to be told, or could
// not be told.
func (c *Core) Deliveries(ctx context.Context, i instance.Instance, f backlog.Filter) (backlog.Page, error) {
	return c.deps.Backlog.List(ctx, i.ID, f)
}

// Delivery returns one of them, with its event while that is kept.
func (c *Core) Delivery(ctx context.Context, i instance.Instance, id string) (backlog.Delivery, error) {
	parsed, err := backlog.ParseID(id)
	if err != nil {
		return backlog.Delivery{}, err
	}
	return c.deps.Backlog.Get(ctx, i.ID, parsed)
}

// Replay has dead letters told again, and what waits told now: one delivery
// when id says which, else those that f lets through. Subscriptions that are
// off get nothing: what they were told would only fail.
func (c *Core) Replay(ctx context.Context, i instance.Instance, id string, f backlog.Filter) (backlog.Replayed, error) {
	listening, err := c.listening(ctx, i)
	if err != nil {
		return backlog.Replayed{}, err
	}
	off := func(id string) error { return fault.New(fault.Conflict, "The webhook %q is off: turn it on first", id) }
	if id == "" {
		for _, s := range f.Subscriptions {
			if !slices.Contains(listening, s) {
				return backlog.Replayed{}, off(s)
			}
		}
		if len(f.Subscriptions) == 0 {
			f.Subscriptions = listening
		}
		if len(f.Subscriptions) == 0 {
			return backlog.Replayed{}, nil
		}
		return c.deps.Backlog.Replay(ctx, c.deps.Wakeups, i.ID, f)
	}
	parsed, err := backlog.ParseID(id)
	if err != nil {
		return backlog.Replayed{}, err
	}
	if _, err := c.deps.Backlog.Get(ctx, i.ID, parsed); err != nil {
		return backlog.Replayed{}, err
	}
	if !slices.Contains(listening, parsed.Subscription) {
		return backlog.Replayed{}, off(parsed.Subscription)
	}
	return c.deps.Backlog.ReplayOne(ctx, c.deps.Wakeups, i.ID, parsed)
}

// listening are the subscriptions that are on.
func (c *Core) listening(ctx context.Context, i instance.Instance) ([]string, error) {
	all, err := c.deps.Webhooks.For(ctx, i.Tenant, i.ID)
	if err != nil {
		return nil, err
	}
	var on []string
	for _, s := range all {
		if s.Enabled {
			on = append(on, s.ID)
		}
	}
	return on, nil
}
