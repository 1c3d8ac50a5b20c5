package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/table"
)

// contact is a stored contact. Its names are sealed like keys: they are
// people's.
type contact struct {
	First    string `json:"first,omitempty"`
	Full     string `json:"full,omitempty"`
	Push     string `json:"push,omitempty"`
	Business string `json:"business,omitempty"`
	Redacted string `json:"redacted,omitempty"`
}

func (c contact) info() types.ContactInfo {
	return types.ContactInfo{
		Found: true, FirstName: c.First, FullName: c.Full,
		PushName: c.Push, BusinessName: c.Business, RedactedPhone: c.Redacted,
	}
}

// readJSON decodes the value under sort into v and tells whether there is one.
func decodeJSON(sort string, value []byte, v any) (bool, error) {
	if value == nil {
		return false, nil
	}
	if err := json.Unmarshal(value, v); err != nil {
		return false, fmt.Errorf("decode %s: damaged", kindOf(sort))
	}
	return true, nil
}

func (tx *txn) putJSON(sort string, old []byte, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if bytes.Equal(value, old) {
		return nil
	}
	return tx.put(sort, value)
}

// editContacts changes contacts, reading what it must with one request. Of
// several changes to one contact the first stays, as in sqlstore.
func (tx *txn) editContacts(ctx context.Context, users []types.JID, change func(i int, c *contact)) error {
	sorts := make([]string, len(users))
	for i, user := range users {
		sorts[i] = prefixContact + user.String()
	}
	values, err := tx.readMany(ctx, sorts)
	if err != nil {
		return err
	}
	for i, sort := range slices.Backward(sorts) {
		old := values[sort]
		if e, changed := tx.edits[sort]; changed {
			old = e.value
		}
		var c contact
		if _, err := decodeJSON(sort, old, &c); err != nil {
			return err
		}
		change(i, &c)
		if err := tx.putJSON(sort, old, c); err != nil {
			return err
		}
	}
	return nil
}

// PutPushName implements [store.ContactStore]: whether the name is new, and the
// one before.
func (k *Keys) PutPushName(ctx context.Context, user types.JID, pushName string) (bool, string, error) {
	return k.rename(ctx, user, "push", pushName, func(c *contact) *string { return &c.Push })
}

// PutBusinessName implements [store.ContactStore] as PutPushName does.
func (k *Keys) PutBusinessName(ctx context.Context, user types.JID, businessName string) (bool, string, error) {
	return k.rename(ctx, user, "business", businessName, func(c *contact) *string { return &c.Business })
}

// has reports whether a stored contact has the value in a field. It need not be
// decoded, which each message would: no other text has these quotes unescaped.
func has(stored []byte, field, value string) bool {
	text, err := json.Marshal(value)
	return err == nil && bytes.Contains(stored, append([]byte(`"`+field+`":`), text...))
}

func (k *Keys) rename(ctx context.Context, user types.JID, key, name string, field func(*contact) *string) (bool, string, error) {
	changed, previous := false, ""
	same := func(c *contact) bool { return *field(c) == name }
	if stored, err := k.read(ctx, prefixContact+user.String()); err == nil && has(stored, key, name) {
		return false, "", nil
	}
	err := k.update(ctx, lazily, func(tx *txn) error { // each message brings it
		sort := prefixContact + user.String()
		old, err := tx.read(ctx, sort)
		if err != nil {
			return err
		}
		var c contact
		if _, err := decodeJSON(sort, old, &c); err != nil || same(&c) {
			return err
		}
		changed, previous = true, *field(&c)
		*field(&c) = name
		return tx.putJSON(sort, old, c)
	})
	if err != nil {
		return false, "", err
	}
	return changed, previous, nil
}

// PutContactName implements [store.ContactStore]. The interface has the names
// the other way round, but whatsmeow passes the first name first (appstate.go).
func (k *Keys) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) error {
	if c, _, err := k.contact(ctx, user); err == nil && c.First == firstName && c.Full == fullName {
		return nil
	}
	return k.update(ctx, promptly, func(tx *txn) error {
		return tx.editContacts(ctx, []types.JID{user}, func(_ int, c *contact) {
			c.First, c.Full = firstName, fullName
		})
	})
}

// PutAllContactNames implements [store.ContactStore].
func (k *Keys) PutAllContactNames(ctx context.Context, contacts []store.ContactEntry) error {
	users := make([]types.JID, len(contacts))
	for i, c := range contacts {
		users[i] = c.JID
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		return tx.editContacts(ctx, users, func(i int, c *contact) {
			c.First, c.Full = contacts[i].FirstName, contacts[i].FullName
		})
	})
}

// PutManyRedactedPhones implements [store.ContactStore].
func (k *Keys) PutManyRedactedPhones(ctx context.Context, entries []store.RedactedPhoneEntry) error {
	users := make([]types.JID, len(entries))
	for i, e := range entries {
		users[i] = e.JID
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		return tx.editContacts(ctx, users, func(i int, c *contact) { c.Redacted = entries[i].RedactedPhone })
	})
}

func (k *Keys) contact(ctx context.Context, user types.JID) (contact, bool, error) {
	sort := prefixContact + user.String()
	value, err := k.read(ctx, sort)
	if err != nil {
		return contact{}, false, err
	}
	var c contact
	found, err := decodeJSON(sort, value, &c)
	return c, found, err
}

// GetContact implements [store.ContactStore].
func (k *Keys) GetContact(ctx context.Context, user types.JID) (types.ContactInfo, error) {
	c, found, err := k.contact(ctx, user)
	if err != nil || !found {
		return types.ContactInfo{}, err
	}
	return c.info(), nil
}

// GetAllContacts implements [store.ContactStore]. It reads the table.
func (k *Keys) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	all := make(map[types.JID]types.ContactInfo)
	err := k.apart(ctx, promptly, func(tx *txn) error {
		if err := k.flush(ctx); err != nil {
			return err
		}
		query := table.Query{Partition: k.partition, Prefix: prefixContact}
		for item, err := range table.All(ctx, k.table, query) {
			if err != nil {
				return fmt.Errorf("read contacts: %w", err)
			}
			value, err := k.decode(ctx, item)
			if err != nil {
				return err
			}
			var c contact
			if _, err := decodeJSON(item.Sort, value, &c); err != nil {
				return err
			}
			user, err := types.ParseJID(strings.TrimPrefix(item.Sort, prefixContact))
			if err != nil {
				return fmt.Errorf("contact: %w", err)
			}
			all[user] = c.info()
		}
		return nil
	})
	return all, err
}
