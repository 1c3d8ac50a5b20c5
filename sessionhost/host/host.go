// Package host is the process that owns connections: it takes instances, runs a
// session for each, and does what the API asks of them.
//
// A host works for as long as it holds its lease (package lease), one tenure.
// It takes an instance by writing its name and a higher epoch into the record,
// which it may when nobody holds the instance or when the lease of whoever did
// has been ended; the epoch fences the keys. Hosts divide among themselves what
// has lost its owner, give away what they have too much of, and hand over
// everything before they end.
//
// A host answers the commands on its own queue and on the shared one, which is
// for instances that nobody holds. What belongs to another host it passes on.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"roost/sessionhost/clock"
	"roost/sessionhost/conversion"
	"roost/sessionhost/lease"
	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fleet"
	"roost/shared/queue"
	"roost/shared/seal"
	"roost/shared/table"
)

// Config is what a host runs on.
type Config struct {
	Name     string // of this host, unique among the living
	Table    table.Table
	Queues   queue.Opener
	Bucket   blob.Bucket
	Wrapper  seal.Wrapper // wraps the data keys of instances
	WhatsApp whatsapp.Config
	Log      *slog.Logger

	// StartRate bounds how many sessions are opened at the same time when the
	// host starts or takes over from one that has ended. 0 means 16.
	StartRate int
	// Rhythm is that of the sessions' heartbeats.
	Rhythm session.Rhythm
	// Networks are those beside the public internet in which proxies of
	// instances may be.
	Networks []netip.Prefix
	// Clock says by what this host's clock is checked. Its HTTP is WhatsApp's
	// when nil.
	Clock clock.Config

	// Capacity is how many sessions the host is for: instances are spread over
	// hosts in proportion to it. 0 means 10,000.
	Capacity int
	// MaxMedia bounds the files of messages that are kept, in bytes. 0 means
	// 100 MiB.
	MaxMedia int64
	// MoveRate bounds how many sessions a second a host gives to others that
	// have fewer. 0 means 10.
	MoveRate float64
	// Settled is how long a session must have run for its host to know by itself
	// what was done for the instance lately. It is longer than the life of a command
	// by as much as clocks may differ. 0 means a minute.
	Settled time.Duration
	// FFmpeg is the path of the program that converts audio and video. "" means
	// the one in PATH, if there is one.
	FFmpeg string
	// Lease is how long the other hosts wait for one that says nothing before
	// they take its instances. A host that cannot reach the table for four
	// fifths of it closes its sockets. 0 means 5 s.
	Lease time.Duration
}

// Host is a session host. It is an [http.Handler] for its private port.
type Host struct {
	cfg       Config
	log       *slog.Logger
	metrics   session.Metrics
	clock     *clock.Clock
	converter *conversion.Converter
	sealer    *seal.Sealer // of the credentials of proxies
	started   time.Time

	hosts    *fleet.Repository
	observer *fleet.Observer

	mu    sync.Mutex
	now   *tenure // nil while it holds no lease
	ready bool
}

