package session

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"roost/sessionhost/clock"
	"roost/sessionhost/conversion"
	"roost/sessionhost/keys"
	"roost/sessionhost/media"
	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// Deps are what all sessions of a host share.
type Deps struct {
	Instances *instance.Repository
	Events    *event.Publisher
	WhatsApp  whatsapp.Config
	// OpenKeys opens the keys of an instance for this host.
	OpenKeys func(ctx context.Context, i instance.Instance, onFailure func(error)) (*keys.Keys, error)
	Media    *media.Keeper // of files, nil to keep none
	// Converter makes files ready to be sent.
	Converter *conversion.Converter
	Webhooks  *webhook.Repository // to know who wants files; nil for nobody
	Metrics   *Metrics
	Log       *slog.Logger
	Rhythm    Rhythm
	Notes     *Notes       // of histories to fetch; nil fetches none
	Clock     *clock.Clock // of this host; nil when nobody looks
	// Route is the way of an instance's connections, nil for the direct one.
	Route func(instance.Instance) *whatsapp.Route

	// Crowded is told that an instance which releases has become idle: its
	// tenant may have too many of them now. It must not wait for a session. May
	// be nil.
	Crowded func(t tenant.ID)
	// Ended is told that the session has ended. May be nil.
	Ended func(*Session)
}

// Session is one instance on this host. Its methods may be called
// concurrently.
type Session struct {
	deps Deps
	id   instance.ID
	log  *slog.Logger
	life context.Context //nolint:containedctx // of the session, made in Start: the one stored context

	inbox inbox
	done  chan struct{}

	shown    atomic.Pointer[instance.Instance] // the record as last stored, for others to read
	audience audience                          // for files
	sending  inflight                          // what is being sent and not yet told of

	line  atomic.Pointer[whatsapp.Client] // the client, for senders; nil while there is none
	begun time.Time

	// The loop owns what follows.
	record     instance.Instance                // as it is to be
	stored     instance.Instance                // as it was when it was last read or written
	unsaved    []func(*instance.Instance) error // what the table has not taken yet
	unsavedFor int                              // attempts
	traffic    whatsapp.Traffic                 // what the record does not count yet
	untold     []event.Event                    // what the queue has not taken yet
	untoldFor  int                              // attempts
	keys       *keys.Keys
	client     *whatsapp.Client   // of the device, kept over connections; nil before the first and after a logout
	routed     time.Time          // when the proxy was set that it goes through; zero for none
	up         bool               // a connection is open, or being opened
	dial       int                // counts connections, to know answers that come late
	hangup     context.CancelFunc // ends the present connection
	// connection ends with the present connection.
	connection context.Context //nolint:containedctx // of what is done on it in the background
	synced     bool            // it has brought what had waited on the server
	attempt    int             // of opening a connection, since the last login
	pairing    *pairing        // nil unless one is under way
	since      time.Time       // of the last login, zero once its end has been seen
	sign       time.Time       // counts as WhatsApp's last sign of life when the client knows none that is later
	clock      deadlines
	tasks      sync.WaitGroup // what was started in the background

	portraits portraits
	fetching  bool               // pending files are being fetched
	stopFetch context.CancelFunc // ends that; nil before the first time

	waiting          []chan error // who waits for a login; each takes one answer
	rejected         string       // the call rejected last: it is told of more than once
	renewing         bool         // another version was tried since the last login
	reading          bool         // histories are being fetched
	moreHistory      bool         // and more have been noted
	lookedForHistory bool         // what a host before has left was looked for
	released         bool         // the session ends: the instance is nobody's
	gone             bool         // another host has the instance: nothing may be told of it any more
}

// Start runs a session for an instance that this host owns. It ends when life
// ends, or with Stop.
func Start(life context.Context, deps Deps, record instance.Instance) *Session {
	life, cancel := context.WithCancel(life)
	deps.Rhythm = deps.Rhythm.withDefaults()
	s := &Session{
		begun: time.Now(),
		deps:  deps, id: record.ID, log: deps.Log.With("instance", string(record.ID)), life: life,
		done: make(chan struct{}), record: record, stored: record,
	}
	s.inbox.signal = make(chan struct{}, 1)
	s.shown.Store(&record)
	go func() { //nolint:contextcheck // closing outlives life
		defer cancel()
		s.run()
		if deps.Ended != nil {
			deps.Ended(s)
		}
	}()
	return s
}

// Age is for how long the session has run.
func (s *Session) Age() time.Duration { return time.Since(s.begun) }

// ID is the instance's.
func (s *Session) ID() instance.ID { return s.id }

// Record is the instance as it was last stored.
func (s *Session) Record() instance.Instance { return *s.shown.Load() }

// Done is closed when the session has ended: its socket and keys are closed.
func (s *Session) Done() <-chan struct{} { return s.done }

// Stop closes the connection cleanly and keeps what the record says, so that
// another host goes on. It returns when everything has ended.
func (s *Session) Stop() {
	s.inbox.put(stopped{})
	<-s.done
}

type stopped struct{}

func (s *Session) run() {
	defer close(s.done)
	defer s.tasks.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer s.closeKeys()
	defer s.drop()
	defer s.stopFetching()
	if s.record.Wanted {
		s.resume()
	}
	for !s.released {
		timer.Reset(s.clock.next())
		select {
		case <-s.inbox.signal:
			for _, m := range s.inbox.take() {
				if !s.receive(m) {
					return
				}
			}
		case <-timer.C:
			s.due(time.Now())
		case <-s.life.Done():
			return
		}
	}
}

