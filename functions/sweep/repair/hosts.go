package repair

import (
	"context"
	"errors"
	"time"

	"roost/shared/fault"
	"roost/shared/fleet"
	"roost/shared/instance"
)

const (
	// silence is how old a host's own time stamp must be for a sweep to doubt
	// it. Clocks may differ by as much: it is only why to look closer.
	silence = time.Minute
	// longestLease is the longest one that a sweep waits for. Hosts that are
	// alone may have longer ones, and nobody who would take over.
	longestLease = 20 * time.Second
)

// stopwatch counts from now.
func stopwatch() func() time.Duration {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}

// hosts ends the hosts that are silent, as other hosts would if there were any,
// and returns what is known then. It waits for a lease only when there is
// somebody to doubt.
func (h *Handler) hosts(ctx context.Context, report *Report) (fleet.View, error) {
	observer := fleet.NewObserver(h.cfg.Hosts, stopwatch())
	view, err := observer.Look(ctx)
	if err != nil {
		return view, err
	}
	var wait time.Duration
	for _, host := range view.Alive() {
		if h.now().Sub(host.RenewedAt) > silence && host.Lease <= longestLease {
			wait = max(wait, host.Lease+10*time.Millisecond)
		}
	}
	if wait == 0 {
		return view, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return view, context.Cause(ctx)
	}
	if view, err = observer.Look(ctx); err != nil {
		return view, err
	}
	for _, host := range view.Silent {
		err := h.cfg.Hosts.End(ctx, host)
		switch {
		case err == nil:
			report.Hosts++
		case fault.KindOf(err) != fault.Conflict: // else it is alive, or another was faster
			return view, err
		}
	}
	return observer.Look(ctx)
}

// owner looks after an instance whose host has ended. Other hosts have taken it
// as soon as they knew, if there were any; what is left here was overlooked.
func (h *Handler) owner(ctx context.Context, i instance.Instance, view fleet.View, report *Report) error {
	if h.now().Sub(i.UpdatedAt) < patience || i.Host != "" && !view.Gone(i.Host) || i.Host == "" && !i.Wanted {
		return nil
	}
	if i.Wanted {
		if len(view.Alive()) == 0 {
			return nil // a host that starts finds it
		}
		report.Orphans++
		return h.cfg.Commands.Nudge(ctx, "", i.ID)
	}
	_, err := h.cfg.Instances.UpdateFrom(ctx, i, func(now *instance.Instance) error {
		if !now.Owned(i) {
			return instance.ErrTaken
		}
		return now.Release()
	})
	if errors.Is(err, instance.ErrTaken) {
		return nil
	}
	if err == nil {
		report.Orphans++
	}
	return err
}
