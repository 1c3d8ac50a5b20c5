package postback

import (
	"context"
	"time"

	"roost/shared/bounded"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/tenant"
)

const (
	// lookLimit bounds the reads that a call needs.
	lookLimit = 10 * time.Second
	// believed is for how long what a tenant has set is not read again.
	believed = 30 * time.Second
	// maxTenants bounds how many are remembered.
	maxTenants = 4096
)

// names are how PostBack calls instances.
type names struct {
	tenants   *tenant.Repository
	instances *instance.Repository
	sealer    *seal.Sealer
	legacy    *bounded.Map[tenant.ID, setting]
}

// setting is a tenant's LegacyWebID as last read.
type setting struct {
	on    bool
	until time.Time
}

func newNames(t table.Table, s *seal.Sealer) *names {
	return &names{tenants: tenant.NewRepository(t), instances: instance.NewRepository(t), sealer: s, legacy: bounded.New[tenant.ID, setting](maxTenants)}
}

// of is the instance's id, or its key where its tenant wants that and the
// instance is still there.
func (n *names) of(e event.Event) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit) //nolint:forbidigo // a format gets no context
	defer cancel()
	legacy, err := n.isLegacy(ctx, e.Tenant)
	if err != nil || !legacy {
		return string(e.Instance), err
	}
	i, err := n.instances.Get(ctx, e.Instance)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return string(e.Instance), nil
	}
	if err != nil {
		return "", err
	}
	return i.Token(n.sealer)
}

func (n *names) isLegacy(ctx context.Context, t tenant.ID) (bool, error) {
	known, ok := n.legacy.Get(t)
	now := time.Now()
	if ok && now.Before(known.until) {
		return known.on, nil
	}
	config, err := n.tenants.Config(ctx, t)
	if err != nil {
		return false, err
	}
	n.legacy.Put(t, setting{config.LegacyWebID, now.Add(believed)})
	return config.LegacyWebID, nil
}
