package transcript

import (
	"context"
	"fmt"
	"time"

	"roost/shared/instance"
	"roost/shared/table"
)

// countLimit is how many entries a listing that must count looks at. Counting
// reads keys and headers only, some 3,000 in a request to the table.
const countLimit = 100_000

// Listing asks for messages, reactions and votes of an instance, newest first.
type Listing struct {
	Chat     *Chat     // nil for all chats
	From, To time.Time // inclusive; zero is open
	// Match narrows the listing; nil takes everything.
	Match func(Header) bool
	Skip  int // entries that match, before the first that is wanted
	Limit int // entries wanted
}

// Header is what is known of an entry without its body.
type Header struct {
	Event   string // the entry's id
	Chat    string // key of the partition's chat, which may be part of another now
	Kind    Kind
	Message string // message id
	Type    string // message.Message.Kind
	FromMe  bool
	Sender  string // message.Address.String of who wrote it
}

// Listed is the answer to a [Listing].
type Listed struct {
	Entries []Entry
	// Total is how many there are without Skip and Limit. Of a listing that has
	// to look at more than 100,000 entries to know it is a lower bound.
	Total int64
}

// List answers a listing. It reads by key, never a whole table: a page costs
// one request for each 3,000 entries (of one chat 1 MiB of messages) that are
// skipped, and with a time or a Match the count walks that range.
func (r *Repository) List(ctx context.Context, i instance.ID, l Listing) (Listed, error) {
	var out Listed
	counted := l.Match == nil && l.From.IsZero() && l.To.IsZero()
	if counted {
		total, err := r.count(ctx, i, l.Chat)
		if err != nil {
			return Listed{}, err
		}
		out.Total = total
	}
	var found []table.Item
	matched, looked := 0, 0
	err := r.walkBack(ctx, i, l, func(item table.Item) bool {
		looked++
		if kind := Kind(item.Text("kind")); !kind.Listed() || l.Match != nil && !l.Match(headerOf(item)) {
			return counted || looked < countLimit
		}
		matched++
		if matched > l.Skip && len(found) < l.Limit {
			found = append(found, item)
		}
		if len(found) >= l.Limit && (counted || looked >= countLimit) {
			return false
		}
		return true
	})
	if err != nil {
		return Listed{}, err
	}
	if !counted {
		out.Total = int64(matched)
	}
	out.Entries, err = r.load(ctx, i, l.Chat, found)
	return out, err
}

// Listed reports whether listings show entries of the kind: edits, revokes and
// receipts are about others.
func (k Kind) Listed() bool { return k == KindMessage || k == KindReaction || k == KindVote }

func (r *Repository) count(ctx context.Context, i instance.ID, c *Chat) (int64, error) {
	if c != nil {
		return c.Messages, nil
	}
	chats, err := r.Chats(ctx, i)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, c := range chats {
		total += c.Messages
	}
	return total, nil
}

// walkBack goes through headers from the newest on: of one chat through its
// entries, of all through the index by time.
func (r *Repository) walkBack(ctx context.Context, i instance.ID, l Listing, visit func(table.Item) bool) error {
	partitions := []string{timePartition(i)}
	if l.Chat != nil {
		partitions = l.Chat.partitions(i)
	}
	q := table.Query{Reverse: true}
	if !l.From.IsZero() || !l.To.IsZero() {
		q.From, q.To = timePart(l.From), "~"
		if !l.To.IsZero() {
			q.To = timePart(l.To) + "~" // behind every arrival
		}
	}
	if l.Chat != nil && l.Match == nil {
		q.Limit = max(min(l.Skip+l.Limit, 1000), 25) // bodies come with the items
	}
	for item, err := range r.merge(ctx, partitions, q) {
		if err != nil {
			return fmt.Errorf("list messages of instance %s: %w", i, err)
		}
		if !visit(item) {
			return nil
		}
	}
	return nil
}

// load reads the entries behind headers, in their order.
func (r *Repository) load(ctx context.Context, i instance.ID, c *Chat, found []table.Item) ([]Entry, error) {
	items := map[table.Key]table.Item{}
	keys := make([]table.Key, len(found))
	for n, item := range found {
		keys[n] = item.Key
		if c == nil {
			keys[n].Partition = entryPartition(i, item.Text("chat"))
		}
		items[keys[n]] = item
	}
	if c == nil {
		var err error
		if items, err = r.table.BatchGet(ctx, keys); err != nil {
			return nil, fmt.Errorf("read messages of instance %s: %w", i, err)
		}
	}
	there := make([]table.Item, 0, len(keys))
	for _, key := range keys {
		if item, ok := items[key]; ok { // not removed meanwhile
			there = append(there, item)
		}
	}
	out, err := r.decodeAll(ctx, there)
	if err != nil {
		return nil, err
	}
	for n := range out {
		if c != nil {
			out[n].Chat = c.Key
		}
	}
	return out, nil
}

func headerOf(item table.Item) Header {
	return Header{
		Event: item.Text("id"), Chat: item.Text("chat"), Kind: Kind(item.Text("kind")), Message: item.Text("message"), Type: item.Text("type"),
		FromMe: item.Flag("from_me"), Sender: item.Text("sender"),
	}
}

// Last returns the last message of each chat that has one, by the chat's key.
func (r *Repository) Last(ctx context.Context, i instance.ID, chats []Chat) (map[string]Entry, error) {
	keys := make([]table.Key, 0, len(chats))
	for _, c := range chats {
		if c.lastSort != "" {
			keys = append(keys, c.lastKey(i))
		}
	}
	items, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read last messages of instance %s: %w", i, err)
	}
	var there []table.Item
	var of []string
	for _, c := range chats {
		if item, ok := items[c.lastKey(i)]; ok {
			there, of = append(there, item), append(of, c.Key)
		}
	}
	entries, err := r.decodeAll(ctx, there)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Entry, len(items))
	for n, e := range entries {
		e.Chat = of[n]
		out[e.Chat] = e
	}
	return out, nil
}

// timePart is where entries of a moment begin.
func timePart(at time.Time) string {
	if at.IsZero() {
		at = time.UnixMilli(0)
	}
	return fmt.Sprintf("%013d", max(at.UnixMilli(), 0))
}
