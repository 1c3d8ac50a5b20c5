package command

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

// OnceLife is how long a send can be asked for again under its key.
const OnceLife = 24 * time.Hour

// Once remembers sends that their callers may ask for again: under the same key
// the same message goes out once.
//
//	once#<instance>   key#<sha-256>       what was asked for, and the message's id
//	once#<instance>   sent#<message id>   the answer, as soon as it was sent
//
// The API writes the first before anything is sent; the host writes the second
// when WhatsApp has the message. A host that dies between the two sends again
// under the same id, which receivers show once.
type Once struct {
	table table.Table
	now   func() time.Time
}

// NewOnce keeps them on t.
func NewOnce(t table.Table) *Once { return &Once{table: t, now: time.Now} }

// Asked is what is known of a send.
type Asked struct {
	MessageID string
	Sent      *Sent // nil until it was sent
}

// Begin fixes the id of the message that key stands for: messageID the first
// time, later what it was then. body is all that was asked for; the same key
// with another body is a Conflict with the code idempotency_key_reused.
func (o *Once) Begin(ctx context.Context, i instance.ID, key string, body []byte, messageID string) (Asked, error) {
	named := sha256.Sum256([]byte(key))
	at := table.Key{Partition: "once#" + string(i), Sort: "key#" + hex.EncodeToString(named[:])}
	print := sha256.Sum256(body)
	_, err := o.table.Put(ctx, table.Item{
		Key: at, Attributes: map[string]any{"message_id": messageID, "asked": print[:]}, Expires: o.now().Add(OnceLife),
	}, table.Absent())
	if err == nil {
		return Asked{MessageID: messageID}, nil
	}
	item, readErr := o.table.Get(ctx, at) // whatever became of the write, the table says what counts
	if readErr != nil {
		return Asked{}, fmt.Errorf("remember a send: %w", errors.Join(err, readErr))
	}
	if subtle.ConstantTimeCompare(item.Bytes("asked"), print[:]) != 1 {
		return Asked{}, fault.Coded(fault.Conflict, "idempotency_key_reused",
			"This Idempotency-Key was used for another request within the last 24 hours. Use a new one.")
	}
	asked := Asked{MessageID: item.Text("message_id")}
	asked.Sent, err = o.Sent(ctx, i, asked.MessageID)
	return asked, err
}

func sentKey(i instance.ID, messageID string) table.Key {
	return table.Key{Partition: "once#" + string(i), Sort: "sent#" + messageID}
}

// Sent returns the answer to a send, nil when it is not known to have gone out.
func (o *Once) Sent(ctx context.Context, i instance.ID, messageID string) (*Sent, error) {
	item, err := o.table.Get(ctx, sentKey(i, messageID))
	if errors.Is(err, table.ErrNotFound) {
		return nil, nil //nolint:nilnil // not known is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("look for the send of %s: %w", messageID, err)
	}
	var sent Sent
	if err := json.Unmarshal(item.Body, &sent); err != nil {
		return nil, fmt.Errorf("read the send of %s: %w", messageID, err)
	}
	return &sent, nil
}

// Done writes down that a message has gone out.
func (o *Once) Done(ctx context.Context, i instance.ID, messageID string, sent Sent) error {
	body, err := json.Marshal(sent)
	if err != nil {
		return fmt.Errorf("marshal the send of %s: %w", messageID, err)
	}
	item := table.Item{Key: sentKey(i, messageID), Body: body, Expires: o.now().Add(OnceLife)}
	if _, err := o.table.Put(ctx, item, table.None()); err != nil {
		return fmt.Errorf("remember the send of %s: %w", messageID, err)
	}
	return nil
}
