package transcript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

func (r *Repository) storeMessage(ctx context.Context, e event.Event, m message.Message) (bool, error) {
	entry := Entry{ID: e.ID, Kind: kindOf(m), At: m.Timestamp, Body: e.Body}
	early := earlyKey(e.Instance, m.ID)
	who, name := partner(m), m.PushName
	if m.FromMe {
		name = ""
	}
	w := writing{
		event: e, entry: &entry, chat: named(m.Chat, e), index: indexKey(e.Instance, m.ID, e.ID), header: header(m),
		extra: append(contactKeys(e.Instance, who), early),
	}
	w.known = func(v view) (place, bool) { return fromPast(e.Instance, v, m) }
	w.change = func(v *view, sort string) ([]table.Op, error) {
		entry.Status = m.Status
		if item, ok := v.items[early]; ok && m.ID != "" {
			entry.Status = later(m.Status, message.Status(item.Text("status")))
			entry.edit = waiting(item, m)
		}
		v.chat.count(m, entry.Kind, sort)
		met, err := r.meet(ctx, e.Instance, who, v.items)
		if err != nil {
			return nil, err
		}
		if m.FromMe && met.contact.revision > 0 {
			return nil, nil // nothing new about whom it went to
		}
		return met.learn(e.Instance, event.Contact{PushName: name}, e.At), nil
	}
	done, err := r.write(ctx, w)
	if err != nil {
		return false, err
	}
	switch entry.Kind { //nolint:exhaustive // the others change nothing
	case KindRevoke:
		err = r.advance(ctx, e.Instance, done.chat, m.Target.ID, false, message.StatusDeleted, nil)
	case KindEdit:
		err = r.edited(ctx, e.Instance, done.chat, m, done.at)
	}
	return done.fresh, err
}

// partner is with whom a message was exchanged: who wrote it, or to whom the
// account did.
func partner(m message.Message) message.Address {
	if m.FromMe {
		return m.Chat
	}
	return m.Sender
}

// updatesAtOnce is of how many messages one transaction moves the status: each is
// two items, and more only where ids are not what they should be.
const updatesAtOnce = 20

// storeUpdate moves the messages with the entry that says so, all but one of them
// before it when they are too large to be written together.
func (r *Repository) storeUpdate(ctx context.Context, e event.Event, u event.Update) (bool, error) {
	fresh, err := r.move(ctx, e, u, updatesAtOnce)
	if errors.Is(err, table.ErrTooLarge) {
		return r.move(ctx, e, u, 1)
	}
	return fresh, err
}

// move moves so many messages with the entry, and the others before, which can be
// done again.
func (r *Repository) move(ctx context.Context, e event.Event, u event.Update, atOnce int) (bool, error) {
	w := writing{event: e, entry: &Entry{ID: e.ID, Kind: KindStatus, At: e.At, Body: e.Body}, chat: named(u.Chat, e), index: indexKey(e.Instance, "", e.ID)}
	var ids []string
	if rank(u.Status) >= 0 {
		seen := map[string]bool{"": true}
		for _, id := range u.IDs {
			if !seen[idPart(id)] {
				seen[idPart(id)] = true
				ids = append(ids, id)
			}
		}
	}
	before := max(len(ids)-atOnce, 0)
	if len(ids) > 0 { // the last receipt of its own says that it is there, and is its index
		last := encodeReceipt(e, u, ids[len(ids)-1])
		w.index, w.pointer = last.Key, last.Attributes
	}
	if before > 0 {
		v, err := r.seen(ctx, w, true)
		if err != nil {
			return false, err
		}
		if _, again := v.items[w.index]; again {
			return false, nil
		}
		for _, id := range ids[:before] {
			receipt := encodeReceipt(e, u, id)
			if err := r.advance(ctx, e.Instance, v.chat, id, u.FromMe, u.Status, &receipt); err != nil {
				return false, err
			}
		}
		ids, w.seen = ids[before:], &v
	}
	w.change = func(v *view, _ string) ([]table.Op, error) {
		v.chat.Entries++
		if !u.FromMe && rank(u.Status) >= rank(message.StatusRead) {
			v.chat.read(u.IDs)
		}
		var ops []table.Op
		for n, id := range ids {
			more, err := r.amended(ctx, e.Instance, v.chat, id, u.FromMe, forward(u.Status))
			if err != nil {
				return nil, err
			}
			if ops = append(ops, more...); n < len(ids)-1 {
				ops = append(ops, table.PutOp(encodeReceipt(e, u, id), table.None()))
			}
		}
		return ops, nil
	}
	done, err := r.write(ctx, w)
	return done.fresh, err
}

