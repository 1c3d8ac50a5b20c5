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
func (t *tenure) thinOut(ctx context.Context, of tenant.ID) {
	config, err := t.tenants.Config(ctx, of)
	if err == nil {
		err = t.releaseBeyond(ctx, of, config.IdleLimit())
	}
	if err != nil && ctx.Err() == nil {
		t.host.log.ErrorContext(ctx, "idle instances cannot be released", "tenant", string(of), "err", err)
	}
}

func (t *tenure) releaseBeyond(ctx context.Context, of tenant.ID, limit int) error {
	idle, err := t.instances.Idle(ctx, of)
	if err != nil || len(idle) <= limit {
		return err
	}
	reason := instance.Reason{
		Code:     instance.ReasonMaxIdle,
		Sentence: fmt.Sprintf("The tenant has more than %d idle instances, and this was idle for longest. The keys are kept.", limit),
		Action:   "Recover the instance.",
	}
	for _, i := range idle[:len(idle)-limit] {
		if releaseErr := t.release(ctx, i, reason); releaseErr != nil {
			err = errors.Join(err, fmt.Errorf("release %s: %w", i.ID, releaseErr))
		}
	}
	return err
}

func (t *tenure) release(ctx context.Context, i instance.Instance, reason instance.Reason) error {
	t.mu.Lock()
	s := t.sessions[i.ID]
	t.mu.Unlock()
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
	return t.commands.Do(ctx, i, command.Release, command.ReleaseArgs{Reason: reason}, nil)
}
