package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/fault"
	"roost/shared/instance"
)

const (
	connectLimit = 20 * time.Second // from dial to codes or login
	loginLimit   = 5 * time.Second  // from the phone's consent to the login
	readyLimit   = 10 * time.Second // from the login to ready
	firstJitter  = 300 * time.Millisecond
	longestPause = time.Minute
)

// dialled is what became of an attempt to connect.
type dialled struct {
	dial int
	err  error
}

// open begins a connection, for a pairing code to number if that is not empty.
func (s *Session) open(number string) {
	s.hang()
	s.clock.reopen = time.Time{}
	if err := s.makeClient(); err != nil {
		s.log.Error("keys cannot be read", "err", err)
		s.move(instance.Closed, instance.Reason{Code: instance.ReasonStorage, Sentence: "The keys of the instance cannot be read now."})
		s.retry()
		return
	}
	s.route()
	client := s.client
	client.FullHistory.Store(s.record.Settings.SyncFullHistory)
	life, hangup := context.WithCancel(s.life)
	s.hangup, s.connection, s.up, s.synced = hangup, life, true, false
	s.dial++
	dial := s.dial
	if !client.Linked() && s.pairing == nil {
		s.beginPairing(number)
	}
	s.trying(s.record.Reason)
	if by, off := s.deps.Clock.Off(); off && !client.Linked() {
		s.clockOff(by)
		return
	}
	if client.Linked() && s.clock.beat.IsZero() && s.record.State == instance.Connecting {
		s.alive(time.Now())
	}
	s.clock.connected = time.Now().Add(connectLimit)
	s.tasks.Go(func() {
		s.inbox.put(dialled{dial, client.Connect(life)})
	})
}

// makeClient makes the client of the instance's device unless there is one. It
// is kept over connections: it remembers devices, groups and who was answered
// how often.
func (s *Session) makeClient() error {
	if s.client != nil {
		return nil
	}
	if err := s.openKeys(); err != nil {
		return fmt.Errorf("open keys: %w", err)
	}
	device, err := s.keys.Device(s.life)
	if err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	var client *whatsapp.Client
	client = whatsapp.New(s.deps.WhatsApp, device, s.keys, &sink{session: s}, func(signal whatsapp.Signal) {
		s.inbox.put(from{client, signal})
	})
	s.client, s.routed = client, time.Time{}
	s.line.Store(client)
	return nil
}

// openKeys opens the keys unless they are. A device that was logged out has
// left them empty: they are opened anew for the next one.
func (s *Session) openKeys() error {
	if s.keys != nil {
		return nil
	}
	k, err := s.deps.OpenKeys(s.life, s.record, func(err error) {
		s.inbox.put(failed{err})
	})
	if err != nil {
		return err
	}
	s.keys = k
	return nil
}

func (s *Session) closeKeys() {
	if s.keys == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.life), 5*time.Second)
	defer cancel()
	if err := s.keys.Close(ctx); err != nil {
		s.log.Error("keys did not close", "err", err)
	}
	s.keys = nil
}

// hang closes the present connection, if there is one. Its signals are heard
// no more.
func (s *Session) hang() {
	if !s.up {
		return
	}
	s.up = false
	s.hangup() // first, since a dial under way holds the library's lock
	s.client.Disconnect()
	s.clock.connected, s.clock.ready, s.clock.rotate = time.Time{}, time.Time{}, time.Time{}
}

// drop hangs up and forgets the device: the next connection begins with what
// the keys say then.
func (s *Session) drop() {
	s.hang()
	s.weigh()
	s.client = nil
	s.line.Store(nil)
}

// dialled hears whether WhatsApp was reached.
func (s *Session) dialled(err error) {
	if err == nil { // codes or the login follow
		s.watchLogin()
		return
	}
	s.log.Info("whatsapp cannot be reached", "err", err)
	s.unreachable(reasonOf(err))
}

// stalled is a connection that got nowhere in its time.
func (s *Session) stalled() {
	s.log.Info("connection stalled", "state", string(s.record.State))
	if s.record.State == instance.Starting && s.pairing == nil {
		s.open("") // the stanza that ends pairing was lost
		return
	}
	s.unreachable(unreachable("WhatsApp cannot be reached: it did not answer in time"))
}

// unreachable tries again for an account that is linked, and gives a pairing
// up, for a person is waiting.
func (s *Session) unreachable(reason instance.Reason) {
	if s.client != nil && s.client.Linked() {
		s.hang()
		s.trying(reason)
		if reason.Code == instance.ReasonProxyDown || reason.Code == instance.ReasonProxyRefused { // waiting would not help
			s.answerWaiting(fault.Coded(fault.Unavailable, reason.Code, "%s", told(reason)))
		}
		s.retry()
		return
	}
	s.endPairing(reason)
}

