package whatsapp

import (
	"context"
	"fmt"
	"sync"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/event"
)

// book is the store of contacts, with the phone's address book kept together
// while it first comes: it is stored at once and told as a whole, not entry by
// entry.
type book struct {
	store.ContactStore

	mu     sync.Mutex
	coming bool // the account was linked, and its address book is still to come
	pages  []store.ContactEntry
	people []event.Contact // the same with both of their names
}

// await notes that an address book is to come.
func (b *book) await() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coming = true
}

// PutContactName implements [store.ContactStore]. whatsmeow passes the first
// name first.
func (b *book) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) error {
	b.mu.Lock()
	if b.coming {
		b.pages = append(b.pages, store.ContactEntry{JID: user, FirstName: firstName, FullName: fullName})
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	return b.ContactStore.PutContactName(ctx, user, firstName, fullName)
}

// note takes an entry of a whole address book.
func (b *book) note(c event.Contact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.people = append(b.people, c)
}

// arrived stores the address book that has come and returns it, nobody the
// second time.
func (b *book) arrived(ctx context.Context) ([]event.Contact, error) {
	b.mu.Lock()
	pages, people := b.pages, b.people
	b.coming, b.pages, b.people = false, nil, nil
	b.mu.Unlock()
	if len(pages) == 0 {
		return people, nil
	}
	if err := b.PutAllContactNames(ctx, pages); err != nil {
		return people, fmt.Errorf("store the address book: %w", err)
	}
	return people, nil
}