// receive handles one message of the inbox. It reports whether the session
// goes on.
func (s *Session) receive(m any) bool {
	switch m := m.(type) {
	case stopped:
		return false
	case request:
		value, err := m.do(s)
		m.answer <- answer{value, err}
		return !m.last && !s.released
	case from:
		if s.up && m.client == s.client { // not of a connection that was given up
			s.heard(m.signal)
		}
	case dialled:
		if s.up && m.dial == s.dial {
			s.dialled(m.err)
		}
	case historyRead:
		s.historyRead(m)
	case renewed:
		if m.client == s.client {
			s.renewed(m)
		}
	case loggedIn:
		if s.up && m.dial == s.dial {
			s.answerWaiting(nil)
		}
	case codeResult:
		if s.up && m.dial == s.dial {
			s.codeArrived(m)
		}
	case failed:
		s.keysFailed(m.err)
	case portrait:
		s.portrayedSo(m)
	case mediaDue:
		s.clock.fetchAt(m.at)
	case mediaFetched:
		s.fetching = false
		if !m.next.IsZero() {
			s.clock.fetchAt(m.next)
		}
	}
	return true
}

// inbox is an unbounded queue for the loop: connections must never wait for
// it. Its length is bounded by what one connection can say.
type inbox struct {
	mu     sync.Mutex
	items  []any
	signal chan struct{}
}

func (i *inbox) put(m any) {
	i.mu.Lock()
	i.items = append(i.items, m)
	i.mu.Unlock()
	select {
	case i.signal <- struct{}{}:
	default:
	}
}

func (i *inbox) take() []any {
	i.mu.Lock()
	defer i.mu.Unlock()
	items := i.items
	i.items = nil
	return items
}

// from is a signal and the connection that gave it.
type from struct {
	client *whatsapp.Client
	signal whatsapp.Signal
}

// request is something to do on the loop.
type request struct {
	do     func(*Session) (any, error)
	answer chan answer
	last   bool // the session ends with it
}

type answer struct {
	value any
	err   error
}

// ErrEnded answers a request that a session has not begun before it ended.
var ErrEnded = fault.New(fault.Unavailable, "the session has ended")

// ask runs do on the loop and waits for its result.
func (s *Session) ask(ctx context.Context, last bool, do func(*Session) (any, error)) (any, error) {
	r := request{do: do, answer: make(chan answer, 1), last: last}
	s.inbox.put(r)
	select {
	case a := <-r.answer:
		return a.value, a.err
	case <-s.done:
		select {
		case a := <-r.answer:
			return a.value, a.err
		default:
			return nil, ErrEnded
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// deadlines are the moments at which the loop has something to do by itself.
// Zero is never.
type deadlines struct {
	rotate    time.Time // the QR code shown has had its time
	pairing   time.Time // the pairing ends
	connected time.Time // the connection must have got somewhere
	ready     time.Time // the login counts as complete
	reopen    time.Time // the next attempt to connect
	beat      time.Time // a sign of life is due
	media     time.Time // files are to be fetched
	history   time.Time // histories are tried again
	release   time.Time // the instance has been idle for long
	save      time.Time // the record is written again
	tell      time.Time // what is untold is told
}

func (d *deadlines) next() time.Duration {
	wait := time.Hour
	for _, at := range []time.Time{d.rotate, d.pairing, d.connected, d.ready, d.reopen, d.beat, d.media, d.release, d.history, d.save, d.tell} {
		if !at.IsZero() {
			wait = min(wait, time.Until(at))
		}
	}
	return max(wait, 0)
}

// fetchAt sees to it that pending files are looked at then, or before.
func (d *deadlines) fetchAt(at time.Time) {
	if d.media.IsZero() || at.Before(d.media) {
		d.media = at
	}
}

// due does what the clock says.
func (s *Session) due(now time.Time) {
	passed := func(at *time.Time) bool {
		if at.IsZero() || now.Before(*at) {
			return false
		}
		*at = time.Time{}
		return true
	}
	if passed(&s.clock.pairing) {
		s.endPairing(instance.Reason{
			Code: instance.ReasonPairingTimeout, Status: 408,
			Sentence: "Nobody has scanned the QR code or typed the pairing code in time.", Action: "Connect again for new codes.",
		})
		return
	}
	if passed(&s.clock.rotate) {
		s.rotate()
	}
	if passed(&s.clock.connected) {
		s.stalled()
	}
	if passed(&s.clock.ready) {
		s.becomeReady()
	}
	if passed(&s.clock.beat) {
		s.beat(now)
	}
	if passed(&s.clock.media) {
		s.fetchPending()
	}
	if passed(&s.clock.history) {
		s.readHistory()
	}
	if passed(&s.clock.save) {
		s.save()
	}
	if passed(&s.clock.tell) {
		s.tell()
	}
	if passed(&s.clock.release) {
		s.release(instance.Reason{
			Code: instance.ReasonReleased, Sentence: "WhatsApp has not answered for long, and the connection was given up. The keys are kept.", Action: "Recover the instance.",
		})
		return
	}
	if passed(&s.clock.reopen) {
		s.resume()
	}
}