// trying says that a connection is being opened. An idle instance stays idle
// until one succeeds.
func (s *Session) trying(reason instance.Reason) {
	if s.record.State == instance.Idle {
		s.move(instance.Idle, reason)
		return
	}
	s.move(instance.Connecting, reason)
}

// retry schedules the next attempt: soon at first, then later and later, also
// after a connection that soon ended: one that is reset since nothing can be
// stored would be opened again all the time.
func (s *Session) retry() {
	if !s.since.IsZero() && time.Since(s.since) >= s.deps.Rhythm.Steady {
		s.attempt = 0
	}
	s.since = time.Time{}
	pause := rand.N(firstJitter) //nolint:gosec // jitter
	if s.attempt > 0 {
		pause = min(time.Second<<min(s.attempt-1, 10), longestPause)
		pause = pause/2 + rand.N(pause) //nolint:gosec // jitter
	}
	s.attempt++
	s.clock.reopen = time.Now().Add(pause)
}

// online is a login that has succeeded.
func (s *Session) online() {
	s.since, s.renewing = time.Now(), false
	s.alive(time.Now())
	s.clock.connected, s.clock.pairing, s.clock.rotate = time.Time{}, time.Time{}, time.Time{}
	s.clock.ready = time.Now().Add(readyLimit)
	s.dropPairing()
	s.answerWaiting(nil)
	if s.record.Settings.StoreMedia {
		s.clock.fetchAt(time.Now())
	}
	client := s.client
	if s.synced {
		s.clock.ready = time.Time{}
	}
	now, synced := time.Now(), s.synced
	s.change(instance.Open, instance.Reason{}, func(i *instance.Instance) {
		i.Ready = synced
		i.JID, i.LID, i.Wanted, i.AnswerAt = client.JID(), client.LID(), true, now
		i.Profile.PushName = client.PushName()
	})
	s.greet()
	s.ownPortrait()
	if s.moreHistory || !s.lookedForHistory {
		s.lookedForHistory = true
		s.readHistory()
	}
}

// greet tells WhatsApp whether somebody is there.
func (s *Session) greet() {
	if s.record.State != instance.Open {
		return
	}
	client, online := s.client, s.record.Settings.AlwaysOnline
	s.tasks.Go(func() { client.Greet(s.life, online) })
}

func (s *Session) becomeReady() {
	s.clock.ready = time.Time{}
	if s.record.State != instance.Open || s.record.Ready {
		return
	}
	s.store(func(i *instance.Instance) error {
		i.Ready = true
		return nil
	})
}

// offline is a connection that is gone for no reason that a person must mend.
func (s *Session) offline() {
	if s.client.Connected() {
		return // told late: there is a connection again
	}
	linked := s.client.Linked()
	s.hang()
	if linked {
		s.trying(instance.Reason{Code: instance.ReasonDisconnected, Sentence: "The connection was lost and is being opened again."})
		s.retry()
		return
	}
	if s.pairing != nil && time.Now().Before(s.clock.pairing) { // its codes are used up, new ones come with a new connection
		s.open(s.pairing.number)
		return
	}
	s.endPairing(instance.Reason{Code: instance.ReasonPairingTimeout, Status: 408, Sentence: "WhatsApp has ended the pairing.", Action: "Connect again for new codes."})
}

// ended is a connection that must not be opened again by itself.
func (s *Session) ended(e whatsapp.Ended) {
	if e.Reason.Code == instance.ReasonOutdated && !s.renewing {
		s.outdated(e)
		return
	}
	s.renewing = false
	s.log.Warn("session ended", "reason", e.Reason.Code, "status", e.Reason.Status)
	s.hang()
	s.dropPairing()
	state := instance.Closed
	if e.LoggedOut {
		state = instance.LoggedOut
		s.forgetKeys()
	}
	s.change(state, e.Reason, func(i *instance.Instance) {
		i.Wanted, i.ClosedAt = false, time.Now()
	})
}

// forgetKeys drops what is left of keys that WhatsApp has refused.
func (s *Session) forgetKeys() {
	s.drop()
	if err := s.openKeys(); err != nil {
		s.log.Error("keys cannot be opened", "err", err)
		return
	}
	if err := s.keys.Delete(s.life); err != nil {
		s.log.Error("keys cannot be deleted", "err", err)
	}
	s.closeKeys()
	if s.deps.Notes != nil {
		if err := s.deps.Notes.purge(s.life, s.id); err != nil {
			s.log.Error("notes of histories stay", "err", err)
		}
	}
}
