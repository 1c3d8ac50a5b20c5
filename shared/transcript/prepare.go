package transcript

import (
	"context"
	"encoding/json"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/group"
	"roost/shared/message"
	"roost/shared/table"
)

// Prepared is an event that has been read and can be stored.
type Prepared struct {
	event event.Event
	body  any // of the event, nil for one that the transcript leaves alone
}

// Prepare reads an event. Its error is Invalid: the event is garbled.
func Prepare(e event.Event) (Prepared, error) {
	p := Prepared{event: e}
	switch e.Kind {
	case event.MessageReceived, event.MessageSent:
		p.body = new(message.Message)
	case event.MessageUpdated:
		p.body = new(event.Update)
	case event.ContactsUpdated:
		p.body = new(event.Contacts)
	case event.HistorySynced:
		p.body = new(event.History)
	case event.LabelChanged:
		p.body = new(event.Label)
	case event.ChatLabelled:
		p.body = new(event.Labelled)
	case event.GroupJoined:
		p.body = new(group.Group)
	case event.GroupChanged:
		p.body = new(group.Change)
	default:
		return p, nil
	}
	if err := json.Unmarshal(e.Body, p.body); err != nil {
		return Prepared{}, fault.Wrap(fault.Invalid, err, "event %s is garbled", e.ID)
	}
	switch body := p.body.(type) {
	case *group.Group:
		p.body = called(body.ID, body.Subject)
	case *group.Change:
		p.body = nil
		if subject := body.Settings.Subject; subject != nil {
			p.body = called(body.Group, *subject)
		}
	}
	return p, nil
}

// called is how a group calls itself, as a contact.
func called(group, subject string) *event.Contacts {
	return &event.Contacts{Contacts: []event.Contact{{Address: message.Address{PN: group}, PushName: subject}}}
}

// Keys are the items that storing it reads first, so that they can be read
// together with others.
func (p Prepared) Keys() []table.Key {
	i := p.event.Instance
	switch body := p.body.(type) {
	case *message.Message:
		keys := append(chatKeys(i, named(body.Chat, p.event)), contactKeys(i, partner(*body))...)
		return append(keys, earlyKey(i, body.ID))
	case *event.Update:
		return chatKeys(i, named(body.Chat, p.event))
	case *event.Contacts:
		keys := []table.Key{sealKey(i)}
		for _, c := range body.Contacts[:min(len(body.Contacts), contactsAtOnce)] {
			keys = append(keys, contactKeys(i, c.Address)...)
		}
		return keys
	case nil:
		return nil
	}
	return []table.Key{sealKey(i)}
}

// Little reports whether storing it changes so little that it can be done
// together with others, in one unit of work.
func (p Prepared) Little() bool {
	switch body := p.body.(type) {
	case *event.History:
		return false
	case *event.Contacts:
		return len(body.Contacts) <= 4
	case *event.Update:
		return len(body.IDs) <= 8
	}
	return true
}

// Over is the same repository over another table, such as a unit of work.
func (r *Repository) Over(t table.Table) *Repository {
	other := *r
	other.table = t
	return &other
}

// Store takes up what an event says about messages; events about anything else
// it leaves alone. The same event again changes nothing. Durable on return.
//
// Errors: [ErrSealed], Invalid for an event that cannot be read, and those of
// the table.
func (r *Repository) Store(ctx context.Context, e event.Event) error {
	p, err := Prepare(e)
	if err != nil {
		return err
	}
	_, err = r.StorePrepared(ctx, p)
	return err
}

// Once reports whether StorePrepared tells that an event is new.
func (p Prepared) Once() bool {
	switch p.body.(type) {
	case *message.Message, *event.Update:
		return true
	}
	return false
}

// StorePrepared is Store for an event that was read before. Of messages and
// receipts it reports whether the event is new: nobody has stored it before, in a
// unit of work if that is committed.
func (r *Repository) StorePrepared(ctx context.Context, p Prepared) (bool, error) {
	e := p.event
	switch body := p.body.(type) {
	case *message.Message:
		return r.storeMessage(ctx, e, *body)
	case *event.Update:
		return r.storeUpdate(ctx, e, *body)
	case *event.Contacts:
		return false, r.StoreContacts(ctx, e.Instance, body.Contacts, e.At)
	case *event.History:
		return false, r.storeHistory(ctx, e, *body)
	case *event.Label:
		return false, r.storeLabel(ctx, e.Instance, *body)
	case *event.Labelled:
		return false, r.storeLabelled(ctx, e.Instance, *body)
	}
	return false, nil
}
