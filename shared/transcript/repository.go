package transcript

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"roost/shared/blob"
	"roost/shared/instance"
	"roost/shared/table"
)

// ErrSealed means that the transcript has been closed for its archive.
var ErrSealed = errors.New("the transcript is sealed")

// maxRaces is how often a write starts over when others write the same chat.
const maxRaces = 20

// Repository keeps transcripts on the table, and what is too large for it in
// the bucket.
type Repository struct {
	table  table.Table
	bucket blob.Bucket
	now    func() time.Time
}

// NewRepository keeps transcripts on t and b.
func NewRepository(t table.Table, b blob.Bucket) *Repository {
	return &Repository{table: t, bucket: b, now: time.Now}
}

func rootPartition(i instance.ID) string { return "transcript#" + string(i) }

func entryPartition(i instance.ID, chat string) string {
	return "transcript#" + string(i) + "#" + chat
}

func idPartition(i instance.ID) string { return "transcript-ids#" + string(i) }

// timePartition is the index of what is listed, by time over all chats.
func timePartition(i instance.ID) string { return "transcript-time#" + string(i) }

func chatKey(i instance.ID, chat string) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "chat#" + chat}
}

func aliasKey(i instance.ID, name string) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "alias#" + name}
}

// indexKey is where an entry is found by its message; receipts, which may be
// about many messages, stand under none.
func indexKey(i instance.ID, messageID, event string) table.Key {
	return table.Key{Partition: idPartition(i), Sort: idPart(messageID) + "#" + event}
}

// earlyKey is where a status waits for its message.
func earlyKey(i instance.ID, messageID string) table.Key {
	return table.Key{Partition: idPartition(i), Sort: idPart(messageID)}
}

// idPart makes a message id fit for a key: it was chosen by whoever wrote the
// message.
func idPart(id string) string {
	plain := id != "" && len(id) <= 128
	for _, c := range []byte(id) {
		plain = plain && c > ' ' && c <= '~' && c != '#' && c != '!'
	}
	if plain || id == "" {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Remove deletes an instance's transcript. What is gone already stays gone, so
// that it can be done again after a fault, or when ctx has ended: it goes on
// where it was. The seal stays.
func (r *Repository) Remove(ctx context.Context, i instance.ID) error {
	chats, err := r.Chats(ctx, i)
	if err != nil {
		return err
	}
	for _, c := range chats {
		for _, partition := range c.partitions(i) {
			if err := r.removeAll(ctx, table.Query{Partition: partition}); err != nil {
				return err
			}
		}
		// After its entries, which are found through it.
		if err := r.table.Delete(ctx, chatKey(i, c.Key), table.None()); err != nil {
			return fmt.Errorf("remove a chat: %w", err)
		}
	}
	for _, partition := range []string{idPartition(i), timePartition(i)} {
		if err := r.removeAll(ctx, table.Query{Partition: partition}); err != nil {
			return err
		}
	}
	for _, prefix := range []string{"alias#", "contact", "label"} {
		if err := r.removeAll(ctx, table.Query{Partition: rootPartition(i), Prefix: prefix}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) removeAll(ctx context.Context, query table.Query) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("remove entries: %w", err)
		}
		page, err := r.table.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("list what is to be removed: %w", err)
		}
		keys := make([]table.Key, 0, len(page.Items))
		for _, item := range page.Items {
			if key := item.Text("blob"); key != "" {
				if err := r.bucket.Delete(ctx, key); err != nil {
					return fmt.Errorf("remove a body: %w", err)
				}
			}
			keys = append(keys, item.Key)
		}
		if len(keys) > 0 {
			if err := r.table.BatchWrite(ctx, nil, keys); err != nil {
				return fmt.Errorf("remove entries: %w", err)
			}
		}
		if page.Cursor == "" {
			return nil
		}
		query.Cursor = page.Cursor
	}
}
