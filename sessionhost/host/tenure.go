package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"roost/sessionhost/keys"
	"roost/sessionhost/lease"
	"roost/sessionhost/media"
	"roost/sessionhost/session"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/table"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// tenure is what a host has while it holds one lease. Everything it writes goes
// through that lease.
type tenure struct {
	host *Host
	cfg  *Config
	term *lease.Term

	table     table.Table
	queues    queue.Opener
	instances *instance.Repository
	tenants   *tenant.Repository
	results   *command.Results
	once      *command.Once
	commands  *command.Client
	deps      session.Deps
	spread    spread
	running   sync.WaitGroup // sessions, and what they have asked for

	mu       sync.Mutex // the fields below
	sessions map[instance.ID]*session.Session
	taking   map[instance.ID]*turn
	given    map[instance.ID]gift
	doing    map[string]bool // ids of commands under way
	answered recent          // ids of those that this host has answered
	leaving  bool
	adopting map[string]*adoption // by host that has ended, "" for what nobody holds
	burying  map[string]bool
}

// turn makes one taker at a time of an instance.
type turn struct {
	sync.Mutex
	waiting int
}

// gift is an instance that was given to another host a moment ago: commands go
// there until the record says so. Once that host has taken it, which the epoch
// tells, it is a gift no more, also when it comes back at once.
type gift struct {
	to    string
	epoch int64
	until time.Duration // by lease.Clock
}

// giftLife is how long a host may take to hear of a gift.
const giftLife = 3 * time.Second

func newTenure(h *Host, term *lease.Term) *tenure {
	held := term.Table(h.cfg.Table)
	queues := term.Opener(h.cfg.Queues)
	t := &tenure{
		host: h, cfg: &h.cfg, term: term, table: held, queues: queues,
		instances: instance.NewRepository(held), tenants: tenant.NewRepository(held), results: command.NewResults(held), once: command.NewOnce(held), commands: command.NewClient(held, h.cfg.Bucket, queues),
		sessions: map[instance.ID]*session.Session{}, taking: map[instance.ID]*turn{}, given: map[instance.ID]gift{},
		doing: map[string]bool{}, adopting: map[string]*adoption{}, burying: map[string]bool{},
	}
	whatsapp := h.cfg.WhatsApp
	whatsapp.Guard = term.Conn
	t.deps = session.Deps{
		Instances: t.instances, WhatsApp: whatsapp, OpenKeys: t.openKeys, Metrics: &h.metrics, Log: h.log,
		Converter: h.converter,
		Media:     media.New(media.Config{Table: held, Bucket: h.cfg.Bucket, Log: h.log, MaxBytes: h.cfg.MaxMedia}),
		Webhooks:  webhook.NewRepository(held, nil), // asked only for what is not sealed
		Rhythm:    h.cfg.Rhythm, Clock: h.clock, Route: h.route, Notes: session.NewNotes(held, h.sealer), Ended: t.ended,
	}
	return t
}

// open begins to take commands.
func (t *tenure) open(running, life context.Context, serving *sync.WaitGroup) error {
	q, err := t.queues.Open(running, event.Queue, event.Options)
	if err != nil {
		return fmt.Errorf("open event queue: %w", err)
	}
	t.deps.Events = event.NewPublisher(q, t.cfg.Bucket)
	t.deps.Crowded = func(of tenant.ID) { t.running.Go(func() { t.thinOut(life, of) }) }
	for _, name := range []string{command.Shared, command.QueueOf(t.cfg.Name)} {
		q, err := t.queues.Open(running, name, command.Options)
		if err != nil {
			return fmt.Errorf("open command queue %s: %w", name, err)
		}
		serving.Go(func() { t.serve(running, life, q) })
	}
	return nil
}

// heldError says that another host has the instance.
type heldError struct{ host string }

func (h *heldError) Error() string { return "the instance is held by " + h.host }

// session returns the running session of an instance, taking it if this host
// does not have it yet. *heldError when another host has it. allowed, when it is not nil,
// may refuse to take the record that was read.
func (t *tenure) session(ctx, life context.Context, id instance.ID, allowed func(instance.Instance) error) (*session.Session, error) {
	defer t.turn(id)()
	t.mu.Lock()
	s, gift, leaving := t.sessions[id], t.given[id], t.leaving
	t.mu.Unlock()
	if s != nil {
		select {
		case <-s.Done():
		default:
			return s, nil
		}
	}
	if leaving {
		return nil, &heldError{""}
	}
	record, err := t.instances.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if gift.until > lease.Clock() && record.Host == "" && record.Epoch == gift.epoch {
		return nil, &heldError{gift.to}
	}
	if allowed != nil {
		if err := allowed(record); err != nil {
			return nil, err
		}
	}
	return t.take(ctx, life, record)
}

// take makes an instance this host's own and begins its session. The turn is
// held.
func (t *tenure) take(ctx, life context.Context, record instance.Instance) (*session.Session, error) {
	first := record.Epoch
	taken, err := t.instances.UpdateFrom(ctx, record, func(i *instance.Instance) error {
		if i.Host != "" && i.Host != t.cfg.Name {
			gone, err := t.gone(ctx, i.Host)
			if err != nil {
				return err
			}
			if !gone || i.Epoch != first { // taken meanwhile
				return &heldError{i.Host}
			}
		}
		return i.Take(t.cfg.Name)
	})
	if err != nil {
		return nil, err
	}
	s := t.start(life, taken)
	return s, nil
}

func (t *tenure) start(life context.Context, record instance.Instance) *session.Session {
	t.running.Add(1)
	s := session.Start(life, t.deps, record)
	t.mu.Lock()
	select {
	case <-s.Done():
	default:
		t.sessions[record.ID] = s
	}
	delete(t.given, record.ID)
	t.mu.Unlock()
	return s
}

// ended forgets a session that has ended. Sessions call it.
func (t *tenure) ended(s *session.Session) {
	defer t.running.Done()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sessions[s.ID()] == s {
		delete(t.sessions, s.ID())
	}
}

// gone reports whether instances of a host may be taken. A host that has joined
// since the last look is looked for once more.
func (t *tenure) gone(ctx context.Context, name string) (bool, error) {
	view := t.host.observer.Last()
	if _, known := view.Host(name); !known {
		var err error
		if view, err = t.host.observer.Look(ctx); err != nil {
			return false, err
		}
	}
	return view.Gone(name), nil
}

// turn waits until nobody else takes or gives the instance, and returns what
// ends that.
func (t *tenure) turn(id instance.ID) func() {
	t.mu.Lock()
	turns := t.taking[id]
	if turns == nil {
		turns = &turn{}
		t.taking[id] = turns
	}
	turns.waiting++
	t.mu.Unlock()
	turns.Lock()
	return func() {
		turns.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if turns.waiting--; turns.waiting == 0 {
			delete(t.taking, id)
		}
	}
}

func (t *tenure) openKeys(ctx context.Context, i instance.Instance, onFailure func(error)) (*keys.Keys, error) {
	return keys.Open(ctx, t.table, i.ID, i.Epoch, t.cfg.Wrapper, keys.Options{OnFailure: onFailure})
}

func (t *tenure) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sessions)
}

func (t *tenure) all() []*session.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*session.Session, 0, len(t.sessions))
	for _, s := range t.sessions {
		all = append(all, s)
	}
	return all
}

// isHeld finds out whether err says that another host has the instance.
func isHeld(err error) (string, bool) {
	if held, ok := errors.AsType[*heldError](err); ok {
		return held.host, true
	}
	return "", false
}
