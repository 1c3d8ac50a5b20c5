package keys

import (
	"bytes"
	"context"
)

// PutSenderKey implements [store.SenderKeyStore]. A new key of somebody else
// is written with the message that brought it or the next one; a send's own
// with the sessions that follow, before anything leaves.
func (k *Keys) PutSenderKey(ctx context.Context, group, user string, session []byte) error {
	return k.update(ctx, beforeReceipt, func(tx *txn) error {
		return tx.put(senderSort(user, group), bytes.Clone(session))
	})
}

// GetSenderKey implements [store.SenderKeyStore].
func (k *Keys) GetSenderKey(ctx context.Context, group, user string) ([]byte, error) {
	value, err := k.read(ctx, senderSort(user, group))
	return bytes.Clone(value), err
}
