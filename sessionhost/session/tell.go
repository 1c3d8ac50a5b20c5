package session

import (
	"strconv"
	"time"

	"roost/shared/event"
)

// maxUntold bounds how many events about the instance itself wait for a queue
// that takes none: the latest say how it stands.
const maxUntold = 64

// tellConnection tells where the connection stands. again says that it stood there
// before.
func (s *Session) tellConnection(again bool) {
	what := []string{strconv.FormatInt(s.record.Revision, 10)}
	if len(s.unsaved) > 0 { // the revision is that of another change
		what = append(what, time.Now().Format(time.RFC3339Nano))
	}
	s.publish(event.ConnectionUpdated, event.Connection{
		State: s.record.State, Reason: s.record.Reason, JID: s.record.JID, Profile: s.record.Profile, Again: again,
	}, what...)
}

// publish tells of the instance itself. what makes the event's id. What the queue
// does not take now waits, and all that follows behind it.
func (s *Session) publish(kind event.Kind, body any, what ...string) {
	if s.gone {
		return
	}
	e, err := newEvent(s.Record(), kind, "", body, what...)
	if err != nil {
		s.log.Error("event cannot be made", "kind", string(kind), "err", err)
		return
	}
	if len(s.untold) == maxUntold {
		s.log.Error("event is given up", "kind", string(s.untold[0].Kind), "event", s.untold[0].ID)
		s.untold = append(s.untold[:0], s.untold[1:]...)
	}
	s.untold = append(s.untold, e)
	s.tell()
}

// tell puts what is to be told onto the queue of events.
func (s *Session) tell() {
	s.clock.tell = time.Time{}
	for len(s.untold) > 0 {
		if err := s.deps.Events.Publish(s.life, s.untold[0]); err != nil {
			s.log.Warn("event cannot be published now", "kind", string(s.untold[0].Kind), "err", err)
			s.clock.tell = time.Now().Add(min(firstSave<<s.untoldFor, longestSave))
			s.untoldFor = min(s.untoldFor+1, 10)
			return
		}
		s.untold, s.untoldFor = s.untold[1:], 0
	}
	s.untold = nil
}
