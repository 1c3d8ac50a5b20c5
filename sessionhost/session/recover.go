package session

import (
	"context"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
)

const (
	recoverLimit = 10 * time.Second // for a login with stored keys
	pingLimit    = 2 * time.Second  // for a sign of life of a socket that is in doubt
)

// Recover makes sure that the instance is logged in with its stored keys. A
// connection that has given a sign of life within the last beat is reused, one
// that is in doubt is asked for one; otherwise a new one is opened. However many
// ask at the same time, there is one connection.
//
// Errors are Conflicts with the code no_keys (link it first) or that of the
// reason that keeps it from logging in, and Unavailable with the code of a proxy
// that fails, or recover_pending when it takes longer than 10 s: it goes on.
func (s *Session) Recover(ctx context.Context) (command.Recovered, error) {
	start := time.Now()
	value, err := s.ask(ctx, false, func(s *Session) (any, error) { return s.recoverable() })
	if err != nil {
		return command.Recovered{}, err
	}
	reused := s.proven(ctx, value.(standing))
	if reused {
		tell := func(s *Session) (any, error) { s.tellHeld(); return nil, nil } //nolint:nilnil // nobody waits for the answer
		s.inbox.put(request{do: tell, answer: make(chan answer, 1)})
	} else if err := s.login(ctx); err != nil {
		return command.Recovered{}, err
	}
	record := s.Record()
	return command.Recovered{
		Reused: reused, Elapsed: time.Since(start), State: instance.Open, Ready: record.Ready, JID: record.JID,
	}, nil
}

// tellHeld tells whose connection is there, though it is no other than before: to
// who has asked for one and would hear nothing, and when more is known of whose.
func (s *Session) tellHeld() {
	s.publish(event.ConnectionHeld, event.Connection{
		State: s.record.State, JID: s.record.JID, Profile: s.record.Profile,
	}, time.Now().Format(time.RFC3339Nano))
}

// standing is how a connection looks without asking it.
type standing struct {
	client *whatsapp.Client // nil when there is none
	fresh  bool             // it has given a sign of life within the last beat
}

// recoverable finds out what there is, or why there can be nothing. The loop
// calls it.
func (s *Session) recoverable() (standing, error) {
	r := s.record
	switch {
	case r.State == instance.LoggedOut:
		return standing{}, fault.Coded(fault.Conflict, instance.ReasonLoggedOut, "%s", told(r.Reason))
	case r.State == instance.Deleting || r.State == instance.Deleted:
		return standing{}, fault.New(fault.Conflict, "the instance is being deleted")
	case r.JID == "":
		return standing{}, fault.Coded(fault.Conflict, "no_keys", "The instance was never linked, or was logged out: link it with a QR code first.")
	case r.State == instance.Closed && r.Reason.Code == instance.ReasonBanned && time.Now().Before(r.Reason.Until):
		return standing{}, fault.Coded(fault.Conflict, instance.ReasonBanned, "%s", told(r.Reason))
	}
	if !s.up || !s.client.Online() {
		return standing{}, nil
	}
	return standing{s.client, r.State != instance.Idle && time.Since(s.lastSign()) < s.deps.Rhythm.Beat}, nil
}

// proven reports whether the connection there is can be used. Of an idle one a
// login is wanted that the record tells of, so it is opened anew.
func (s *Session) proven(ctx context.Context, c standing) bool {
	if c.client == nil || c.fresh {
		return c.fresh
	}
	if s.Record().State != instance.Open {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	return c.client.Ping(ctx) == nil
}

// login opens a connection, or joins the attempt that is under way, and waits
// until it is logged in.
func (s *Session) login(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	done := make(chan error, 1)
	_, err := s.ask(ctx, false, func(s *Session) (any, error) { //nolint:contextcheck // the connection outlives the request
		s.waiting = append(s.waiting, done)
		if dialling := s.up && !s.clock.connected.IsZero(); !dialling {
			s.attempt = 0
			s.store(func(i *instance.Instance) error {
				i.Wanted = true
				return nil
			})
			s.open("")
		} else {
			s.watchLogin()
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	pending := fault.Coded(fault.Unavailable, "recover_pending", "WhatsApp has not logged the instance in yet. It goes on trying.")
	select {
	case err := <-done:
		return err
	case <-s.done:
		return fault.New(fault.Unavailable, "the session has ended")
	case <-ctx.Done():
		return pending
	}
}

// loggedIn says that a connection is logged in, before Online tells that it has
// settled.
type loggedIn struct{ dial int }

// watchLogin waits for the login of the present connection, when somebody waits
// for it and it has been reached.
func (s *Session) watchLogin() {
	if len(s.waiting) == 0 || !s.client.Connected() {
		return
	}
	client, dial := s.client, s.dial
	s.tasks.Go(func() {
		if client.AwaitLogin(recoverLimit) {
			s.inbox.put(loggedIn{dial})
		}
	})
}

// answerWaiting tells those who wait for a login how it went.
func (s *Session) answerWaiting(err error) {
	for _, done := range s.waiting {
		done <- err
	}
	s.waiting = nil
}

// told is a reason as one sentence.
func told(r instance.Reason) string {
	text := strings.TrimSpace(r.Sentence + " " + r.Action)
	if !r.Until.IsZero() {
		text += " It ends at " + r.Until.UTC().Format(time.RFC3339) + "."
	}
	return text
}
