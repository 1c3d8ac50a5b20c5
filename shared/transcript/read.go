package transcript

import (
	"context"
	"fmt"
	"iter"

	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Chats returns the chats of an instance in the order of their keys.
func (r *Repository) Chats(ctx context.Context, i instance.ID) ([]Chat, error) {
	var out []Chat
	for item, err := range table.All(ctx, r.table, table.Query{Partition: rootPartition(i), Prefix: "chat#"}) {
		if err != nil {
			return nil, fmt.Errorf("list chats of instance %s: %w", i, err)
		}
		c, err := decodeChat(item)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// ChatOf finds a chat by any name of it. It reports false when nothing was
// said in it.
func (r *Repository) ChatOf(ctx context.Context, i instance.ID, a message.Address) (Chat, bool, error) {
	v, err := r.look(ctx, i, a, nil)
	if err != nil {
		return Chat{}, false, err
	}
	if len(v.chats) == 0 {
		return Chat{}, false, nil
	}
	return v.chats[0], true, nil
}

// Entries walks a chat from its beginning. It stops after the first error.
func (r *Repository) Entries(ctx context.Context, i instance.ID, c Chat) iter.Seq2[Entry, error] {
	return r.EntriesAfter(ctx, i, c, "")
}

// EntriesAfter walks a chat from behind the entry whose Sort is after, "" for
// the beginning. It stops after the first error.
func (r *Repository) EntriesAfter(ctx context.Context, i instance.ID, c Chat, after string) iter.Seq2[Entry, error] {
	return r.entries(ctx, i, c, table.Query{From: after})
}

// Newest walks a chat from its end.
func (r *Repository) Newest(ctx context.Context, i instance.ID, c Chat) iter.Seq2[Entry, error] {
	return r.entries(ctx, i, c, table.Query{Reverse: true, Limit: 100})
}

func (r *Repository) entries(ctx context.Context, i instance.ID, c Chat, q table.Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for item, err := range r.merge(ctx, c.partitions(i), q) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("read chat of instance %s: %w", i, err))
				return
			}
			if q.From != "" && item.Sort == q.From {
				continue
			}
			e, err := r.decode(ctx, item)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			e.Chat = c.Key
			if !yield(e, nil) {
				return
			}
		}
	}
}

// merge walks the same range of several partitions as if they were one.
func (r *Repository) merge(ctx context.Context, partitions []string, q table.Query) iter.Seq2[table.Item, error] {
	if len(partitions) == 1 {
		q.Partition = partitions[0]
		return table.All(ctx, r.table, q)
	}
	return func(yield func(table.Item, error) bool) {
		walks := make([]*walk, 0, len(partitions))
		for _, partition := range partitions {
			q.Partition = partition
			w := startWalk(table.All(ctx, r.table, q))
			defer w.stop()
			walks = append(walks, w)
		}
		for {
			var first *walk
			for _, w := range walks {
				if w.ok && w.err != nil {
					yield(table.Item{}, w.err)
					return
				}
				if w.ok && (first == nil || (w.item.Sort < first.item.Sort) != q.Reverse) {
					first = w
				}
			}
			if first == nil || !yield(first.item, nil) {
				return
			}
			first.step()
		}
	}
}

// All walks the whole transcript of an instance, chat after chat in the order
// of their keys. It reads one page of the table at a time.
func (r *Repository) All(ctx context.Context, i instance.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		chats, err := r.Chats(ctx, i)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, c := range chats {
			for e, err := range r.Entries(ctx, i, c) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// Find returns the entries whose message has this id, in any chat: ids are
// chosen by who writes.
func (r *Repository) Find(ctx context.Context, i instance.ID, messageID string) ([]Entry, error) {
	if messageID == "" {
		return nil, nil
	}
	items, err := r.find(ctx, i, messageID)
	if err != nil {
		return nil, err
	}
	return r.decodeAll(ctx, items)
}

func (r *Repository) find(ctx context.Context, i instance.ID, messageID string) ([]table.Item, error) {
	var keys []table.Key
	query := table.Query{Partition: idPartition(i), Prefix: idPart(messageID) + "#"}
	for item, err := range table.All(ctx, r.table, query) {
		if err != nil {
			return nil, fmt.Errorf("look up message %s: %w", messageID, err)
		}
		keys = append(keys, table.Key{Partition: item.Text("entry_partition"), Sort: item.Text("entry_sort")})
	}
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read message %s: %w", messageID, err)
	}
	out := make([]table.Item, 0, len(keys))
	for _, key := range keys {
		if item, ok := found[key]; ok {
			out = append(out, item)
		}
	}
	return out, nil
}

// walk is one of several ordered streams that are merged.
type walk struct {
	next func() (table.Item, error, bool)
	stop func()
	item table.Item
	err  error
	ok   bool
}

func startWalk(items iter.Seq2[table.Item, error]) *walk {
	w := &walk{}
	w.next, w.stop = iter.Pull2(items)
	w.step()
	return w
}

func (w *walk) step() { w.item, w.err, w.ok = w.next() }
