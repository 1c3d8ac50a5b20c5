package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// Health names the record of how a subscription is doing.
type Health struct {
	owner, subscription string
}

// HealthOf is where the health of a subscription is: a tenant's has one for all
// instances.
func HealthOf(t tenant.ID, i instance.ID, s webhook.Subscription) Health {
	if s.Shared {
		return Health{"tenant#" + string(t), s.ID}
	}
	return Health{string(i), s.ID}
}

func (h Health) key() table.Key {
	return table.Key{Partition: "webhook-health#" + h.owner, Sort: h.subscription}
}

// Ail notes that a call has failed, and returns since when nothing has got
// through.
func (r *Repository) Ail(ctx context.Context, h Health) (time.Time, error) {
	since := r.now().UTC().Truncate(time.Millisecond)
	for range maxRaces {
		item, err := r.table.Get(ctx, h.key())
		if err == nil {
			return item.Time("since"), nil
		}
		if !errors.Is(err, table.ErrNotFound) {
			return since, fmt.Errorf("read the health of webhook %s: %w", h.subscription, err)
		}
		item = table.Item{Key: h.key(), Attributes: map[string]any{"since": table.Stamp(since)}, Expires: r.now().Add(waitingLife)}
		_, err = r.table.Put(ctx, item, table.Absent())
		if err == nil {
			return since, nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return since, fmt.Errorf("note the health of webhook %s: %w", h.subscription, err)
		}
	}
	return since, errRaces
}

// Recover notes that a call has got through.
func (r *Repository) Recover(ctx context.Context, h Health) error {
	if err := r.table.Delete(ctx, h.key(), table.None()); err != nil {
		return fmt.Errorf("note the health of webhook %s: %w", h.subscription, err)
	}
	return nil
}
