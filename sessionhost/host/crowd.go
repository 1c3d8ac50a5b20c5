package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/command"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// releaseLimit bounds how long another host may take to release an instance.
const releaseLimit = 10 * time.Second

// thinOut releases a tenant's oldest idle instances as long as it has more than
// it may, wherever their connections are.
func (h *Host) thinOut(ctx context.Context, t tenant.ID) {
	config, err := h.tenants.Config(ctx, t)
	if err == nil {
		err = h.releaseBeyond(ctx, t, config.IdleLimit())
	}
	if err != nil && ctx.Err() == nil {
		h.log.ErrorContext(ctx, "idle instances cannot be released", "tenant", string(t), "err", err)
	}
}

func (h *Host) releaseBeyond(ctx context.Context, t tenant.ID, limit int) error {
	idle, err := h.instances.Idle(ctx, t)
	if err != nil || len(idle) <= limit {
		return err
	}
	reason := instance.Reason{
		Code:     instance.ReasonMaxIdle,
		Sentence: fmt.Sprintf("The tenant has more than %d idle instances, and this was idle for longest. The keys are kept.", limit),
		Action:   "Recover the instance.",
	}
	for _, i := range idle[:len(idle)-limit] {
		if releaseErr := h.release(ctx, i, reason); releaseErr != nil {
			err = errors.Join(err, fmt.Errorf("release %s: %w", i.ID, releaseErr))
		}
	}
	return err
}

func (h *Host) release(ctx context.Context, i instance.Instance, reason instance.Reason) error {
	h.mu.Lock()
	s := h.sessions[i.ID]
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	if s != nil {
		err := s.Release(ctx, reason)
		select {
		case <-s.Done(): // released meanwhile, by another who has counted
			return nil
		default:
			return err
		}
	}
	return h.commands.Do(ctx, i, command.Release, command.ReleaseArgs{Reason: reason}, nil)
}
