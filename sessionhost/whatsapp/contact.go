package whatsapp

import (
	"context"
	"strconv"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/event"
)

// contact tells of one change of the account's address book. What is part of a
// whole one waits for the rest.
func (c *Client) contact(ctx context.Context, e *events.Contact) error {
	told := event.Contact{Address: c.address(ctx, e.JID, lidOf(e)), Saved: saved(e.Action.GetFullName(), e.Action.GetFirstName())}
	switch {
	case told.Saved == "":
		return nil
	case e.FromFullSync:
		c.book.note(told)
		return nil
	}
	return c.sink.Contacts(ctx, []event.Contact{told}, e.Timestamp.String(), false)
}

// lidOf is the LID that an entry has beside its phone number.
func lidOf(e *events.Contact) types.JID {
	jid, err := types.ParseJID(e.Action.GetLidJID())
	if err != nil || e.Action.GetLidJID() == "" {
		return types.EmptyJID
	}
	return jid
}

// renamed tells how somebody calls themself now.
func (c *Client) renamed(ctx context.Context, e *events.PushName) error {
	who := event.Contact{Address: c.address(ctx, e.JID, e.JIDAlt), PushName: e.NewPushName}
	return c.sink.Contacts(ctx, []event.Contact{who}, "renamed from "+e.OldPushName, e.OldPushName == "")
}

// addressBook stores and tells a whole address book that has come.
func (c *Client) addressBook(ctx context.Context, version uint64) error {
	people, err := c.book.arrived(ctx)
	if err != nil {
		c.log.ErrorContext(ctx, "address book is not stored", "err", err)
	}
	if len(people) == 0 {
		return nil
	}
	return c.sink.Contacts(ctx, people, "version "+strconv.FormatUint(version, 10), true)
}

func saved(full, first string) string {
	if full != "" {
		return full
	}
	return first
}
