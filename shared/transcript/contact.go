package transcript

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Contact is a person or group that an instance knows: because something was
// said, or because the phone's address book has it.
type Contact struct {
	Key      string // its address' key; that of a person whose LID is learned later changes once
	Address  message.Address
	PushName string // as it calls itself
	Saved    string // as the account's owner calls it, "" when it is not in the address book
	Picture  string // URL that WhatsApp has last told, "" for none; it ends after some weeks
	Group    bool

	CreatedAt, UpdatedAt time.Time

	revision int64
}

// Name is what a person would call the contact: the owner's name for it comes
// first.
func (c Contact) Name() string {
	if c.Saved != "" {
		return c.Saved
	}
	return c.PushName
}

// contactKey is where a contact is; contactOfKey leads there from a phone
// number whose LID is known.
func contactKey(i instance.ID, key string) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "contact#" + key}
}

func contactOfKey(i instance.ID, pn string) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "contact-of#" + pn}
}

// Contacts walks the contacts of an instance in the order of their keys and
// hands each to yield until that returns false.
func (r *Repository) Contacts(ctx context.Context, i instance.ID, yield func(Contact) bool) error {
	for item, err := range table.All(ctx, r.table, table.Query{Partition: rootPartition(i), Prefix: "contact#"}) {
		if err != nil {
			return fmt.Errorf("list contacts of instance %s: %w", i, err)
		}
		if !yield(decodeContact(item)) {
			return nil
		}
	}
	return nil
}

// Contact finds a contact by any of its names. It reports false for a stranger.
func (r *Repository) Contact(ctx context.Context, i instance.ID, a message.Address) (Contact, bool, error) {
	met, err := r.meet(ctx, i, a, nil)
	if err != nil {
		return Contact{}, false, err
	}
	return met.contact, met.contact.revision > 0, nil
}

// StoreContact takes up what the phone's address book or a profile says. The
// same again changes nothing. Names that are empty leave what is known.
// Errors: [ErrSealed] and those of the table.
func (r *Repository) StoreContact(ctx context.Context, i instance.ID, a message.Address, pushName, saved string, at time.Time) error {
	return r.StoreContacts(ctx, i, []event.Contact{{Address: a, PushName: pushName, Saved: saved}}, at)
}

// contactsAtOnce is how many contacts one transaction changes: each is four
// items at most of the hundred that it may have.
const contactsAtOnce = 24

// StoreContacts is StoreContact for many, with two requests for two dozen.
func (r *Repository) StoreContacts(ctx context.Context, i instance.ID, told []event.Contact, at time.Time) error {
	for len(told) > 0 {
		n, names := 0, map[string]bool{}
		for _, c := range told { // one person once: under another name it is for the next round
			if n == contactsAtOnce || names[c.Address.PN] || names[c.Address.LID] {
				break
			}
			for _, name := range []string{c.Address.PN, c.Address.LID} {
				names[name] = name != ""
			}
			n++
		}
		if err := r.storeContacts(ctx, i, told[:n], at); err != nil {
			return err
		}
		told = told[n:]
	}
	return nil
}

func (r *Repository) storeContacts(ctx context.Context, i instance.ID, told []event.Contact, at time.Time) error {
	var keys []table.Key
	for _, c := range told {
		keys = append(keys, contactKeys(i, c.Address)...)
	}
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		items, err := r.table.BatchGet(ctx, keys)
		if err != nil {
			return fmt.Errorf("read contacts of instance %s: %w", i, err)
		}
		var ops []table.Op
		written := map[table.Key]bool{}
		var later []event.Contact
		for _, c := range told {
			met, err := r.meet(ctx, i, c.Address, items)
			if err != nil {
				return err
			}
			more := met.learn(i, c, at)
			if slices.ContainsFunc(more, func(op table.Op) bool { return written[op.Item.Key] }) {
				later = append(later, c) // the same person, as only the table knew
				continue
			}
			for _, op := range more {
				written[op.Item.Key] = true
			}
			ops = append(ops, more...)
		}
		if len(ops) == 0 {
			return nil
		}
		err = r.table.Write(ctx, append([]table.Op{table.CheckOp(sealKey(i), table.Absent())}, ops...)...)
		if err == nil {
			return r.StoreContacts(ctx, i, later, at)
		}
		if conflict, ok := errors.AsType[*table.ConflictError](err); ok && conflict.Op == 0 {
			return ErrSealed
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return fmt.Errorf("store contacts of instance %s: %w", i, err)
		}
	}
	return fault.New(fault.Unavailable, "the contact is being changed by too many at once")
}

// contactKeys are the items that meet wants to have been read.
func contactKeys(i instance.ID, a message.Address) []table.Key {
	var keys []table.Key
	if a.LID != "" {
		keys = append(keys, contactKey(i, a.LID))
	}
	if a.PN != "" {
		keys = append(keys, contactKey(i, a.PN), contactOfKey(i, a.PN))
	}
	return keys
}

// met is a contact with what is stored of it.
type met struct {
	contact Contact
	number  bool        // it was asked for by its phone number
	pointer table.Item  // of its phone number, at revision 0 when there is none
	former  *table.Item // the contact under its phone number, from before its LID was known
}

