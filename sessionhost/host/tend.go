package host

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"roost/sessionhost/lease"
	"roost/shared/fault"
	"roost/shared/fleet"
	"roost/shared/instance"
)

// unheldEvery is how many looks at the hosts go for one at the instances that
// nobody holds: who releases one nudges, so that this is for what was missed.
const unheldEvery = 8

// heldPage is how many instances are read at a time.
const heldPage = 100

// adoption is the taking over from one host.
type adoption struct {
	since time.Duration // first seen, by lease.Clock
	busy  bool
}

// resume takes what was this host's before, what hosts that have ended have left
// and what nobody holds.
func (t *tenure) resume(running, life context.Context) error {
	view, err := t.look(running)
	if err != nil {
		return err
	}
	sources := []string{t.cfg.Name, ""}
	for _, h := range view.Hosts {
		if h.Ended && h.Name != t.cfg.Name {
			sources = append(sources, h.Name)
		}
	}
	for _, source := range sources {
		if _, err := t.adopt(running, life, source, 0); err != nil {
			return err
		}
	}
	return nil
}

// look looks at the hosts, and ends those that are silent.
func (t *tenure) look(ctx context.Context) (fleet.View, error) {
	view, err := t.host.observer.Look(ctx)
	if err != nil {
		return view, err
	}
	ended := false
	for _, h := range view.Silent {
		if h.Name == t.cfg.Name {
			continue // the lease itself knows better
		}
		err := t.host.hosts.End(ctx, h)
		switch {
		case err == nil:
			t.host.log.WarnContext(ctx, "host has said nothing for a lease: its instances are taken over", "silent", h.Name, "sessions", h.Sessions)
		case fault.KindOf(err) != fault.Conflict:
			return view, err
		}
		ended = true
	}
	if ended {
		if view, err = t.host.observer.Look(ctx); err != nil {
			return view, err
		}
	}
	t.spread.see(view.Alive())
	return view, nil
}

// tend looks after the other hosts until running ends.
func (t *tenure) tend(running, life context.Context) {
	every := lease.Every(t.cfg.Lease)
	timer := time.NewTimer(every)
	defer timer.Stop()
	var adopting sync.WaitGroup
	defer adopting.Wait()
	for n := 0; ; n++ {
		select {
		case <-timer.C:
		case <-running.Done():
			return
		}
		begin := lease.Clock()
		view, err := t.look(running)
		if err != nil {
			if running.Err() == nil {
				t.host.log.WarnContext(running, "hosts cannot be looked at", "err", err)
			}
			timer.Reset(every)
			continue
		}
		for _, h := range view.Hosts {
			if h.Ended && h.Name != t.cfg.Name {
				t.succeed(running, life, &adopting, view, h)
			}
		}
		if n%unheldEvery == 0 {
			t.adoptLater(running, life, &adopting, "")
		}
		t.forgetGifts()
		t.balance(life, &adopting, every)
		next := every - (lease.Clock() - begin)
		if view.Next > 0 {
			next = min(next, view.Next)
		}
		timer.Reset(max(next, 10*time.Millisecond))
	}
}

// forgetGifts forgets what others have had the time to take.
func (t *tenure) forgetGifts() {
	now := lease.Clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, g := range t.given {
		if g.until <= now {
			delete(t.given, id)
		}
	}
}

// succeed takes over from a host that has ended, and clears it away when it is
// this host's turn to.
func (t *tenure) succeed(running, life context.Context, group *sync.WaitGroup, view fleet.View, h fleet.Host) {
	t.adoptLater(running, life, group, h.Name)
	if who, ok := fleet.Share(view.Alive(), "bury#"+h.Name); !ok || who.Name != t.cfg.Name {
		return
	}
	t.mu.Lock()
	busy := t.burying[h.Name]
	t.burying[h.Name] = true
	t.mu.Unlock()
	if busy {
		return
	}
	group.Go(func() {
		t.bury(running, h)
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.burying, h.Name)
	})
}

// adoptLater begins a round of adopt unless one is under way.
func (t *tenure) adoptLater(running, life context.Context, group *sync.WaitGroup, source string) {
	t.mu.Lock()
	a := t.adopting[source]
	if a == nil {
		a = &adoption{since: lease.Clock()}
		t.adopting[source] = a
	}
	if a.busy {
		t.mu.Unlock()
		return
	}
	a.busy = true
	since := a.since
	t.mu.Unlock()
	group.Go(func() {
		left, err := t.adopt(running, life, source, lease.Clock()-since)
		if err != nil && running.Err() == nil {
			t.host.log.WarnContext(running, "instances cannot be taken over", "from", source, "err", err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		a.busy = false
		if err == nil && left == 0 { // what comes later is new
			delete(t.adopting, source)
		}
	})
}

// adopt takes this host's share of the instances that name source, all of them
// when they are its own, and whatever is left when those whose share it is have
// not come for longer than a lease. It returns how many it left to others.
func (t *tenure) adopt(running, life context.Context, source string, waited time.Duration) (int, error) {
	left, cursor := 0, ""
	for {
		page, next, err := t.instances.Held(running, source, cursor, heldPage)
		if err != nil {
			return left, err
		}
		group, ctx := errgroup.WithContext(running)
		group.SetLimit(t.cfg.StartRate)
		for _, i := range page {
			if source != t.cfg.Name && waited < t.cfg.Lease && !t.mine(i.ID) {
				left++
				continue
			}
			group.Go(func() error {
				t.inherit(ctx, life, i)
				return nil
			})
		}
		_ = group.Wait()
		if cursor = next; cursor == "" || running.Err() != nil {
			return left, context.Cause(running)
		}
	}
}

// mine reports whether the instance is this host's to take.
func (t *tenure) mine(id instance.ID) bool {
	t.spread.mu.Lock()
	defer t.spread.mu.Unlock()
	who, ok := fleet.Share(t.spread.hosts, string(id))
	return !ok || who.Name == t.cfg.Name
}

// inherit takes an instance whose host is gone, or lets it go if it needs none.
// The session of one whose host was linking it finds out whether it does.
func (t *tenure) inherit(ctx, life context.Context, i instance.Instance) {
	defer t.turn(i.ID)()
	t.mu.Lock()
	running := t.sessions[i.ID] != nil
	t.mu.Unlock()
	if running {
		return
	}
	var err error
	if i.Wanted || i.State.Connected() {
		_, err = t.take(ctx, life, i)
	} else if i.Host != "" {
		_, err = t.instances.UpdateFrom(ctx, i, func(now *instance.Instance) error {
			if !now.Owned(i) {
				return instance.ErrTaken
			}
			return now.Release()
		})
	}
	if _, held := isHeld(err); err != nil && !held && ctx.Err() == nil {
		t.host.log.WarnContext(ctx, "instance cannot be taken over", "instance", string(i.ID), "err", err)
	}
}
