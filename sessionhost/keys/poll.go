package keys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"go.mau.fi/whatsmeow/types"
)

func pollSort(chat types.JID, id types.MessageID) string {
	hash := sha256.Sum256([]byte(chat.String() + "\x00" + id))
	return prefixPoll + hex.EncodeToString(hash[:20])
}

// PutPoll keeps what a poll offers for as long as its secret: a vote names
// options by their hashes only.
func (k *Keys) PutPoll(ctx context.Context, chat types.JID, id types.MessageID, options []string) error {
	value, err := json.Marshal(options)
	if err != nil {
		return err
	}
	expires := k.options.Now().Add(secretLife)
	return k.update(ctx, promptly, func(tx *txn) error { return tx.putUntil(pollSort(chat.ToNonAD(), id), value, expires) })
}

// Poll returns the options of a poll that was asked in the chat, under whichever
// name of it; nil if there is none.
func (k *Keys) Poll(ctx context.Context, chat types.JID, id types.MessageID) ([]string, error) {
	chats, err := k.forms(ctx, chat)
	if err != nil {
		return nil, err
	}
	sorts := make([]string, len(chats))
	for n, c := range chats {
		sorts[n] = pollSort(c, id)
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return nil, err
	}
	for _, sort := range sorts {
		var options []string
		if found, err := decodeJSON(sort, values[sort], &options); found || err != nil {
			return options, err
		}
	}
	return nil, nil
}
