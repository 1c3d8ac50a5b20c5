package session

import (
	"time"

	"roost/shared/instance"
)

// Rhythm is how often WhatsApp must give a sign of life, and what follows when
// it does not. Zero fields get the default.
//
// A sign of life is anything that comes on the instance's socket; the library's
// keepalives see to it that something does, every 30 s at most. A beat without
// one is a miss. After so many misses in a row the instance is idle: its socket
// is no longer believed, and connections are tried until one succeeds. One that
// releases (instance.Instance.Releases: those of the guid dialect) is given up
// when that lasts: no goroutine, no socket, keys kept. Others are tried for
// ever, since their users expect a linked phone to stay linked.
type Rhythm struct {
	Beat    time.Duration // 30 s
	Misses  int           // 3
	Release time.Duration // 10 min, from the moment the instance became idle
	// Proof is how old the record's AnswerAt may become while WhatsApp goes on
	// answering: 5 min. Each instance writes its record that often.
	Proof time.Duration
	// Steady is how long a connection must have lasted for the next one to be
	// opened at once: 30 s.
	Steady time.Duration
}

func (r Rhythm) withDefaults() Rhythm {
	for field, value := range map[*time.Duration]time.Duration{
		&r.Beat: 30 * time.Second, &r.Release: 10 * time.Minute, &r.Proof: 5 * time.Minute,
		&r.Steady: 30 * time.Second,
	} {
		if *field == 0 {
			*field = value
		}
	}
	if r.Misses == 0 {
		r.Misses = 3
	}
	return r
}

// lastSign is when WhatsApp has last given a sign of life, or the moment from
// which one is waited for.
func (s *Session) lastSign() time.Time {
	if s.client != nil {
		if at := s.client.LastSign(); at.After(s.sign) {
			return at
		}
	}
	return s.sign
}

// alive begins to count beats from now.
func (s *Session) alive(now time.Time) {
	s.sign = now
	s.clock.beat, s.clock.release = now.Add(s.deps.Rhythm.Beat), time.Time{}
}

// beat looks whether there was a sign of life since the last one.
func (s *Session) beat(now time.Time) {
	if s.record.State != instance.Open && s.record.State != instance.Connecting {
		return
	}
	last := s.lastSign()
	misses := int(now.Sub(last) / s.deps.Rhythm.Beat)
	switch {
	case misses >= s.deps.Rhythm.Misses:
		s.idle(last)
		return
	case misses > 0:
		s.deps.Metrics.BeatsMissed.Add(1)
	case s.record.State == instance.Open && last.Sub(s.record.AnswerAt) >= s.deps.Rhythm.Proof:
		s.store(func(i *instance.Instance) error {
			i.AnswerAt = last
			return nil
		})
	}
	s.clock.beat = last.Add(time.Duration(misses+1) * s.deps.Rhythm.Beat)
}

// idle is WhatsApp's silence. What socket there is is dead, though nobody may
// have closed it.
func (s *Session) idle(since time.Time) {
	reason := s.record.Reason
	if reason.Code == "" || reason.Code == instance.ReasonDisconnected {
		reason = instance.Reason{Code: instance.ReasonSilent, Sentence: "WhatsApp does not answer. The connection is being opened again."}
	}
	s.deps.Metrics.BecameIdle.Add(1)
	now := time.Now().UTC().Truncate(time.Millisecond)
	s.change(instance.Idle, reason, func(i *instance.Instance) { i.IdleSince, i.AnswerAt = now, since })
	if s.record.Releases {
		s.clock.release = time.Now().Add(s.deps.Rhythm.Release)
		noted := s.record
		s.tasks.Go(func() {
			if err := s.deps.Instances.NoteIdle(s.life, noted); err != nil {
				s.log.Error("idle instance cannot be noted", "err", err)
			} else if s.deps.Crowded != nil {
				s.deps.Crowded(noted.Tenant)
			}
		})
	}
	if s.up && s.clock.connected.IsZero() { // it believes to be connected
		s.open("")
	}
}

// awake forgets that the instance was idle.
func (s *Session) awake(was instance.Instance) {
	if was.State != instance.Idle || !was.Releases {
		return
	}
	s.tasks.Go(func() {
		if err := s.deps.Instances.DropIdle(s.life, was); err != nil {
			s.log.Warn("note of an idle instance stays", "err", err)
		}
	})
}

// release gives the instance up: its keys stay, and whichever host it is asked
// of next takes it.
func (s *Session) release(reason instance.Reason) {
	s.log.Info("instance released", "reason", reason.Code)
	s.drop()
	s.dropPairing()
	s.clock = deadlines{}
	s.closeKeys() // before others may take it
	s.deps.Metrics.Released.Add(1)
	s.change(instance.Closed, reason, func(i *instance.Instance) {
		i.Wanted, i.ClosedAt, i.Host = false, time.Now(), ""
	})
}
