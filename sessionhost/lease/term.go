package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"roost/shared/fault"
	"roost/shared/fleet"
)

// ErrLapsed means that the lease has run out or was ended: this host owns
// nothing any more.
var ErrLapsed = errors.New("the lease of this host is over")

const (
	// Default is the lease of a host that says nothing else.
	Default = 5 * time.Second
	// renewals is how often a lease is renewed before it would run out.
	renewals = 4
	// margin is the part of a lease, one in so many, that a holder does not
	// trust.
	margin = 5
)

// Options of a term. The zero value is right for production.
type Options struct {
	// Length of the lease, 0 for [Default].
	Length time.Duration
	// Clock to judge by, nil for [Clock].
	Clock func() time.Duration
	Log   *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Length == 0 {
		o.Length = Default
	}
	if o.Clock == nil {
		o.Clock = Clock
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Every is how often a lease of this length is renewed.
func Every(length time.Duration) time.Duration { return length / renewals }

// Term is one tenure of a host. Its methods may be called concurrently.
type Term struct {
	hosts   *fleet.Repository
	options Options
	over    chan struct{} // closed when the lease is

	mu      sync.Mutex
	self    fleet.Host
	trusted time.Duration // until when, by the clock
	ended   bool
	conns   map[*conn]struct{}
}

// Join begins a term of the host called name. While an earlier term of that name
// has not ended it waits, and ends it when it is silent. observer must judge
// by the clock of options.
func Join(ctx context.Context, hosts *fleet.Repository, observer *fleet.Observer, self fleet.Host, options Options) (*Term, error) {
	options = options.withDefaults()
	self.Term, self.Lease, self.Beat, self.Since = rand.Text(), options.Length, 1, time.Now()
	for {
		begin := options.Clock()
		err := hosts.Join(ctx, self)
		if err == nil {
			t := &Term{
				hosts: hosts, options: options, over: make(chan struct{}), self: self,
				trusted: begin + trust(options.Length), conns: map[*conn]struct{}{},
			}
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if fault.KindOf(err) == fault.Conflict {
			if err := endNamesake(ctx, hosts, observer, self.Name); err == nil {
				continue
			}
		}
		options.Log.WarnContext(ctx, "host cannot join", "err", err)
		if pause(ctx, Every(options.Length)) != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// endNamesake ends the earlier term of a name if it is silent. An error, or
// another term that lives, means to try again later.
func endNamesake(ctx context.Context, hosts *fleet.Repository, observer *fleet.Observer, name string) error {
	view, err := observer.Look(ctx)
	if err != nil {
		return err
	}
	for _, h := range view.Silent {
		if h.Name == name {
			return hosts.End(ctx, h)
		}
	}
	return errors.New("it has not been silent for a lease")
}

func trust(length time.Duration) time.Duration { return length - length/margin }

// Keep renews until ctx ends, which leaves the lease as it is, or the lease is
// over: [ErrLapsed]. load says how many sessions the host has.
func (t *Term) Keep(ctx context.Context, load func() int) error {
	every := Every(t.options.Length)
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.over:
			return ErrLapsed
		}
		begin := t.options.Clock()
		if err := t.renew(ctx, load()); err != nil {
			if errors.Is(err, ErrLapsed) {
				return err
			}
			if ctx.Err() == nil {
				t.options.Log.WarnContext(ctx, "lease cannot be renewed", "err", err)
			}
		}
		// Failures are tried again soon, but not in a hurry.
		timer.Reset(max(every-(t.options.Clock()-begin), every/4))
	}
}

// renew counts the beat up. The lease is trusted from before the attempt.
func (t *Term) renew(ctx context.Context, sessions int) error {
	if !t.Held() {
		return ErrLapsed
	}
	t.mu.Lock()
	t.self.Beat++
	t.self.Sessions = sessions
	self := t.self
	t.mu.Unlock()
	begin := t.options.Clock()
	attempt, cancel := context.WithTimeout(ctx, t.options.Length/2)
	defer cancel()
	err := t.hosts.Renew(attempt, self)
	if errors.Is(err, fleet.ErrEnded) {
		t.lapse("ended by another host")
		return ErrLapsed
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.trusted = max(t.trusted, begin+trust(t.options.Length))
	t.mu.Unlock()
	return nil
}

// Guard ends the term the moment it cannot be trusted any more. It returns when
// that has happened, or ctx ends.
func (t *Term) Guard(ctx context.Context) error {
	for {
		t.mu.Lock()
		left := t.trusted - t.options.Clock()
		t.mu.Unlock()
		if left <= 0 {
			t.Held() // which notices
		}
		// Timers stand still while the machine sleeps: looked at twice a second.
		timer := time.NewTimer(min(max(left, time.Millisecond), time.Second/2))
		select {
		case <-timer.C:
		case <-t.over:
			timer.Stop()
			return ErrLapsed
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// Held reports whether this host owns what names it. When the lease has run out
// it ends the term, and closes the sockets, before it answers.
func (t *Term) Held() bool {
	t.mu.Lock()
	ended, trusted := t.ended, t.trusted
	t.mu.Unlock()
	if ended {
		return false
	}
	if t.options.Clock() >= trusted {
		t.lapse("not renewed in time")
		return false
	}
	return true
}

// Over is closed when the term is.
func (t *Term) Over() <-chan struct{} { return t.over }

// Age is how long ago the last renewal that counts began.
func (t *Term) Age() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.options.Clock() - (t.trusted - trust(t.options.Length))
}

// Leave says that the host takes no more instances.
func (t *Term) Leave(ctx context.Context, sessions int) error {
	t.mu.Lock()
	t.self.Leaving = true
	t.mu.Unlock()
	return t.renew(ctx, sessions)
}

// Release ends the term of a host that has closed its sessions.
func (t *Term) Release(ctx context.Context) error {
	t.mu.Lock()
	self, ended := t.self, t.ended
	self.Ended, self.Sessions = true, 0
	self.Beat++
	t.mu.Unlock()
	if ended {
		return ErrLapsed
	}
	t.end()
	if err := t.hosts.Renew(ctx, self); err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}

// lapse ends a term that was lost.
func (t *Term) lapse(why string) {
	if t.end() {
		t.options.Log.Error("lease lost: sockets closed", "why", why)
	}
}

// end closes every socket. It reports whether it was the first to.
func (t *Term) end() bool {
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return false
	}
	t.ended = true
	open := t.conns
	t.conns = nil
	close(t.over)
	t.mu.Unlock()
	for c := range open {
		_ = c.ReadWriteCloser.Close()
	}
	return true
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
