package companion

import (
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// state is all rows of a store, or those a transaction changes.
//
// Addresses are Signal addresses as text: user, "_1" if it is a LID, ":" and
// the device number.
type state struct {
	device     table[one, *store.Device]
	identities table[string, [32]byte] // by address
	sessions   table[string, []byte]   // by address
	senderKeys table[senderKey, []byte]
	migrated   table[string, struct{}] // phone numbers that moved to their LID

	preKeys     table[uint32, preKeyBatch] // by first id
	usedPreKeys table[uint32, struct{}]
	uploadedTo  table[one, uint32]

	syncKeys table[string, store.AppStateSyncKey] // by key id
	versions table[string, appStateVersion]       // by collection
	macs     table[macKey, mac]

	contacts table[types.JID, types.ContactInfo]
	chats    table[types.JID, chatSettings]

	secrets table[secretKey, []byte]
	tokens  table[types.JID, privacyToken]
	salt    table[one, []byte]

	buffered table[[32]byte, bufferedEvent] // by hash of the ciphertext
	outgoing table[outgoingKey, outgoingEvent]

	phoneOfLID table[string, string] // user parts
	lidOfPhone table[string, string]
}

// tables lists every table of s, those of the account's people last: they
// belong to the container, not to a device, and outlive it.
func (s *state) tables() []layer {
	return append(s.deviceTables(), &s.phoneOfLID, &s.lidOfPhone)
}

func (s *state) deviceTables() []layer {
	return []layer{
		&s.device, &s.identities, &s.sessions, &s.senderKeys, &s.migrated,
		&s.preKeys, &s.usedPreKeys, &s.uploadedTo,
		&s.syncKeys, &s.versions, &s.macs,
		&s.contacts, &s.chats,
		&s.secrets, &s.tokens, &s.salt,
		&s.buffered, &s.outgoing,
	}
}

// begin returns an empty set of changes to s.
func (s *state) begin() *state {
	changes := new(state)
	below := s.tables()
	for i, t := range changes.tables() {
		t.stackOn(below[i])
	}
	return changes
}

// commit applies the changes to the state they began on.
func (s *state) commit() {
	for _, t := range s.tables() {
		t.settle()
	}
}

func (s *state) clone() *state {
	c := new(state)
	from := s.tables()
	for i, t := range c.tables() {
		t.copyFrom(from[i])
	}
	return c
}
