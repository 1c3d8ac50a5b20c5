package keys

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// chat is what the phone has set for a chat.
type chat struct {
	MutedUntil int64 `json:"muted_until_seconds,omitempty"` // -1 for ever
	Pinned     bool  `json:"pinned,omitempty"`
	Archived   bool  `json:"archived,omitempty"`
}

func (k *Keys) editChat(ctx context.Context, jid types.JID, change func(*chat)) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		sort := prefixChat + jid.String()
		old, err := tx.read(ctx, sort)
		if err != nil {
			return err
		}
		var c chat
		if _, err := decodeJSON(sort, old, &c); err != nil {
			return err
		}
		change(&c)
		return tx.putJSON(sort, old, c)
	})
}

// PutMutedUntil implements [store.ChatSettingsStore].
func (k *Keys) PutMutedUntil(ctx context.Context, chatJID types.JID, mutedUntil time.Time) error {
	return k.editChat(ctx, chatJID, func(c *chat) {
		switch {
		case mutedUntil.Equal(store.MutedForever):
			c.MutedUntil = -1
		case mutedUntil.IsZero():
			c.MutedUntil = 0
		default:
			c.MutedUntil = mutedUntil.Unix()
		}
	})
}

// PutPinned implements [store.ChatSettingsStore].
func (k *Keys) PutPinned(ctx context.Context, chatJID types.JID, pinned bool) error {
	return k.editChat(ctx, chatJID, func(c *chat) { c.Pinned = pinned })
}

// PutArchived implements [store.ChatSettingsStore].
func (k *Keys) PutArchived(ctx context.Context, chatJID types.JID, archived bool) error {
	return k.editChat(ctx, chatJID, func(c *chat) { c.Archived = archived })
}

// GetChatSettings implements [store.ChatSettingsStore].
func (k *Keys) GetChatSettings(ctx context.Context, chatJID types.JID) (types.LocalChatSettings, error) {
	sort := prefixChat + chatJID.String()
	value, err := k.read(ctx, sort)
	if err != nil {
		return types.LocalChatSettings{}, err
	}
	var c chat
	found, err := decodeJSON(sort, value, &c)
	settings := types.LocalChatSettings{Found: found, Pinned: c.Pinned, Archived: c.Archived}
	switch {
	case c.MutedUntil < 0:
		settings.MutedUntil = store.MutedForever
	case c.MutedUntil > 0:
		settings.MutedUntil = time.Unix(c.MutedUntil, 0)
	}
	return settings, err
}
