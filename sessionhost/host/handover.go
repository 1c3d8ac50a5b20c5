package host

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"roost/sessionhost/lease"
	"roost/sessionhost/session"
	"roost/shared/command"
	"roost/shared/fleet"
	"roost/shared/instance"
	"roost/shared/queue"
)

const (
	// handOvers is how many sessions are on their way to another host at the same
	// time: enough for a hundred a second, and few enough for each to be quick,
	// since nobody begins with one more before another has arrived.
	handOvers = 24
	// arrival is how long is waited for that.
	arrival = time.Second
	// handOverTries is how often a release is tried.
	handOverTries = 4
	// mourning is how long the queue of a host that has ended is listened to:
	// longer than what that host had received stays hidden.
	mourning = 70 * time.Second
)

// leave closes, releases and gives away every session. It returns when all have
// ended.
func (t *tenure) leave(life context.Context) {
	t.mu.Lock()
	again := t.leaving
	t.leaving = true
	t.mu.Unlock()
	begin, all := time.Now(), t.all()
	if again && len(all) == 0 {
		return
	}
	if err := t.term.Leave(life, len(all)); err != nil {
		t.host.log.WarnContext(life, "hosts were not told that this one leaves", "err", err)
	}
	if _, err := t.look(life); err != nil {
		t.host.log.WarnContext(life, "hosts cannot be looked at", "err", err)
	}
	var late atomic.Int32
	var group errgroup.Group
	group.SetLimit(handOvers)
	for _, s := range all {
		group.Go(func() error {
			if t.handOver(life, s, t.spread.give(t.cfg.Name)) && late.Load() < handOvers && !t.arrived(life, s.ID()) {
				late.Add(1) // who takes them is slow: it is not waited for for ever
			}
			return nil
		})
	}
	_ = group.Wait()
	t.host.log.InfoContext(life, "host stopped", "sessions", len(all), "took", time.Since(begin).String())
}

// arrived waits until an instance has a host again.
func (t *tenure) arrived(life context.Context, id instance.ID) bool {
	ctx, cancel := context.WithTimeout(life, arrival)
	defer cancel()
	seen, err := t.instances.Await(ctx, id, func(seen instance.Seen) bool { return seen.Instance.Host != "" })
	return err == nil && seen.Instance.Host != ""
}

// handOver closes a session, releases its instance and nudges the host that is
// to have it, "" for none. It reports whether it did.
func (t *tenure) handOver(life context.Context, s *session.Session, to string) bool {
	id := s.ID()
	defer t.turn(id)()
	s.Stop()
	record, err := t.letGo(life, s.Record())
	if err != nil {
		if !errors.Is(err, instance.ErrTaken) {
			t.host.log.WarnContext(life, "instance cannot be released: it waits for the end of the lease", "instance", string(id), "err", err)
		}
		return false
	}
	if !record.Wanted {
		return false
	}
	t.mu.Lock()
	t.given[id] = gift{to, record.Epoch, lease.Clock() + giftLife}
	t.mu.Unlock()
	if to == "" {
		return false // there is nobody: the next host finds it
	}
	if err := t.commands.Nudge(life, to, id); err != nil {
		t.host.log.WarnContext(life, "host was not nudged", "instance", string(id), "err", err)
		return false
	}
	return true
}

func (t *tenure) letGo(life context.Context, owned instance.Instance) (record instance.Instance, err error) {
	for n := range handOverTries {
		record, err = t.instances.UpdateFrom(life, owned, func(i *instance.Instance) error {
			if i.Host == "" && i.Epoch == owned.Epoch {
				return nil // by a try whose answer was lost
			}
			if !i.Owned(owned) {
				return instance.ErrTaken
			}
			return i.Release()
		})
		if err == nil || errors.Is(err, instance.ErrTaken) {
			return record, err
		}
		pause(life, 50*time.Millisecond<<n)
	}
	return record, err
}

// balance gives sessions to hosts that have fewer, a few at a time.
func (t *tenure) balance(life context.Context, group *sync.WaitGroup, every time.Duration) {
	surplus := t.spread.surplus(t.cfg.Name, t.count())
	if surplus == 0 {
		return
	}
	most := max(1, int(t.cfg.MoveRate*every.Seconds()))
	for _, s := range t.all() {
		if surplus == 0 || most == 0 {
			return
		}
		if r := s.Record(); r.State != instance.Open || !r.Ready {
			continue // it is busy with itself
		}
		to := t.spread.give(t.cfg.Name)
		if to == "" {
			return
		}
		surplus--
		most--
		group.Go(func() { t.handOver(life, s, to) })
	}
}

// passOn gives the commands that still wait for this host to the others.
func (t *tenure) passOn(life context.Context) {
	q, err := t.queues.Open(life, command.QueueOf(t.cfg.Name), command.Options)
	if err == nil {
		err = t.drain(life, q, 0)
	}
	if err != nil && life.Err() == nil {
		t.host.log.WarnContext(life, "commands cannot be passed on", "err", err)
	}
}

// drain passes on what a queue holds, until none has come for a while.
func (t *tenure) drain(ctx context.Context, q queue.Queue, wait time.Duration) error {
	for {
		got, err := q.Receive(ctx, queue.MaxReceive, wait, 0)
		if err != nil || len(got) == 0 {
			return err
		}
		for _, d := range got {
			t.redirect(ctx, q, d, "")
		}
	}
}

// bury passes on the commands that reach the queue of a host that has ended,
// and when nothing can be there any more and no instance names it, removes the
// queue and the host.
func (t *tenure) bury(ctx context.Context, h fleet.Host) {
	q, err := t.queues.Open(ctx, command.QueueOf(h.Name), command.Options)
	if err != nil { // it has gone already, or never was
		t.host.log.DebugContext(ctx, "queue of a host that has ended cannot be opened", "gone", h.Name, "err", err)
	}
	for begin := lease.Clock(); lease.Clock()-begin < mourning; {
		if q == nil {
			pause(ctx, queue.MaxWait)
		} else if err := t.drain(ctx, q, queue.MaxWait); err != nil {
			pause(ctx, time.Second)
		}
		if ctx.Err() != nil {
			return
		}
	}
	left, _, err := t.instances.Held(ctx, h.Name, "", 1)
	if err != nil || len(left) > 0 {
		return // comes again
	}
	if err := t.host.hosts.Remove(ctx, h); err != nil {
		t.host.log.WarnContext(ctx, "host cannot be cleared away", "gone", h.Name, "err", err)
		return
	}
	if err := t.queues.Drop(ctx, command.QueueOf(h.Name)); err != nil {
		t.host.log.WarnContext(ctx, "queue cannot be dropped", "gone", h.Name, "err", err)
	}
	t.host.log.InfoContext(ctx, "host cleared away", "gone", h.Name)
}
