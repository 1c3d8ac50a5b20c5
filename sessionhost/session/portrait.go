package session

import (
	"context"

	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
)

// maxPortraits bounds how many pictures wait to be asked for. WhatsApp is asked
// for one after the other; what is beyond is not known until it changes.
const maxPortraits = 200

// portraits are the pictures to ask for; the loop owns them.
type portraits struct {
	wanted []whatsapp.Portrayed
	asking bool
}

// portrait is the account's own picture, or the end of asking for one.
type portrait struct {
	own bool
	url string
}

// portrayed asks where the picture of a person or a group is, and tells it.
func (s *Session) portrayed(p whatsapp.Portrayed) {
	if len(s.portraits.wanted) < maxPortraits && !s.ignored(message.Address{PN: p.Who.ToNonAD().String()}) {
		s.portraits.wanted = append(s.portraits.wanted, p)
	}
	s.nextPortrait()
}

func (s *Session) nextPortrait() {
	if s.portraits.asking || len(s.portraits.wanted) == 0 || s.record.State != instance.Open {
		return
	}
	p, client := s.portraits.wanted[0], s.client
	s.portraits.wanted, s.portraits.asking = s.portraits.wanted[1:], true
	s.byItself(func(ctx context.Context) error {
		done := portrait{own: client.Own(p.Who)}
		defer func() { s.inbox.put(done) }()
		who, id, err := client.Portrait(ctx, p)
		if err != nil {
			done.own = false
			return err
		}
		if done.own {
			done.url = *who.Picture
			return nil
		}
		if p.At.IsZero() && *who.Picture == "" {
			return nil // nothing is known of it, and there is nothing
		}
		e, err := newEvent(s.Record(), event.ContactsUpdated, addressBook, event.Contacts{Contacts: []event.Contact{who}},
			"picture", who.Address.Key(), id, p.At.String())
		if err != nil {
			return err
		}
		return s.deps.Events.Publish(ctx, e)
	})
}

// ownPortrait asks for the account's picture, if none is known, and goes on with
// what a connection before has left.
func (s *Session) ownPortrait() {
	if s.record.Profile.PictureURL == "" {
		s.portrayed(whatsapp.Portrayed{Who: s.client.Account()})
	}
	s.nextPortrait()
}

// portrayedSo takes what was asked for.
func (s *Session) portrayedSo(p portrait) {
	if p.own {
		s.setProfile(func(mine *instance.Profile) { mine.PictureURL = p.url })
	}
	s.portraits.asking = false
	s.nextPortrait()
}

// setProfile takes up how the account shows itself. WhatsApp tells that after it
// was told who is online.
func (s *Session) setProfile(edit func(*instance.Profile)) {
	was := s.record.Profile
	s.store(func(i *instance.Instance) error {
		edit(&i.Profile)
		return nil
	})
	if s.record.Profile != was && s.record.State == instance.Open {
		s.tellHeld()
	}
}
