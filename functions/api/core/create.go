package core

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// maxName bounds names and tokens, in bytes.
const maxName = 255

// NewInstance is what a user wants.
type NewInstance struct {
	Tenant   tenant.ID
	ID       instance.ID // "" for a new UUIDv7
	Name     string
	Label    string // see instance.Instance
	Param    string // see instance.Instance
	Token    string // "" for a random one
	Number   string // for a pairing code, digits, "" for none
	Settings instance.Settings
	Client   string                // the dialect
	Releases bool                  // given up when idle for long, see instance.Instance
	Proxy    *Proxy                // nil for none
	Webhook  *webhook.Subscription // nil for none
}

// Create makes an instance and returns it with its token. It is not connected.
// A name in use is a Conflict with the code name_taken; a proxy that does not
// work is Invalid, with the codes of SetProxy.
func (c *Core) Create(ctx context.Context, n NewInstance) (instance.Instance, string, error) {
	if err := validateName(n.Name); err != nil {
		return instance.Instance{}, "", err
	}
	if !utf8.ValidString(n.Token) || len(n.Token) > maxName {
		return instance.Instance{}, "", fault.New(fault.Invalid, `Invalid "token" property`)
	}
	if n.Webhook != nil && n.Webhook.Enabled {
		if err := c.CheckWebhook(*n.Webhook); err != nil {
			return instance.Instance{}, "", err
		}
	}
	token := n.Token
	if token == "" {
		token = strings.ToUpper(uuid.NewString())
	}
	if n.ID == "" {
		n.ID = instance.ID(uuid.Must(uuid.NewV7()).String())
	}
	i := instance.Instance{
		ID: n.ID, Tenant: n.Tenant, Name: n.Name, Label: n.Label, Param: n.Param, State: instance.Created,
		Number: n.Number, Settings: n.Settings, Client: n.Client, Releases: n.Releases,
	}
	i.SetToken(c.deps.Sealer, token)
	if n.Proxy != nil {
		if err := c.sealProxy(&i, n.Proxy); err != nil {
			return instance.Instance{}, "", err
		}
		if err := c.testProxy(ctx, i); err != nil {
			return instance.Instance{}, "", err
		}
	}
	// The webhook comes first, so that whoever finds the instance finds it
	// whole, and the first event has somewhere to go.
	if n.Webhook != nil {
		if _, err := c.deps.Webhooks.Put(ctx, i.ID, *n.Webhook); err != nil {
			return instance.Instance{}, "", err
		}
	}
	created, err := c.deps.Instances.Create(ctx, i)
	if err != nil {
		if n.Webhook != nil && fault.KindOf(err) == fault.Conflict {
			if err := c.deps.Webhooks.Remove(ctx, i.ID, n.Webhook.ID); err != nil {
				c.deps.Log.WarnContext(ctx, "webhook of an instance that was not made stays", "err", err)
			}
		}
		return instance.Instance{}, "", err
	}
	if err := c.tell(ctx, created, event.InstanceCreated); err != nil {
		// The instance exists, and its maker must learn that: a webhook that
		// is not told of it is the smaller harm.
		c.deps.Log.ErrorContext(ctx, "creation cannot be told", "instance", string(created.ID), "err", err)
	}
	return created, token, nil
}

// validateName keeps names within what fits a path of a URL and a key of the
// table.
func validateName(name string) error {
	bad := name == "." || name == ".." || len(name) > maxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name
	if name == "" {
		return fault.New(fault.Invalid, `The "instanceName" cannot be empty`)
	}
	if bad {
		return fault.New(fault.Invalid, `Invalid "instanceName" property`)
	}
	return nil
}

// Settings changes how an instance behaves, and lets its host know.
func (c *Core) Settings(ctx context.Context, i instance.Instance, s instance.Settings) (instance.Instance, error) {
	changed, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		i.Settings = s
		return nil
	})
	if err != nil {
		return instance.Instance{}, fmt.Errorf("store settings: %w", err)
	}
	c.apply(ctx, changed)
	return changed, nil
}
