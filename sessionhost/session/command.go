package session

import (
	"context"
	"encoding/json"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
)

// Connect opens the connection of an instance, or offers a pairing code on one
// that is pairing. It does not wait for WhatsApp: the record and the offer tell
// how it goes on.
func (s *Session) Connect(ctx context.Context, args command.ConnectArgs) (command.Status, error) {
	return s.status(ctx, func(s *Session) error { //nolint:contextcheck // the connection outlives the request
		switch s.record.State {
		case instance.Open, instance.Starting:
			return nil
		case instance.Idle: // somebody waits: now, and not when the back-off says
			s.attempt = 0
			if s.clock.connected.IsZero() {
				s.open("")
			}
			return nil
		case instance.Deleting, instance.Deleted:
			return fault.New(fault.Conflict, "the instance is being deleted")
		default:
		}
		if s.up {
			s.wantCode(args.Number)
			return nil
		}
		s.attempt = 0
		s.store(func(i *instance.Instance) error {
			if args.Number != "" {
				i.Number = args.Number
			}
			i.Wanted = i.JID != "" && i.State != instance.LoggedOut
			return nil
		})
		s.open(args.Number)
		return nil
	})
}

// Disconnect closes the connection and keeps the keys.
func (s *Session) Disconnect(ctx context.Context) (command.Status, error) {
	return s.status(ctx, func(s *Session) error {
		s.close(instance.Closed, instance.Reason{Code: instance.ReasonDisconnected, Sentence: "Closed through the API."})
		return nil
	})
}

// Restart closes the connection and opens it again.
func (s *Session) Restart(ctx context.Context) (command.Status, error) {
	return s.status(ctx, func(s *Session) error {
		s.attempt = 0
		number := ""
		if s.pairing != nil {
			number = s.pairing.number
		}
		s.dropPairing()
		if !s.record.Wanted && s.record.JID != "" && s.record.State != instance.LoggedOut {
			s.store(func(i *instance.Instance) error { // should this host end meanwhile
				i.Wanted = true
				return nil
			})
		}
		s.open(number)
		return nil
	})
}

// Release ends the session and keeps the keys: no goroutine and no socket is
// left. reason says why.
func (s *Session) Release(ctx context.Context, reason instance.Reason) error {
	_, err := s.ask(ctx, false, func(s *Session) (any, error) { //nolint:contextcheck // keys are closed also when nobody waits
		if s.record.State != instance.Idle { // it has come back meanwhile
			return nil, nil
		}
		s.release(reason)
		return nil, nil
	})
	return err
}

// Logout unlinks the phone and drops the keys. When WhatsApp cannot be told
// now the keys go all the same.
func (s *Session) Logout(ctx context.Context) (command.Status, error) {
	return s.status(ctx, func(s *Session) error {
		s.unlink(ctx)
		s.publish(event.InstanceLoggedOut, event.Lifecycle{Reason: s.record.Reason}, time.Now().String())
		return nil
	})
}

// Delete unlinks the phone, drops the keys and ends the session.
func (s *Session) Delete(ctx context.Context) (command.Status, error) {
	value, err := s.ask(ctx, true, func(s *Session) (any, error) {
		s.unlink(ctx)
		return command.Status{State: s.record.State}, nil
	})
	status, _ := value.(command.Status)
	return status, err
}

// unlink logs out as far as WhatsApp can be told.
func (s *Session) unlink(ctx context.Context) {
	if s.up && s.client.Online() {
		tell, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := s.client.Logout(tell); err != nil {
			s.log.WarnContext(ctx, "whatsapp was not told of the logout", "err", err)
		}
		cancel()
	}
	s.dropPairing()
	s.forgetKeys() //nolint:contextcheck // keys go also when the request gives up
	s.clock = deadlines{}
	s.reread(ctx)
	if s.record.State != instance.Deleting && s.record.State != instance.Created {
		s.forget(instance.Reason{Code: instance.ReasonUserLogout, Status: 401, Sentence: "Logged out through the API.", Action: "Link it again to use it."}) //nolint:contextcheck // the connection has a context of its own
	}
}

// reread takes up what others have written into the record.
func (s *Session) reread(ctx context.Context) {
	fresh, err := s.deps.Instances.Get(ctx, s.id)
	if err != nil {
		s.log.ErrorContext(ctx, "instance cannot be read", "err", err)
		return
	}
	if !fresh.Owned(s.record) {
		s.lost() //nolint:contextcheck // the connection has a context of its own
		return
	}
	s.stored, s.record = fresh, fresh
	_ = s.edit(&s.record) // what the table has not taken yet
	shown := s.record
	s.shown.Store(&shown)
}

func (s *Session) forget(reason instance.Reason) {
	to := instance.LoggedOut
	if !s.record.State.May(to) {
		to = instance.Closed
	}
	s.change(to, reason, func(i *instance.Instance) {
		i.Wanted, i.ClosedAt, i.JID, i.LID = false, time.Now(), "", ""
	})
}

func (s *Session) close(to instance.State, reason instance.Reason) {
	s.hang()
	s.dropPairing()
	s.clock = deadlines{}
	s.change(to, reason, func(i *instance.Instance) { i.Wanted, i.ClosedAt = false, time.Now() })
}

// AnswerPasskey gives WhatsApp the answer of an authenticator.
func (s *Session) AnswerPasskey(ctx context.Context, args command.PasskeyArgs) (command.Status, error) {
	var response types.WebAuthnResponse
	if err := json.Unmarshal(args.Response, &response); err != nil {
		return command.Status{}, fault.Wrap(fault.Invalid, err, "the passkey response is no WebAuthn response")
	}
	client, err := s.passkeyClient(ctx)
	if err != nil {
		return command.Status{}, err
	}
	if err := client.AnswerPasskey(ctx, &response); err != nil {
		return command.Status{}, err
	}
	return s.status(ctx, func(*Session) error { return nil })
}

// ConfirmPasskey says that the owner has compared the codes.
func (s *Session) ConfirmPasskey(ctx context.Context) (command.Status, error) {
	client, err := s.passkeyClient(ctx)
	if err != nil {
		return command.Status{}, err
	}
	if err := client.ConfirmPasskey(ctx); err != nil {
		return command.Status{}, err
	}
	return s.status(ctx, func(*Session) error { return nil })
}

// passkeyClient is the connection that waits for a passkey.
func (s *Session) passkeyClient(ctx context.Context) (*whatsapp.Client, error) {
	value, err := s.ask(ctx, false, func(s *Session) (any, error) {
		if s.pairing == nil || s.pairing.offer.Passkey == nil || !s.up {
			return nil, fault.New(fault.Conflict, "WhatsApp does not ask for a passkey")
		}
		return s.client, nil
	})
	client, _ := value.(*whatsapp.Client)
	return client, err
}

// Apply takes up settings and a proxy that have changed.
func (s *Session) Apply(ctx context.Context) (command.Status, error) {
	return s.status(ctx, func(s *Session) error {
		s.reread(ctx)
		if s.up {
			s.greet()
		}
		s.reroute() //nolint:contextcheck // the connection outlives the request
		return nil
	})
}

// status runs do on the loop and answers where the instance stands then.
func (s *Session) status(ctx context.Context, do func(*Session) error) (command.Status, error) {
	value, err := s.ask(ctx, false, func(s *Session) (any, error) {
		if err := do(s); err != nil {
			return nil, err
		}
		status := command.Status{State: s.record.State, Ready: s.record.Ready}
		if s.pairing != nil {
			offer := s.pairing.offer
			status.Offer = &offer
		}
		return status, nil
	})
	status, _ := value.(command.Status)
	return status, err
}
