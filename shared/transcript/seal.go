package transcript

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/shared/instance"
	"roost/shared/table"
)

// sealLife is how long a seal stays: longer than any event can wait on a queue.
const sealLife = 30 * 24 * time.Hour

// sealedAtOnce is how many chats one transaction seals.
const sealedAtOnce = 50

func sealKey(i instance.ID) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "sealed"}
}

// Seal closes an instance's transcript: nothing is stored once it has returned.
// It can be done again.
//
// Each chat is sealed too: who stores in it writes it as it was read, and so either
// comes before its seal or sees it. What belongs to no chat that is there checks
// the instance's seal as it writes.
func (r *Repository) Seal(ctx context.Context, i instance.ID) error {
	item := table.Item{Key: sealKey(i), Expires: r.now().Add(sealLife)}
	if _, err := r.table.Put(ctx, item, table.None()); err != nil {
		return fmt.Errorf("seal transcript of instance %s: %w", i, err)
	}
	var chats []table.Item
	for chat, err := range table.All(ctx, r.table, table.Query{Partition: rootPartition(i), Prefix: "chat#"}) {
		if err != nil {
			return fmt.Errorf("list chats of instance %s: %w", i, err)
		}
		if !chat.Flag("sealed") {
			chats = append(chats, chat)
		}
	}
	for some := range slices.Chunk(chats, sealedAtOnce) {
		ops := make([]table.Op, len(some))
		for n, chat := range some {
			ops[n] = table.PutOp(sealed(chat), table.Revision(chat.Revision))
		}
		err := r.table.Write(ctx, ops...)
		if err == nil {
			continue
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return fmt.Errorf("seal chats of instance %s: %w", i, err)
		}
		for _, chat := range some {
			if err := r.sealChat(ctx, chat.Key); err != nil {
				return fmt.Errorf("seal a chat of instance %s: %w", i, err)
			}
		}
	}
	return nil
}

func sealed(chat table.Item) table.Item {
	chat.Attributes["sealed"] = true
	return chat
}

func (r *Repository) sealChat(ctx context.Context, key table.Key) error {
	for race := 0; ; race++ {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		chat, err := r.table.Get(ctx, key)
		if errors.Is(err, table.ErrNotFound) { // absorbed by another
			return nil
		}
		if err != nil {
			return err
		}
		if chat.Flag("sealed") {
			return nil
		}
		_, err = r.table.Put(ctx, sealed(chat), table.Revision(chat.Revision))
		if err == nil || race == maxRaces || !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return err
		}
	}
}