// named is the chat's address; an event whose body does not say it has its key.
func named(a message.Address, e event.Event) message.Address {
	if a.PN == "" && a.LID == "" {
		a.PN = e.Chat
	}
	return a
}

// writing is an entry on its way to the table.
type writing struct {
	event event.Event
	entry *Entry
	chat  message.Address
	index table.Key
	// pointer is what the index says, nil for where the entry is.
	pointer map[string]any
	header  map[string]any // for listings, nil for what they do not show
	extra   []table.Key    // to be read with the chat
	seen    *view          // the chat as just read, nil to read it
	// known finds the entry by other means than its index; nil for none.
	known func(view) (place, bool)
	// change brings the chat up to date, in which the entry stands at sort, and
	// returns what else is to be written.
	change func(v *view, sort string) ([]table.Op, error)
}

// written is what has become of an entry.
type written struct {
	chat  Chat
	at    place
	fresh bool // it was not there
}

// write stores an entry with its index and its chat. That an entry is there
// already, or its transcript sealed, it learns from the write that is refused, and
// then looks.
func (r *Repository) write(ctx context.Context, w writing) (written, error) {
	i, entry := w.event.Instance, w.entry
	blob := ""
	if len(entry.Body) > maxInline {
		var err error
		if blob, err = r.storeBody(ctx, i, *entry); err != nil {
			return written{}, err
		}
	}
	sort := sortKey(entry.At, w.event.At, w.event.ID)
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return written{}, err
		}
		v, err := r.seen(ctx, w, race > 0)
		if err != nil {
			return written{}, err
		}
		if pointer, again := v.items[w.index]; again {
			return written{chat: v.chat, at: place{Partition: pointer.Text("entry_partition"), Sort: pointer.Text("entry_sort")}}, nil
		}
		if w.known != nil {
			if at, again := w.known(v); again {
				return written{chat: v.chat, at: at}, nil
			}
		}
		if _, sealed := v.items[sealKey(i)]; sealed || v.chat.sealed {
			if race == 0 { // it may be there already
				continue
			}
			return written{}, ErrSealed
		}
		if v.chat.revision == 0 {
			v.chat.CreatedAt = w.event.At
		}
		more, err := w.change(&v, sort)
		if err != nil {
			return written{}, err
		}
		entry.Chat = v.chat.Key
		key := table.Key{Partition: entryPartition(i, v.chat.Key), Sort: sort}
		item := encode(*entry, key, w.header)
		if blob != "" {
			item.Body, item.Attributes["blob"] = nil, blob
		}
		pointer := w.pointer
		if pointer == nil {
			pointer = map[string]any{"entry_partition": key.Partition, "entry_sort": key.Sort}
		}
		var ops []table.Op
		if v.chat.revision == 0 { // one that is there would say so itself
			ops = append(ops, table.CheckOp(sealKey(i), table.Absent()))
		}
		ops = append(ops,
			table.PutOp(table.Item{Key: w.index, Attributes: pointer}, table.Absent()),
			table.PutOp(item, table.Absent()),
		)
		if entry.Kind.Listed() {
			ops = append(ops, table.PutOp(timeItem(i, *entry, sort, w.header), table.None()))
		}
		ops = append(append(ops, v.ops(i)...), more...)
		if group := v.chat.Address.PN; v.chat.revision == 0 && strings.HasSuffix(group, "@g.us") {
			first := met{contact: Contact{Key: group, Address: v.chat.Address}}
			put := first.learn(i, event.Contact{}, w.event.At)[0]
			_, err := r.table.Get(ctx, put.Item.Key) // what it is called may have been told before
			if err != nil && !errors.Is(err, table.ErrNotFound) {
				return written{}, fmt.Errorf("read a contact of instance %s: %w", i, err)
			}
			if err != nil && !slices.ContainsFunc(more, func(op table.Op) bool { return op.Item.Key == put.Item.Key }) {
				ops = append(ops, put)
			}
		}
		err = r.table.Write(ctx, ops...)
		if err == nil {
			return written{v.chat, place(key), true}, nil
		}
		// A lost answer is settled like a race: by looking again.
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return written{}, fmt.Errorf("store event %s: %w", w.event.ID, err)
		}
	}
	return written{}, fault.New(fault.Unavailable, "the chat is being changed by too many at once")
}

// storeBody puts the body of an entry that is too large for the table into the
// bucket, and returns where.
func (r *Repository) storeBody(ctx context.Context, i instance.ID, e Entry) (string, error) {
	key := blobKey(i, e.ID)
	if _, err := r.bucket.Put(ctx, key, bytes.NewReader(e.Body), int64(len(e.Body)), "application/json"); err != nil {
		return "", fmt.Errorf("store a large entry: %w", err)
	}
	return key, nil
}

