package session

import (
	"encoding/json"
	"errors"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
)

// move takes the instance to another state and tells the world.
func (s *Session) move(to instance.State, reason instance.Reason) { s.change(to, reason, nil) }

// change is move with more to write at the same time.
func (s *Session) change(to instance.State, reason instance.Reason, more func(*instance.Instance)) {
	was := s.record
	before := was.State
	s.store(func(i *instance.Instance) error {
		if err := i.Move(to, reason); err != nil {
			return err
		}
		if more != nil {
			more(i)
		}
		return nil
	})
	if s.record.State != before || s.record.Reason.Code != was.Reason.Code {
		if s.record.State == instance.Closed || s.record.State == instance.LoggedOut {
			s.answerWaiting(fault.Coded(fault.Conflict, s.record.Reason.Code, "%s", told(s.record.Reason)))
		}
		if before == instance.Idle && s.record.State != before {
			s.awake(was)
		}
		s.log.Info("instance moved", "from", string(before), "to", string(s.record.State), "reason", s.record.Reason.Code)
		s.tellConnection(s.record.State == before)
	}
}

// store writes the record. When the table does not take it now the session goes
// on with what it knows, and writes all of it a little later. When the instance
// belongs to another host now nothing is written and the session ends.
func (s *Session) store(edit func(*instance.Instance) error) {
	s.unsaved = append(s.unsaved, edit)
	s.save()
}

// save writes what is to be written of the record.
func (s *Session) save() {
	s.clock.save = time.Time{}
	s.weigh()
	var refused error
	stored, err := s.deps.Instances.UpdateFrom(s.life, s.stored, func(i *instance.Instance) error {
		if !i.Owned(s.record) {
			return instance.ErrTaken
		}
		refused = s.edit(i)
		return refused
	})
	switch {
	case errors.Is(err, instance.ErrTaken):
		s.lost()
		return
	case err == nil:
		s.stored, s.record, s.unsaved, s.unsavedFor, s.traffic = stored, stored, nil, 0, whatsapp.Traffic{}
		s.released = stored.Host == ""
	case refused != nil, fault.KindOf(err) == fault.NotFound: // no time will make it right
		s.log.Error("instance cannot be stored", "err", err)
		s.record, s.unsaved, s.unsavedFor = s.stored, nil, 0
	default:
		s.log.Warn("instance cannot be stored now", "err", err)
		s.record = s.stored
		_ = s.edit(&s.record)
		s.clock.save = time.Now().Add(min(firstSave<<s.unsavedFor, longestSave))
		s.unsavedFor = min(s.unsavedFor+1, 10)
	}
	shown := s.record
	s.shown.Store(&shown)
}

// How long a session waits before it tries again to write its record.
const (
	firstSave   = 500 * time.Millisecond
	longestSave = 30 * time.Second
)

// edit makes of the record as it is stored what is to be stored. What cannot be
// done any more, since others have changed the record too, is left out; an error
// when that is all.
func (s *Session) edit(i *instance.Instance) error {
	var refused error
	done := 0
	for _, edit := range s.unsaved {
		next := *i
		if err := edit(&next); err != nil {
			refused = err
			continue
		}
		*i = next
		done++
	}
	if done > 0 {
		i.SentBytes += s.traffic.Sent
		i.ReceivedBytes += s.traffic.Received
		return nil
	}
	return refused
}

// weigh takes up what has gone over the client's connections.
func (s *Session) weigh() {
	if s.client == nil {
		return
	}
	now := s.client.TakeTraffic()
	s.traffic.Sent += now.Sent
	s.traffic.Received += now.Received
}

// lost ends a session whose instance another host has taken.
func (s *Session) lost() {
	s.log.Warn("another host has taken the instance")
	s.gone = true
	s.hang()
	s.inbox.put(stopped{})
}

func newEvent(i instance.Instance, kind event.Kind, chat string, body any, what ...string) (event.Event, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return event.Event{}, err
	}
	id := event.NewID(append([]string{string(i.ID), string(kind), chat}, what...)...)
	return event.Event{
		ID: id, Tenant: i.Tenant, Instance: i.ID, Name: i.Name, Sender: account(i.JID), Kind: kind, Chat: chat,
		At: time.Now().UTC(), Body: encoded,
	}, nil
}