// meet finds a contact among items that were read by contactKeys, nil to read
// them now.
func (r *Repository) meet(ctx context.Context, i instance.ID, a message.Address, items map[table.Key]table.Item) (met, error) {
	if a.PN == "" && a.LID == "" {
		return met{}, nil
	}
	var err error
	if items == nil {
		if items, err = r.table.BatchGet(ctx, contactKeys(i, a)); err != nil {
			return met{}, fmt.Errorf("read a contact of instance %s: %w", i, err)
		}
	}
	m := met{contact: Contact{Address: a}}
	if m.number = a.PN != ""; m.number {
		m.pointer = items[contactOfKey(i, a.PN)]
		if a.LID == "" && m.pointer.Revision > 0 {
			a.LID = m.pointer.Text("lid")
			key := contactKey(i, a.LID)
			item, err := r.table.Get(ctx, key)
			if err != nil && !errors.Is(err, table.ErrNotFound) {
				return met{}, fmt.Errorf("read a contact of instance %s: %w", i, err)
			}
			if err == nil {
				items[key] = item
			}
		}
		if former, ok := items[contactKey(i, a.PN)]; ok && a.LID != "" {
			m.former = &former
			m.contact = decodeContact(former)
			m.contact.revision = 0
		}
	}
	if item, ok := items[contactKey(i, a.Key())]; ok {
		former := m.contact
		m.contact = decodeContact(item)
		if m.contact.PushName == "" {
			m.contact.PushName = former.PushName
		}
		if m.contact.Saved == "" {
			m.contact.Saved = former.Saved
		}
		if m.contact.Picture == "" {
			m.contact.Picture = former.Picture
		}
	}
	m.contact.Key, m.contact.Address.LID = a.Key(), a.LID
	if a.PN != "" {
		m.contact.Address.PN = a.PN
	}
	return m, nil
}

// learn returns what has to be written, nothing when all was known.
func (m *met) learn(i instance.ID, news event.Contact, at time.Time) []table.Op {
	c := &m.contact
	if c.Key == "" {
		return nil
	}
	changed := c.revision == 0 || m.former != nil
	for _, name := range []struct {
		known *string
		told  string
	}{{&c.PushName, news.PushName}, {&c.Saved, news.Saved}} {
		if name.told != "" && name.told != *name.known {
			*name.known, changed = name.told, true
		}
	}
	if news.Picture != nil && *news.Picture != c.Picture {
		c.Picture, changed = *news.Picture, true
	}
	var ops []table.Op
	if m.number && c.Address.LID != "" && m.pointer.Text("lid") != c.Address.LID {
		changed = true // its own row is to say the number too
		pointer := table.Item{Key: contactOfKey(i, c.Address.PN), Attributes: map[string]any{"lid": c.Address.LID}}
		ops = append(ops, table.PutOp(pointer, asRead(m.pointer.Revision)))
	}
	if !changed {
		return nil
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = at
	}
	c.UpdatedAt = at
	c.Group = strings.HasSuffix(c.Address.PN, "@g.us")
	ops = append(ops, table.PutOp(encodeContact(i, *c), asRead(c.revision)))
	if m.former != nil {
		ops = append(ops, table.DeleteOp(m.former.Key, table.Revision(m.former.Revision)))
	}
	return ops
}

// asRead holds while nobody has written since the item was read at a revision,
// 0 for one that was not there.
func asRead(revision int64) table.Condition {
	if revision == 0 {
		return table.Absent()
	}
	return table.Revision(revision)
}

func encodeContact(i instance.ID, c Contact) table.Item {
	a := map[string]any{"created_at": table.Stamp(c.CreatedAt), "updated_at": table.Stamp(c.UpdatedAt)}
	for name, value := range map[string]string{"pn": c.Address.PN, "lid": c.Address.LID, "push_name": c.PushName, "saved": c.Saved, "picture": c.Picture} {
		if value != "" {
			a[name] = value
		}
	}
	if c.Group {
		a["group"] = true
	}
	return table.Item{Key: contactKey(i, c.Key), Attributes: a}
}

func decodeContact(item table.Item) Contact {
	c := Contact{
		Address: message.Address{PN: item.Text("pn"), LID: item.Text("lid")}, PushName: item.Text("push_name"), Saved: item.Text("saved"),
		Picture: item.Text("picture"), Group: item.Flag("group"), CreatedAt: item.Time("created_at"), UpdatedAt: item.Time("updated_at"), revision: item.Revision,
	}
	c.Key = c.Address.Key()
	return c
}

// Known are what is known of people, in the order asked; of strangers all but
// the address is empty. It reads all of them at once.
func (r *Repository) Known(ctx context.Context, i instance.ID, people []message.Address) ([]Contact, error) {
	var keys []table.Key
	for _, a := range people {
		for _, name := range []string{a.LID, a.PN} {
			if name != "" {
				keys = append(keys, contactKey(i, name))
			}
		}
	}
	items, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("look up contacts of instance %s: %w", i, err)
	}
	out := make([]Contact, len(people))
	for n, a := range people {
		for _, name := range []string{a.LID, a.PN} {
			item, known := items[contactKey(i, name)]
			if !known {
				continue
			}
			found := decodeContact(item)
			switch {
			case out[n].Key == "":
				out[n] = found
			case out[n].Name() == "":
				out[n].PushName, out[n].Saved = found.PushName, found.Saved
			}
			if out[n].Picture == "" {
				out[n].Picture = found.Picture
			}
		}
		if out[n].Key == "" {
			out[n].Address = a
		}
	}
	return out, nil
}
