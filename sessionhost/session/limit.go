package session

import (
	"context"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/instance"
)

// limited writes down what WhatsApp keeps the account from, and tells it once.
func (s *Session) limited(l whatsapp.Limited) {
	was := s.record.Limit
	now := instance.Limit{}
	if l.Active {
		now = instance.Limit{Code: instance.LimitReachOut, Until: l.Until.UTC().Truncate(time.Second)}
	}
	if was == now {
		return
	}
	s.log.Warn("limit of the account has changed", "limit", now.Code, "until", now.Until)
	if now.Code != "" && was.Code == "" {
		s.deps.Metrics.AccountsLimited.Add(1)
	}
	s.store(func(i *instance.Instance) error {
		i.Limit = now
		return nil
	})
	s.publish(event.AccountLimited, event.Limited{Code: now.Code, Until: now.Until, Active: now.Code != ""}, was.Code, now.Code, now.Until.String())
}

// allowed refuses a new chat while WhatsApp would.
func (s *Session) allowed(ctx context.Context, client *whatsapp.Client, to string) error {
	limit := s.Record().Limit
	if limit.Code != instance.LimitReachOut || !limit.Active(time.Now()) || client.Knows(ctx, to) {
		return nil
	}
	return whatsapp.ReachOutFault(limit.Until)
}

// renewed is whether there is a version that WhatsApp may take.
type renewed struct {
	client *whatsapp.Client
	newer  bool
	ended  whatsapp.Ended
	number string
}

// outdated tries once more with WhatsApp's present version, if that is another.
func (s *Session) outdated(e whatsapp.Ended) {
	s.renewing = true
	number := ""
	if s.pairing != nil {
		number = s.pairing.number
	}
	s.hang()
	client := s.client
	s.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(s.life, connectLimit)
		defer cancel()
		newer, err := client.Renew(ctx)
		if err != nil {
			s.log.WarnContext(ctx, "no newer version", "err", err)
		}
		s.inbox.put(renewed{client, newer, e, number})
	})
}

func (s *Session) renewed(r renewed) {
	if s.up || s.record.State != instance.Connecting && s.record.State != instance.Pairing && s.record.State != instance.Open &&
		s.record.State != instance.Starting && s.record.State != instance.Idle {
		return // somebody has decided otherwise meanwhile
	}
	if !r.newer {
		s.ended(r.ended)
		return
	}
	s.log.Info("another version of whatsapp web is tried")
	s.open(r.number)
}