// Run runs a host until ctx ends. Then every session is closed, released and
// given to another host, if there is one. When the lease is lost all sessions
// are closed, and the host begins again. onReady is called once, when every
// instance that is this host's to take has a session; their connections follow.
func Run(ctx context.Context, cfg Config, onReady func(*Host)) error {
	if cfg.StartRate == 0 {
		cfg.StartRate = 16
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = 10_000
	}
	if cfg.MoveRate == 0 {
		cfg.MoveRate = 10
	}
	if cfg.Settled == 0 {
		cfg.Settled = command.MaxWait + clock.Limit
	}
	if cfg.Lease == 0 {
		cfg.Lease = lease.Default
	}
	sealer, err := seal.DataKey(ctx, cfg.Table, cfg.Wrapper, "api")
	if err != nil {
		return fmt.Errorf("open the data key: %w", err)
	}
	if cfg.WhatsApp.Spool == nil {
		cfg.WhatsApp.Spool = whatsapp.NewSpool("")
	}
	if cfg.WhatsApp.Version == nil {
		cfg.WhatsApp.Version = &whatsapp.Version{}
	}
	if cfg.Clock.HTTP == nil {
		cfg.Clock.HTTP = cfg.WhatsApp.Client()
	}
	cfg.Clock.Log = cfg.Log
	h := &Host{
		cfg: cfg, clock: clock.New(cfg.Clock), converter: conversion.New(cfg.FFmpeg), sealer: sealer, log: cfg.Log.With("host", cfg.Name), started: time.Now(), hosts: fleet.NewRepository(cfg.Table),
	}
	h.observer = fleet.NewObserver(h.hosts, lease.Clock)
	told := sync.OnceFunc(func() {
		if onReady != nil {
			onReady(h)
		}
	})
	checking, stop := context.WithCancel(ctx)
	var clocks sync.WaitGroup
	defer clocks.Wait()
	defer stop()
	clocks.Go(func() { h.clock.Run(checking) })
	for {
		err := h.serveTerm(ctx, told)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, lease.ErrLapsed)):
			return nil
		case errors.Is(err, lease.ErrLapsed):
			h.log.ErrorContext(ctx, "host begins again", "err", err)
		default:
			return err
		}
	}
}

// serveTerm holds one lease: until ctx ends and everything is handed over, or
// the lease is lost, or the host cannot start.
func (h *Host) serveTerm(ctx context.Context, ready func()) error {
	term, err := lease.Join(ctx, h.hosts, h.observer, fleet.Host{Name: h.cfg.Name, Capacity: h.cfg.Capacity},
		lease.Options{Length: h.cfg.Lease, Log: h.log})
	if err != nil {
		return err
	}
	// Sessions outlive ctx by the time they need to be handed over, and end at
	// once with the lease.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer end(nil) // before the wait
	t := newTenure(h, term)
	keeping.Go(func() { _ = term.Guard(life) })
	keeping.Go(func() { _ = term.Keep(life, t.count) })
	keeping.Go(func() {
		select {
		case <-term.Over():
			end(lease.ErrLapsed)
		case <-life.Done():
		}
	})
	h.hold(t)
	defer h.hold(nil)
	if err := t.run(ctx, life, ready); err != nil {
		end(err)
		t.running.Wait()
		return err
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.Lease)
	defer cancel()
	if err := term.Release(release); err != nil {
		h.log.WarnContext(release, "lease not released", "err", err)
	}
	end(nil)
	t.running.Wait()
	return nil
}

func (h *Host) hold(t *tenure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = t
}

// tenure is the present one, nil when there is none.
func (h *Host) tenure() *tenure {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// run serves until ctx ends, and hands everything over, or life does.
func (t *tenure) run(ctx, life context.Context, ready func()) error {
	running, stop := context.WithCancel(life)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	var serving sync.WaitGroup
	if err := t.open(running, life, &serving); err != nil {
		stop()
		serving.Wait()
		return err
	}
	if err := t.resume(running, life); err != nil && running.Err() == nil {
		stop()
		serving.Wait()
		return err
	}
	if running.Err() == nil {
		t.host.setReady(life, t)
		ready()
	}
	serving.Go(func() { t.tend(running, life) })
	<-running.Done()
	if life.Err() != nil {
		serving.Wait()
		return fmt.Errorf("session host: %w", context.Cause(life))
	}
	t.leave(life) // at once, so that commands under way end as well
	serving.Wait()
	t.leave(life) // what a command has taken meanwhile
	t.passOn(life)
	if life.Err() != nil {
		return fmt.Errorf("session host: %w", context.Cause(life))
	}
	return nil
}

func (h *Host) setReady(ctx context.Context, t *tenure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ready {
		h.log.InfoContext(ctx, "host ready", "sessions", t.count(), "took", time.Since(h.started).String())
	}
	h.ready = true
}
