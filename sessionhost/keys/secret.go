package keys

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// secretSort hides and bounds what a sender has chosen: the id of a message may
// be any text.
func secretSort(chat, sender types.JID, id types.MessageID) string {
	hash := sha256.Sum256([]byte(chat.String() + "\x00" + sender.String() + "\x00" + id))
	return prefixSecret + hex.EncodeToString(hash[:20])
}

// PutMessageSecret implements [store.MsgSecretStore]. A secret lives for 30
// days. It is written with its message, or before the receipt.
func (k *Keys) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return k.putSecrets(ctx, beforeReceipt, []store.MessageSecretInsert{{Chat: chat, Sender: sender, ID: id, Secret: secret}})
}

// PutMessageSecrets implements [store.MsgSecretStore].
func (k *Keys) PutMessageSecrets(ctx context.Context, inserts []store.MessageSecretInsert) error {
	return k.putSecrets(ctx, inPieces, inserts)
}

func (k *Keys) putSecrets(ctx context.Context, when urgency, inserts []store.MessageSecretInsert) error {
	expires := k.options.Now().Add(secretLife)
	return k.update(ctx, when, func(tx *txn) error {
		for _, insert := range inserts {
			if insert.Chat.IsEmpty() || insert.Sender.IsEmpty() || insert.ID == "" || len(insert.Secret) == 0 {
				continue
			}
			sender := insert.Sender.ToNonAD()
			value := append([]byte(sender.String()+"\x00"), insert.Secret...)
			if err := tx.putUntil(secretSort(insert.Chat.ToNonAD(), sender, insert.ID), value, expires); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetMessageSecret implements [store.MsgSecretStore]: stored under these JIDs or
// under their other form, with the sender as stored; nil if there is none.
func (k *Keys) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	chats, err := k.forms(ctx, chat)
	if err != nil {
		return nil, types.JID{}, err
	}
	senders, err := k.forms(ctx, sender)
	if err != nil {
		return nil, types.JID{}, err
	}
	var sorts []string
	for _, c := range chats {
		for _, s := range senders {
			sorts = append(sorts, secretSort(c, s, id))
		}
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return nil, types.JID{}, err
	}
	for _, sort := range sorts {
		if values[sort] == nil {
			continue
		}
		name, secret, _ := bytes.Cut(values[sort], []byte{0})
		stored, err := types.ParseJID(string(name))
		if err != nil {
			return nil, types.JID{}, fmt.Errorf("sender of a secret: %w", err)
		}
		return bytes.Clone(secret), stored, nil
	}
	return nil, types.JID{}, nil
}

// forms returns a JID without device, and its LID or number if that is known.
func (k *Keys) forms(ctx context.Context, jid types.JID) ([]types.JID, error) {
	jid = jid.ToNonAD()
	forms := []types.JID{jid}
	var other types.JID
	var err error
	switch jid.Server {
	case types.DefaultUserServer:
		other, err = k.GetLIDForPN(ctx, jid)
	case types.HiddenUserServer:
		other, err = k.GetPNForLID(ctx, jid)
	}
	if err == nil && !other.IsEmpty() {
		forms = append(forms, other)
	}
	return forms, err
}
