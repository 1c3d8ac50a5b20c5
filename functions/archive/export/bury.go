package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"roost/shared/archive"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
)

// webhookLife is how long the webhooks of an instance outlive it: until its
// last events are delivered or given up, a good 75 h after the first try.
const webhookLife = 4 * 24 * time.Hour

// bury says the last word about the instance and removes what is left of it.
// The webhooks are last to go: they are still to hear it.
func (h *Handler) bury(ctx context.Context, record archive.Record) error {
	i, err := h.cfg.Instances.Update(ctx, record.Instance, func(i *instance.Instance) error {
		if i.State == instance.Deleted {
			return errUnchanged
		}
		if i.State != instance.Deleting {
			if err := i.Move(instance.Deleting, i.Reason); err != nil {
				return err
			}
		}
		return i.Move(instance.Deleted, i.Reason)
	})
	switch {
	case errors.Is(err, errUnchanged):
		i, err = h.cfg.Instances.Get(ctx, record.Instance)
	case fault.KindOf(err) == fault.NotFound: // a job that comes again
		i, err = instance.Instance{}, nil
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err := h.publish(ctx, record, i); err != nil {
		return err
	}
	if err := h.cfg.Webhooks.Retire(ctx, record.Instance, h.now().Add(webhookLife)); err != nil {
		return err
	}
	if i.ID == "" {
		return nil
	}
	return h.cfg.Instances.Remove(ctx, i)
}

var errUnchanged = errors.New("nothing to change")

func (h *Handler) publish(ctx context.Context, record archive.Record, i instance.Instance) error {
	body, err := json.Marshal(event.Lifecycle{Reason: i.Reason, Param: i.Param})
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	kind := event.InstanceRemoved
	return h.cfg.Events.Publish(ctx, event.Event{
		ID:     event.NewID(string(record.Instance), string(kind)), // happens once
		Tenant: record.Tenant, Instance: record.Instance, Name: record.Name, Kind: kind, At: h.now().UTC(), Body: body,
	})
}
