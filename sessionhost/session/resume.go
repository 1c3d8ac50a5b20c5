package session

import (
	"time"

	"roost/shared/instance"
)

// resume opens the connection of an instance that should have one: when its
// session begins, or after a pause. One whose host was lost while it was being
// linked is in doubt (instance.Instance.Doubtful). If its keys hold a device, a
// phone has agreed to it, and the instance goes on as if the record had said so;
// if not, it stays closed and is given up, and no pairing begins that nobody has
// asked for. A device that WhatsApp has not heard of after all is refused at the
// login and ends as logged out, as any that the phone has removed. The same goes
// for any that is closed, without an account and wanted, whatever has left it so.
func (s *Session) resume() {
	stray := s.record.Wanted && s.record.State == instance.Closed && s.record.JID == ""
	if !stray && !s.record.Doubtful() {
		s.open("")
		return
	}
	if err := s.makeClient(); err != nil {
		s.log.Error("keys cannot be read", "err", err)
		s.retry()
		return
	}
	if !s.client.Linked() {
		s.release(s.record.Reason)
		return
	}
	s.log.Info("phone was linked when the host ended")
	client := s.client
	reason := instance.Reason{Code: instance.ReasonHostLost, Sentence: "The host of the connection has ended and another one opens it again."}
	s.change(instance.Connecting, reason, func(i *instance.Instance) {
		i.JID, i.LID, i.LinkedAt = client.JID(), client.LID(), time.Now()
		i.Profile.PictureURL = "" // of the account before
	})
	s.open("")
}
