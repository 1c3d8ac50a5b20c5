package session

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/message"
)

// sink stores what the connection brings. It runs on the connection's own
// goroutine: WhatsApp is told that a message has arrived when it returns nil.
type sink struct{ session *Session }

// Message implements whatsapp.Sink.
func (k *sink) Message(ctx context.Context, m message.Message) error {
	s := k.session
	i := s.Record()
	if s.ignored(m.Chat) && !m.FromMe {
		return nil
	}
	file := s.keep(ctx, &m, "MESSAGES_UPSERT", nil)
	act := ""
	if m.Target != nil {
		act = m.Target.Act
	}
	e, err := newEvent(i, event.MessageReceived, m.Chat.Key(), m, m.Sender.Key(), m.ID, act)
	if err != nil {
		return err
	}
	e.File = file
	start := time.Now()
	err = s.deps.Events.Publish(ctx, e)
	s.deps.Metrics.publishing(start, err)
	return err
}

// Update implements whatsapp.Sink.
func (k *sink) Update(ctx context.Context, u event.Update) error {
	s := k.session
	if s.ignored(u.Chat) {
		return nil
	}
	if err := s.sending.wait(ctx, u.IDs); err != nil {
		return err
	}
	e, err := newEvent(s.Record(), event.MessageUpdated, u.Chat.Key(), u, u.By.Key(), string(u.Status), strings.Join(u.IDs, ","))
	if err != nil {
		return err
	}
	return s.deps.Events.Publish(ctx, e)
}

// Remembers implements whatsapp.Sink.
func (k *sink) Remembers() bool { return k.session.Record().Settings.SyncFullHistory }

// Past implements whatsapp.Sink.
func (k *sink) Past(ctx context.Context, h event.History) error {
	s := k.session
	if s.ignored(h.Chat) {
		return nil
	}
	what := []string{strconv.FormatBool(h.Ends), h.Last.String(), h.Name}
	for _, m := range h.Messages {
		what = append(what, m.ID)
	}
	e, err := newEvent(s.Record(), event.HistorySynced, h.Chat.Key(), h, what...)
	if err != nil {
		return err
	}
	return s.deps.Events.Publish(ctx, e)
}

// Happened implements whatsapp.Sink.
func (k *sink) Happened(ctx context.Context, h whatsapp.Happening) error {
	s := k.session
	if h.Chat != (message.Address{}) && s.ignored(h.Chat) {
		return nil
	}
	e, err := newEvent(s.Record(), h.Kind, h.Chat.Key(), h.Body, h.What...)
	if err != nil {
		return err
	}
	return s.deps.Events.Publish(ctx, e)
}

// contactsAtOnce is how many contacts one event tells of.
const contactsAtOnce = 50

// addressBook is the Chat of events about contacts: they keep their order, and
// hold up nothing else.
const addressBook = "contacts"

// Contacts implements whatsapp.Sink.
func (k *sink) Contacts(ctx context.Context, contacts []event.Contact, at string, fresh bool) error {
	for some := range slices.Chunk(contacts, contactsAtOnce) {
		what := []string{at}
		for _, c := range some {
			what = append(what, c.Address.Key(), c.Saved, c.PushName)
		}
		e, err := newEvent(k.session.Record(), event.ContactsUpdated, addressBook, event.Contacts{Contacts: some, New: fresh}, what...)
		if err != nil {
			return err
		}
		if err := k.session.deps.Events.Publish(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// account cuts the device off a JID.
func account(jid string) string {
	at := strings.IndexByte(jid, '@')
	colon := strings.IndexByte(jid, ':')
	if at < 0 || colon < 0 || colon > at {
		return jid
	}
	return jid[:colon] + jid[at:]
}
