// Package host is the process that owns connections: it takes instances, runs a
// session for each, and does what the API asks of them.
//
// A host answers the commands on its own queue and on the shared one, which is
// for instances that nobody holds. It takes an instance by writing its name and
// a higher epoch into the record; the epoch fences the keys.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"roost/sessionhost/clock"
	"roost/sessionhost/keys"
	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/tenant"
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
	// host starts. 0 means 16.
	StartRate int

	// Rhythm is that of the sessions' heartbeats.
	Rhythm session.Rhythm
	// Clock says by what this host's clock is checked. Its HTTP is WhatsApp's
	// when nil.
	Clock clock.Config
}

// Host owns the sessions of this process.
type Host struct {
	cfg       Config
	log       *slog.Logger
	instances *instance.Repository
	tenants   *tenant.Repository
	commands  *command.Client
	results   *command.Results
	events    *event.Publisher
	metrics   session.Metrics
	clock     *clock.Clock
	started   time.Time

	mu       sync.Mutex
	sessions map[instance.ID]*session.Session
	taking   map[instance.ID]*sync.Mutex // one taker at a time
	ready    bool

	tasks sync.WaitGroup // what sessions have asked for
}

// Run runs a host until ctx ends. Then sessions close their sockets cleanly;
// what the records say stays, so that another host, or this one started again,
// goes on. onReady is called once every instance that was connected has a
// session again; their connections follow.
func Run(ctx context.Context, cfg Config, onReady func(*Host)) error {
	h, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	// Sessions outlive ctx by the time they need to close.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer h.tasks.Wait()
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, running := errgroup.WithContext(ctx)
	for _, name := range []string{command.Shared, command.QueueOf(cfg.Name)} {
		q, err := cfg.Queues.Open(ctx, name, command.Options)
		if err != nil {
			return fmt.Errorf("open command queue %s: %w", name, err)
		}
		group.Go(func() error { return h.serve(running, life, q) })
	}
	group.Go(func() error {
		h.clock.Run(running)
		return nil
	})
	if err := h.resume(running, life); err != nil {
		cancel()
		return errors.Join(err, group.Wait())
	}
	group.Go(func() error { // at once, so that commands under way end as well
		<-running.Done()
		h.stopAll()
		return nil
	})
	if onReady != nil {
		onReady(h)
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func open(ctx context.Context, cfg Config) (*Host, error) {
	if cfg.StartRate == 0 {
		cfg.StartRate = 16
	}
	q, err := cfg.Queues.Open(ctx, event.Queue, event.Options)
	if err != nil {
		return nil, fmt.Errorf("open event queue: %w", err)
	}
	if cfg.Clock.HTTP == nil {
		cfg.Clock.HTTP = cfg.WhatsApp.Client()
	}
	cfg.Clock.Log = cfg.Log
	return &Host{
		clock: clock.New(cfg.Clock),
		cfg:   cfg, log: cfg.Log.With("host", cfg.Name), started: time.Now(),
		instances: instance.NewRepository(cfg.Table), tenants: tenant.NewRepository(cfg.Table),
		commands: command.NewClient(cfg.Table, cfg.Bucket, cfg.Queues), results: command.NewResults(cfg.Table), events: event.NewPublisher(q, cfg.Bucket),
		sessions: map[instance.ID]*session.Session{}, taking: map[instance.ID]*sync.Mutex{},
	}, nil
}

// resume opens the sessions that were open when the last host ended.
func (h *Host) resume(ctx, life context.Context) error {
	all, err := h.instances.List(ctx, tenant.Default)
	if err != nil {
		return fmt.Errorf("list instances: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(h.cfg.StartRate)
	for _, i := range all {
		if !i.Wanted && !i.State.Connected() {
			continue
		}
		group.Go(func() error {
			if _, err := h.session(ctx, life, i.ID); err != nil {
				h.log.ErrorContext(ctx, "session cannot be resumed", "instance", string(i.ID), "err", err)
			}
			return nil
		})
	}
	err = group.Wait()
	h.mu.Lock()
	h.ready = true
	h.mu.Unlock()
	h.log.InfoContext(ctx, "host ready", "sessions", h.count(), "took", time.Since(h.started).String())
	return err
}

// session returns the running session of an instance, taking it if this host
// does not have it yet.
func (h *Host) session(ctx, life context.Context, id instance.ID) (*session.Session, error) {
	h.mu.Lock()
	turn := h.taking[id]
	if turn == nil {
		turn = &sync.Mutex{}
		h.taking[id] = turn
	}
	h.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	if s != nil {
		select {
		case <-s.Done():
		default:
			return s, nil
		}
	}
	record, err := h.take(ctx, id)
	if err != nil {
		return nil, err
	}
	s = session.Start(life, session.Deps{
		Instances: h.instances, Events: h.events, WhatsApp: h.cfg.WhatsApp, OpenKeys: h.openKeys, Metrics: &h.metrics, Log: h.log,
		Rhythm: h.cfg.Rhythm, Clock: h.clock, Ended: h.ended,
		Crowded: func(t tenant.ID) { h.tasks.Go(func() { h.thinOut(life, t) }) },
	}, record)
	h.mu.Lock()
	h.sessions[id] = s
	h.mu.Unlock()
	return s, nil
}

// take writes this host's name into the record. A connection that the record
// still tells of belonged to a host that is gone.
func (h *Host) take(ctx context.Context, id instance.ID) (instance.Instance, error) {
	return h.instances.Update(ctx, id, func(i *instance.Instance) error {
		if i.State == instance.Deleted {
			return fault.New(fault.NotFound, "The %q instance does not exist", i.Name)
		}
		i.Host = h.cfg.Name
		i.Epoch++
		i.IdleSince = time.Time{}
		if i.State.Connected() && i.Wanted {
			i.State, i.Ready = instance.Connecting, false
			i.Reason = instance.Reason{Code: instance.ReasonHostLost, Sentence: "The host of the connection has ended and another one opens it again."}
		} else if i.State.Connected() { // a pairing dies with its connection
			i.State, i.Ready = instance.Closed, false
			i.Reason = instance.Reason{Code: instance.ReasonHostLost, Sentence: "The host that linked the phone has ended.", Action: "Connect again for new codes."}
		}
		return nil
	})
}

func (h *Host) openKeys(ctx context.Context, i instance.Instance, onFailure func(error)) (*keys.Keys, error) {
	return keys.Open(ctx, h.cfg.Table, i.ID, i.Epoch, h.cfg.Wrapper, keys.Options{OnFailure: onFailure})
}

// ended forgets a session that has ended by itself, unless there is another one
// of its instance already.
func (h *Host) ended(s *session.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id := s.Record().ID; h.sessions[id] == s {
		delete(h.sessions, id)
	}
}

// forget drops a session that has ended.
func (h *Host) forget(id instance.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, id)
	delete(h.taking, id)
}

func (h *Host) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// stopAll closes every socket, many at a time, and returns when they are
// closed.
func (h *Host) stopAll() {
	h.mu.Lock()
	all := make([]*session.Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		all = append(all, s)
	}
	h.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(64)
	for _, s := range all {
		group.Go(func() error {
			s.Stop()
			return nil
		})
	}
	_ = group.Wait()
	h.log.Info("host stopped", "sessions", len(all))
}
