package transcript

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

const (
	// pastAtOnce is how many messages one transaction stores: each is four items
	// of the hundred that it may have.
	pastAtOnce = 20
	// pastLife is for how long a message from the past is known by its id alone,
	// so that its own event, which may be on its way, does not store it again.
	pastLife = 7 * 24 * time.Hour
)

// storeHistory takes up what was said in a chat before the instance was linked.
// What is there already stays as it is.
func (r *Repository) storeHistory(ctx context.Context, e event.Event, h event.History) error {
	var rest []message.Message
	for some := range slices.Chunk(h.Messages, pastAtOnce) {
		var plain []message.Message
		for _, m := range some {
			if kind := kindOf(m); kind == KindEdit || kind == KindRevoke { // they change others
				rest = append(rest, m)
			} else {
				plain = append(plain, m)
			}
		}
		if err := r.storePast(ctx, e, h, plain); err != nil {
			return err
		}
	}
	if len(h.Messages) == 0 && h.Ends {
		if err := r.storePast(ctx, e, h, nil); err != nil {
			return err
		}
	}
	for _, m := range rest {
		one, err := pastEvent(e, m)
		if err != nil {
			return err
		}
		if _, err := r.storeMessage(ctx, one, m); err != nil {
			return err
		}
	}
	switch pn := h.Chat.PN; {
	case !h.Ends || h.Name == "":
		return nil
	case strings.HasSuffix(pn, "@g.us"):
		return r.StoreContact(ctx, e.Instance, h.Chat, h.Name, "", e.At)
	case h.Chat.LID != "" || strings.HasSuffix(pn, "@s.whatsapp.net"):
		return r.storeSaved(ctx, e, h)
	}
	return nil
}

// storeSaved takes up what the account's owner called a person when the history
// was told. The address book, which may have come before, knows better.
func (r *Repository) storeSaved(ctx context.Context, e event.Event, h event.History) error {
	known, _, err := r.Contact(ctx, e.Instance, h.Chat)
	if err != nil || known.Saved != "" {
		return err
	}
	return r.StoreContact(ctx, e.Instance, h.Chat, "", h.Name, e.At)
}

// storePast stores messages of the past, whatever they are but edits and
// revokes, with their chat.
func (r *Repository) storePast(ctx context.Context, e event.Event, h event.History, messages []message.Message) error {
	extra := []table.Key{sealKey(e.Instance)}
	for _, m := range messages {
		extra = append(extra, earlyKey(e.Instance, m.ID))
	}
	for race := range maxRaces {
		if err := table.Pause(ctx, race); err != nil {
			return err
		}
		v, err := r.look(ctx, e.Instance, named(h.Chat, e), extra)
		if err != nil {
			return err
		}
		if _, sealed := v.items[sealKey(e.Instance)]; sealed {
			return ErrSealed
		}
		ops, err := r.pastOps(ctx, e, &v, messages)
		if err != nil {
			return err
		}
		if v.chat.revision == 0 && v.chat.CreatedAt.IsZero() {
			v.chat.CreatedAt = e.At
			if !h.Last.IsZero() {
				v.chat.CreatedAt = h.Last
			}
		}
		if h.Ends && !h.Last.Before(v.chat.LastAt) { // nothing was said since
			v.chat.Unread = h.Unread
		}
		if v.chat.Name == "" && !strings.HasSuffix(h.Chat.PN, "@g.us") {
			v.chat.Name = h.Name
		}
		ops = append(append([]table.Op{table.CheckOp(sealKey(e.Instance), table.Absent())}, ops...), v.ops(e.Instance)...)
		err = r.table.Write(ctx, ops...)
		if err == nil {
			return nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return fmt.Errorf("store history of event %s: %w", e.ID, err)
		}
	}
	return fault.New(fault.Unavailable, "the chat is being changed by too many at once")
}

// pastOps write the messages that are not there yet, and bring the chat up to
// date.
func (r *Repository) pastOps(ctx context.Context, e event.Event, v *view, messages []message.Message) ([]table.Op, error) {
	i := e.Instance
	var ops []table.Op
	seen := map[string]bool{"": true} // without an id nobody could tell it from others
	partitions := v.chat.partitions(i)
	for _, m := range messages {
		if seen[idPart(m.ID)] {
			continue
		}
		seen[idPart(m.ID)] = true
		there, err := r.find(ctx, i, m.ID)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(there, func(item table.Item) bool { return slices.Contains(partitions, item.Partition) && wrote(item, m) }) {
			continue
		}
		one, err := pastEvent(e, m)
		if err != nil {
			return nil, err
		}
		early := v.items[earlyKey(i, m.ID)]
		entry := Entry{ID: one.ID, Kind: kindOf(m), Chat: v.chat.Key, At: m.Timestamp, Body: one.Body, Status: later(m.Status, message.Status(early.Text("status"))), edit: waiting(early, m)}
		sort := sortKey(m.Timestamp, m.Timestamp, one.ID)
		key, head := table.Key{Partition: entryPartition(i, v.chat.Key), Sort: sort}, header(m)
		item := encode(entry, key, head)
		if len(entry.Body) > maxInline {
			if item.Attributes["blob"], err = r.storeBody(ctx, i, entry); err != nil {
				return nil, err
			}
			item.Body = nil
		}
		pointer := map[string]any{"entry_partition": key.Partition, "entry_sort": key.Sort}
		marker := header(m)
		marker["past"], marker["entry_partition"], marker["entry_sort"] = true, key.Partition, key.Sort
		ops = append(ops,
			table.PutOp(table.Item{Key: indexKey(i, m.ID, one.ID), Attributes: pointer}, table.Absent()),
			table.PutOp(item, table.Absent()),
			table.PutOp(timeItem(i, entry, sort, head), table.None()),
			table.PutOp(table.Item{Key: earlyKey(i, m.ID), Attributes: marker, Expires: r.now().Add(pastLife)}, asRead(early.Revision)),
		)
		v.chat.remember(m, entry.Kind, sort)
	}
	return ops, nil
}

// pastEvent is the event that a message of the past would have been.
func pastEvent(e event.Event, m message.Message) (event.Event, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return event.Event{}, fmt.Errorf("marshal message %s: %w", m.ID, err)
	}
	act := ""
	if m.Target != nil {
		act = m.Target.Act
	}
	one := e
	one.ID = event.NewID(e.ID, m.Sender.Key(), m.ID, act)
	one.Kind, one.At, one.Body = event.MessageReceived, m.Timestamp, body
	return one, nil
}

// fromPast is where a message stands that the phone's history has brought
// before its own event came.
func fromPast(i instance.ID, v view, m message.Message) (place, bool) {
	item, ok := v.items[earlyKey(i, m.ID)]
	at := place{Partition: item.Text("entry_partition"), Sort: item.Text("entry_sort")}
	return at, ok && item.Flag("past") && wrote(item, m) && slices.Contains(v.chat.partitions(i), at.Partition)
}
