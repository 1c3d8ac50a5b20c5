package companion

import (
	"bytes"
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// How long events are remembered: the server keeps a message for 14 days, and a
// retry receipt does not come after 7 (whatsmeow store/sqlstore).
const (
	bufferedLife = 14 * 24 * time.Hour
	outgoingLife = 7 * 24 * time.Hour
)

// bufferedEvent has a nil plaintext once it was handled.
type bufferedEvent struct {
	plaintext     []byte
	serverSeconds int64
	insertMillis  int64
}

type outgoingKey struct {
	chat types.JID
	id   types.MessageID
}

type outgoingEvent struct {
	format       string
	plaintext    []byte
	insertMillis int64
}

var (
	errEventBuffered = errors.New("event is in the buffer already")
	errNoOutgoing    = errors.New("outgoing event is not stored")
)

// GetBufferedEvent implements store.EventBuffer: nil for an unknown ciphertext,
// a nil Plaintext for one that was handled.
func (s *Store) GetBufferedEvent(ctx context.Context, ciphertextHash [32]byte) (*store.BufferedEvent, error) {
	var found *store.BufferedEvent
	err := s.do(ctx, "GetBufferedEvent", func(st *state) {
		if e, ok := st.buffered.get(ciphertextHash); ok {
			found = &store.BufferedEvent{
				Plaintext:  bytes.Clone(e.plaintext),
				InsertTime: time.UnixMilli(e.insertMillis),
				ServerTime: time.Unix(e.serverSeconds, 0),
			}
		}
	})
	return found, err
}

// PutBufferedEvent implements store.EventBuffer. A ciphertext may be put only
// once.
func (s *Store) PutBufferedEvent(ctx context.Context, ciphertextHash [32]byte, plaintext []byte, serverTimestamp time.Time) error {
	return s.call(ctx, "PutBufferedEvent", func(st *state) error {
		if _, known := st.buffered.get(ciphertextHash); known {
			return errEventBuffered
		}
		st.buffered.put(ciphertextHash, bufferedEvent{bytes.Clone(plaintext), serverTimestamp.Unix(), s.clock().UnixMilli()})
		return nil
	})
}

// ClearBufferedEventPlaintext implements store.EventBuffer. The hash stays, to
// recognise the event when it comes again.
func (s *Store) ClearBufferedEventPlaintext(ctx context.Context, ciphertextHash [32]byte) error {
	return s.do(ctx, "ClearBufferedEventPlaintext", func(st *state) {
		if e, ok := st.buffered.get(ciphertextHash); ok {
			e.plaintext = nil
			st.buffered.put(ciphertextHash, e)
		}
	})
}

// DeleteOldBufferedHashes implements store.EventBuffer: those of 14 days ago.
func (s *Store) DeleteOldBufferedHashes(ctx context.Context) error {
	return s.do(ctx, "DeleteOldBufferedHashes", func(st *state) {
		oldest := s.clock().Add(-bufferedLife).UnixMilli()
		for hash, e := range st.buffered.all() {
			if e.insertMillis < oldest {
				st.buffered.remove(hash)
			}
		}
	})
}

// GetOutgoingEvent implements store.EventBuffer: what was sent to the chat under
// either name. A missing event is an error, as in sqlstore.
func (s *Store) GetOutgoingEvent(ctx context.Context, chatJID, altChatJID types.JID, id types.MessageID) (string, []byte, error) {
	var found outgoingEvent
	err := s.call(ctx, "GetOutgoingEvent", func(st *state) error {
		for _, chat := range []types.JID{chatJID, altChatJID} {
			if e, ok := st.outgoing.get(outgoingKey{chat, id}); ok {
				found = outgoingEvent{format: e.format, plaintext: bytes.Clone(e.plaintext)}
				return nil
			}
		}
		return errNoOutgoing
	})
	return found.format, found.plaintext, err
}

// AddOutgoingEvent implements store.EventBuffer. A later event replaces one with
// the same chat and id.
func (s *Store) AddOutgoingEvent(ctx context.Context, chatJID types.JID, id types.MessageID, format string, plaintext []byte) error {
	return s.do(ctx, "AddOutgoingEvent", func(st *state) {
		st.outgoing.put(outgoingKey{chatJID, id}, outgoingEvent{format, bytes.Clone(plaintext), s.clock().UnixMilli()})
	})
}

// DeleteOldOutgoingEvents implements store.EventBuffer: those of 7 days ago.
func (s *Store) DeleteOldOutgoingEvents(ctx context.Context) error {
	return s.do(ctx, "DeleteOldOutgoingEvents", func(st *state) {
		oldest := s.clock().Add(-outgoingLife).UnixMilli()
		for key, e := range st.outgoing.all() {
			if e.insertMillis < oldest {
				st.outgoing.remove(key)
			}
		}
	})
}
