package companion

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// mutedForever is how sqlstore writes store.MutedForever; other times are unix
// seconds, 0 for not muted.
const mutedForever = -1

type chatSettings struct {
	mutedUntil       int64
	pinned, archived bool
}

// PutPushName implements store.ContactStore. It returns whether the name changed
// and, if so, the one before.
func (s *Store) PutPushName(ctx context.Context, user types.JID, pushName string) (bool, string, error) {
	return s.putName(ctx, "PutPushName", user, pushName, func(c *types.ContactInfo) *string { return &c.PushName })
}

// PutBusinessName implements store.ContactStore, with the results of PutPushName.
func (s *Store) PutBusinessName(ctx context.Context, user types.JID, businessName string) (bool, string, error) {
	return s.putName(ctx, "PutBusinessName", user, businessName, func(c *types.ContactInfo) *string { return &c.BusinessName })
}

func (s *Store) putName(ctx context.Context, method string, user types.JID, name string, field func(*types.ContactInfo) *string) (bool, string, error) {
	var changed bool
	var previous string
	err := s.do(ctx, method, func(st *state) {
		contact := st.contacts.value(user)
		kept := field(&contact)
		if *kept == name {
			return
		}
		changed, previous = true, *kept
		*kept, contact.Found = name, true
		st.contacts.put(user, contact)
	})
	if err != nil {
		return false, "", err
	}
	return changed, previous, nil
}

// PutContactName implements store.ContactStore. The interface names the
// arguments the other way round, but this is how whatsmeow passes them.
func (s *Store) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) error {
	return s.do(ctx, "PutContactName", func(st *state) {
		contact := st.contacts.value(user)
		if contact.FirstName == firstName && contact.FullName == fullName {
			return
		}
		contact.FirstName, contact.FullName, contact.Found = firstName, fullName, true
		st.contacts.put(user, contact)
	})
}

// PutAllContactNames implements store.ContactStore. The first entry of a JID wins.
func (s *Store) PutAllContactNames(ctx context.Context, contacts []store.ContactEntry) error {
	return s.do(ctx, "PutAllContactNames", func(st *state) {
		for _, entry := range slices.Backward(contacts) {
			contact := st.contacts.value(entry.JID)
			contact.FirstName, contact.FullName, contact.Found = entry.FirstName, entry.FullName, true
			st.contacts.put(entry.JID, contact)
		}
	})
}

// PutManyRedactedPhones implements store.ContactStore. The first entry of a JID
// wins.
func (s *Store) PutManyRedactedPhones(ctx context.Context, entries []store.RedactedPhoneEntry) error {
	return s.do(ctx, "PutManyRedactedPhones", func(st *state) {
		for _, entry := range slices.Backward(entries) {
			contact := st.contacts.value(entry.JID)
			contact.RedactedPhone, contact.Found = entry.RedactedPhone, true
			st.contacts.put(entry.JID, contact)
		}
	})
}

// GetContact implements store.ContactStore. An unknown contact is not Found.
func (s *Store) GetContact(ctx context.Context, user types.JID) (types.ContactInfo, error) {
	var contact types.ContactInfo
	err := s.do(ctx, "GetContact", func(st *state) { contact = st.contacts.value(user) })
	return contact, err
}

// GetAllContacts implements store.ContactStore.
func (s *Store) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	contacts := make(map[types.JID]types.ContactInfo)
	err := s.do(ctx, "GetAllContacts", func(st *state) {
		maps.Insert(contacts, st.contacts.all())
	})
	return contacts, err
}

// PutMutedUntil implements store.ChatSettingsStore. The zero time unmutes; times
// are kept to the second.
func (s *Store) PutMutedUntil(ctx context.Context, chat types.JID, mutedUntil time.Time) error {
	return s.set(ctx, "PutMutedUntil", chat, func(c *chatSettings) {
		switch {
		case mutedUntil.Equal(store.MutedForever):
			c.mutedUntil = mutedForever
		case mutedUntil.IsZero():
			c.mutedUntil = 0
		default:
			c.mutedUntil = mutedUntil.Unix()
		}
	})
}

// PutPinned implements store.ChatSettingsStore.
func (s *Store) PutPinned(ctx context.Context, chat types.JID, pinned bool) error {
	return s.set(ctx, "PutPinned", chat, func(c *chatSettings) { c.pinned = pinned })
}

// PutArchived implements store.ChatSettingsStore.
func (s *Store) PutArchived(ctx context.Context, chat types.JID, archived bool) error {
	return s.set(ctx, "PutArchived", chat, func(c *chatSettings) { c.archived = archived })
}

func (s *Store) set(ctx context.Context, method string, chat types.JID, change func(*chatSettings)) error {
	return s.do(ctx, method, func(st *state) {
		settings := st.chats.value(chat)
		change(&settings)
		st.chats.put(chat, settings)
	})
}

// GetChatSettings implements store.ChatSettingsStore.
func (s *Store) GetChatSettings(ctx context.Context, chat types.JID) (types.LocalChatSettings, error) {
	var settings types.LocalChatSettings
	err := s.do(ctx, "GetChatSettings", func(st *state) {
		kept, ok := st.chats.get(chat)
		settings = types.LocalChatSettings{Found: ok, Pinned: kept.pinned, Archived: kept.archived}
		switch {
		case kept.mutedUntil < 0:
			settings.MutedUntil = store.MutedForever
		case kept.mutedUntil > 0:
			settings.MutedUntil = time.Unix(kept.mutedUntil, 0)
		}
	})
	return settings, err
}
