package postback

import (
	"context"
	"sync"
	"time"

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

	mu     sync.Mutex
	legacy map[tenant.ID]setting
}

// setting is a tenant's LegacyWebID as last read.
type setting struct {
	on    bool
	until time.Time
}

func newNames(t table.Table, s *seal.Sealer) *names {
	return &names{tenants: tenant.NewRepository(t), instances: instance.NewRepository(t), sealer: s, legacy: map[tenant.ID]setting{}}
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
	n.mu.Lock()
	known, ok := n.legacy[t]
	n.mu.Unlock()
	now := time.Now()
	if ok && now.Before(known.until) {
		return known.on, nil
	}
	config, err := n.tenants.Config(ctx, t)
	if err != nil {
		return false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.legacy) >= maxTenants {
		clear(n.legacy)
	}
	n.legacy[t] = setting{config.LegacyWebID, now.Add(believed)}
	return config.LegacyWebID, nil
}
