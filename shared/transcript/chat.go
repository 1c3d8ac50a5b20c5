package transcript

import (
	"fmt"
	"slices"
	"time"

	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Chat is one conversation of an instance.
type Chat struct {
	Key     string // names it, for good unless two chats turn out to be one
	Address message.Address
	Name    string // as the other person calls themself, "" for groups

	// Merged are the keys of chats that turned out to be this one. Their
	// entries stay in their own partitions.
	Merged []string

	LastID    string    // message id of the last message
	LastAt    time.Time // of the last message, zero before the first
	CreatedAt time.Time // of the event that began it
	Unread    int64     // messages of others since the account has last read or written
	Entries   int64     // of all kinds
	Messages  int64     // of those that listings show

	lastIn, lastSort string // where the last message is: key of its partition's chat, sort key
	sealed           bool   // nothing is stored in it any more
	revision         int64  // 0 for one that is not stored yet
}

func (c Chat) lastKey(i instance.ID) table.Key {
	return table.Key{Partition: entryPartition(i, c.lastIn), Sort: c.lastSort}
}

// partitions are where the chat's entries are.
func (c Chat) partitions(i instance.ID) []string {
	out := make([]string, 0, len(c.Merged)+1)
	for _, key := range append(slices.Clone(c.Merged), c.Key) {
		out = append(out, entryPartition(i, key))
	}
	return out
}

// Holds reports whether entries of the chat stand under key.
func (c Chat) Holds(key string) bool { return key == c.Key || slices.Contains(c.Merged, key) }

// Named reports whether an address is one of the chat's.
func (c Chat) Named(a message.Address) bool {
	return a.PN != "" && a.PN == c.Address.PN || a.LID != "" && a.LID == c.Address.LID || c.Holds(a.PN) || c.Holds(a.LID)
}

// absorb makes other a part of the chat.
func (c *Chat) absorb(other Chat) {
	c.Merged = append(append(c.Merged, other.Merged...), other.Key)
	c.sealed = c.sealed || other.sealed
	c.Unread += other.Unread
	c.Entries += other.Entries
	c.Messages += other.Messages
	if other.LastAt.After(c.LastAt) {
		c.LastAt, c.LastID, c.lastIn, c.lastSort = other.LastAt, other.LastID, other.lastIn, other.lastSort
	}
	if !other.CreatedAt.IsZero() && other.CreatedAt.Before(c.CreatedAt) {
		c.CreatedAt = other.CreatedAt
	}
	if c.Name == "" {
		c.Name = other.Name
	}
	c.learn(other.Address)
}

// learn takes up a name that was not known.
func (c *Chat) learn(a message.Address) {
	if c.Address.PN == "" {
		c.Address.PN = a.PN
	}
	if c.Address.LID == "" {
		c.Address.LID = a.LID
	}
}

// count takes up a message, which stands at sort.
func (c *Chat) count(m message.Message, kind Kind, sort string) {
	c.Entries++
	if kind.Listed() {
		c.Messages++
	}
	if !m.FromMe && !m.Group && m.PushName != "" {
		c.Name = m.PushName
	}
	if kind != KindMessage {
		return
	}
	if !m.Timestamp.Before(c.LastAt) {
		c.LastAt, c.LastID, c.lastIn, c.lastSort = m.Timestamp, m.ID, c.Key, sort
	}
	switch {
	case !m.FromMe:
		c.Unread++
	case !m.ViaAPI: // who writes on the phone has the chat before their eyes
		c.Unread = 0
	}
}

// remember takes up a message from before the instance was linked.
func (c *Chat) remember(m message.Message, kind Kind, sort string) {
	c.Entries++
	if kind.Listed() {
		c.Messages++
	}
	if !m.FromMe && !m.Group && m.PushName != "" && c.Name == "" {
		c.Name = m.PushName
	}
	if c.CreatedAt.IsZero() || m.Timestamp.Before(c.CreatedAt) {
		c.CreatedAt = m.Timestamp
	}
	if kind == KindMessage && m.Timestamp.After(c.LastAt) {
		c.LastAt, c.LastID, c.lastIn, c.lastSort = m.Timestamp, m.ID, c.Key, sort
	}
}

// read takes up that the account has read messages on another device.
func (c *Chat) read(ids []string) {
	if slices.Contains(ids, c.LastID) {
		c.Unread = 0
		return
	}
	c.Unread = max(c.Unread-int64(len(ids)), 0)
}

func encodeChat(i instance.ID, c Chat) table.Item {
	a := map[string]any{"key": c.Key, "unread": c.Unread, "entries": c.Entries, "messages": c.Messages}
	for name, value := range map[string]string{"pn": c.Address.PN, "lid": c.Address.LID, "name": c.Name, "last_id": c.LastID, "last_in": c.lastIn, "last_sort": c.lastSort} {
		if value != "" {
			a[name] = value
		}
	}
	if len(c.Merged) > 0 {
		a["merged"] = c.Merged
	}
	for name, at := range map[string]time.Time{"last_at": c.LastAt, "created_at": c.CreatedAt} {
		if !at.IsZero() {
			a[name] = table.Stamp(at)
		}
	}
	return table.Item{Key: chatKey(i, c.Key), Attributes: a}
}

func decodeChat(item table.Item) (Chat, error) {
	c := Chat{
		Key: item.Text("key"), Address: message.Address{PN: item.Text("pn"), LID: item.Text("lid")}, Name: item.Text("name"),
		LastID: item.Text("last_id"), Unread: item.Number("unread"), Entries: item.Number("entries"), Messages: item.Number("messages"),
		Merged: item.List("merged"), CreatedAt: item.Time("created_at"), lastIn: item.Text("last_in"), lastSort: item.Text("last_sort"),
		sealed: item.Flag("sealed"), revision: item.Revision,
	}
	if at := item.Text("last_at"); at != "" {
		var err error
		if c.LastAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return Chat{}, fmt.Errorf("read chat %s: %w", item.Key, err)
		}
	}
	return c, nil
}
