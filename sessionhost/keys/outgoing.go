package keys

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"go.mau.fi/whatsmeow/types"
)

// outgoingSort bounds an id that a caller may have chosen.
func outgoingSort(chat types.JID, id types.MessageID) string {
	hash := sha256.Sum256([]byte(chat.String() + "\x00" + id))
	return prefixOutgoing + hex.EncodeToString(hash[:20])
}

// errNoOutgoing answers a retry request for a message that was not sent, or
// long ago.
var errNoOutgoing = errors.New("no such message was sent")

// AddOutgoingEvent implements [store.EventBuffer]. What is sent is written in
// the transaction of its sessions, so that whichever host is asked for it again
// by a receiver who could not read it has it; whatsmeow itself remembers it in
// memory only. It lives as long as WhatsApp keeps what is not delivered.
func (k *Keys) AddOutgoingEvent(ctx context.Context, chat types.JID, id types.MessageID, format string, plaintext []byte) error {
	expires := k.options.Now().Add(eventLife)
	return k.update(ctx, k.sendUrgency(ctx), func(tx *txn) error {
		return tx.putUntil(outgoingSort(chat, id), append([]byte(format+"\x00"), plaintext...), expires)
	})
}

// GetOutgoingEvent implements [store.EventBuffer]: what was sent to the chat, or
// to its other name, with its format. An error when there is nothing.
func (k *Keys) GetOutgoingEvent(ctx context.Context, chat, other types.JID, id types.MessageID) (string, []byte, error) {
	sorts := []string{outgoingSort(chat, id)}
	if !other.IsEmpty() && other != chat {
		sorts = append(sorts, outgoingSort(other, id))
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return "", nil, err
	}
	for _, sort := range sorts {
		if format, plaintext, found := bytes.Cut(values[sort], []byte{0}); found {
			return string(format), bytes.Clone(plaintext), nil
		}
	}
	return "", nil, errNoOutgoing
}

// DeleteOldOutgoingEvents implements [store.EventBuffer]: they expire by
// themselves.
func (k *Keys) DeleteOldOutgoingEvents(context.Context) error { return nil }
