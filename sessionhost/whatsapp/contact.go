package whatsapp

import (
	"context"
	"strconv"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/event"
)

// contact tells of one change of the account's address book.
func (c *Client) contact(ctx context.Context, e *events.Contact) error {
	told := event.Contact{Address: c.address(ctx, e.JID, types.EmptyJID), Saved: saved(e.Action.GetFullName(), e.Action.GetFirstName())}
	if told.Saved == "" {
		return nil
	}
	return c.sink.Contacts(ctx, []event.Contact{told}, e.Timestamp.String())
}

// addressBook tells of all contacts, after the library has stored the whole
// address book at once.
func (c *Client) addressBook(ctx context.Context, version uint64) error {
	all, err := c.device.Contacts.GetAllContacts(ctx)
	if err != nil {
		return err
	}
	told := make([]event.Contact, 0, len(all))
	for who, known := range all {
		one := event.Contact{Address: c.address(ctx, who, types.EmptyJID), PushName: known.PushName, Saved: saved(known.FullName, known.FirstName)}
		if one.PushName != "" || one.Saved != "" {
			told = append(told, one)
		}
	}
	if len(told) == 0 {
		return nil
	}
	return c.sink.Contacts(ctx, told, "version "+strconv.FormatUint(version, 10))
}

func saved(full, first string) string {
	if full != "" {
		return full
	}
	return first
}