// seen is the chat with what stands around an entry that is to be written; with
// all, whether that is there already and its transcript sealed.
func (r *Repository) seen(ctx context.Context, w writing, all bool) (view, error) {
	if w.seen != nil && !all {
		return *w.seen, nil
	}
	extra := w.extra
	if all {
		extra = append(slices.Clone(extra), w.index, sealKey(w.event.Instance))
	}
	return r.look(ctx, w.event.Instance, w.chat, extra)
}

// timeItem is the index of an entry by time over all chats.
func timeItem(i instance.ID, e Entry, sort string, header map[string]any) table.Item {
	a := map[string]any{"id": e.ID, "kind": string(e.Kind), "chat": e.Chat}
	maps.Copy(a, header)
	return table.Item{Key: table.Key{Partition: timePartition(i), Sort: sort}, Attributes: a}
}

// view is what is stored around an event.
type view struct {
	items map[table.Key]table.Item // what else was asked for
	chats []Chat                   // those that the address names, its LID's first
	chat  Chat                     // the one to go on with
	names []string                 // aliases that must point to it
}

// namesOf are those that an address has.
func namesOf(a message.Address) []string {
	var names []string
	for _, name := range []string{a.LID, a.PN} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// chatKeys are where an address leads to its chat. Most chats are called by one of
// their names.
func chatKeys(i instance.ID, a message.Address) []table.Key {
	var keys []table.Key
	for _, name := range namesOf(a) {
		keys = append(keys, aliasKey(i, name), chatKey(i, name))
	}
	return keys
}

// look reads the chats that an address names, and other items.
func (r *Repository) look(ctx context.Context, i instance.ID, a message.Address, extra []table.Key) (view, error) {
	names := namesOf(a)
	items, err := r.table.BatchGet(ctx, append(chatKeys(i, a), extra...))
	if err != nil {
		return view{}, fmt.Errorf("read a chat of instance %s: %w", i, err)
	}
	v := view{items: items}
	for _, name := range names {
		alias, ok := items[aliasKey(i, name)]
		if !ok {
			v.names = append(v.names, name)
			continue
		}
		c, ok, err := r.chat(ctx, i, items, alias.Text("chat"))
		if err != nil {
			return view{}, err
		}
		if ok && (len(v.chats) == 0 || v.chats[0].Key != c.Key) {
			v.chats = append(v.chats, c)
		}
	}
	switch len(v.chats) {
	case 0:
		v.chat, v.names = Chat{Key: a.Key()}, names
	case 1:
		v.chat = v.chats[0]
	default:
		v.chat = v.chats[0]
		v.chat.absorb(v.chats[1])
		v.names = append(names, v.chats[1].Key, v.chats[1].Address.PN, v.chats[1].Address.LID)
		v.names = append(v.names, v.chats[1].Merged...)
	}
	v.chat.learn(a)
	return v, nil
}

func (r *Repository) chat(ctx context.Context, i instance.ID, items map[table.Key]table.Item, key string) (Chat, bool, error) {
	item, ok := items[chatKey(i, key)]
	if !ok {
		var err error
		item, err = r.table.Get(ctx, chatKey(i, key))
		if errors.Is(err, table.ErrNotFound) {
			return Chat{}, false, nil
		}
		if err != nil {
			return Chat{}, false, fmt.Errorf("read a chat of instance %s: %w", i, err)
		}
	}
	c, err := decodeChat(item)
	return c, err == nil, err
}

// ops write the chat, its new names, and remove what it has absorbed.
func (v *view) ops(i instance.ID) []table.Op {
	condition := table.Absent()
	if v.chat.revision > 0 {
		condition = table.Revision(v.chat.revision)
	}
	ops := []table.Op{table.PutOp(encodeChat(i, v.chat), condition)}
	if len(v.chats) > 1 {
		ops = append(ops, table.DeleteOp(chatKey(i, v.chats[1].Key), table.Revision(v.chats[1].revision)))
	}
	seen := map[string]bool{"": true}
	for _, name := range v.names {
		if !seen[name] {
			seen[name] = true
			alias := table.Item{Key: aliasKey(i, name), Attributes: map[string]any{"chat": v.chat.Key}}
			ops = append(ops, table.PutOp(alias, v.aliasCondition(i, name)))
		}
	}
	return ops
}

// aliasCondition lets nobody's alias be overwritten who has made the chat at the
// same time under another of its names: events of one person may come in two
// groups. Further names of a chat that is absorbed need no condition, since they
// change with that chat only.
func (v *view) aliasCondition(i instance.ID, name string) table.Condition {
	if item, ok := v.items[aliasKey(i, name)]; ok {
		return table.Revision(item.Revision)
	}
	if len(v.chats) > 1 {
		return table.None()
	}
	return table.Absent()
}
