package transcript

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Edit is the latest edit of a message.
type Edit struct {
	ID      string // message id of the edit itself
	At      time.Time
	Message message.Message // the message as it is since
}

// place is where an entry stands.
type place table.Key

// edited notes at a message that the entry at a place is an edit of it; the
// latest one counts. An edit that comes before its message waits for it, as a
// status does. WhatsApp lets nobody edit what others wrote, and checks it at the
// receiver's: an edit that pretends to is kept, and changes nothing.
func (r *Repository) edited(ctx context.Context, i instance.ID, c Chat, m message.Message, at place) error {
	return r.amend(ctx, i, c, m.Target.ID, false, func(item *table.Item) bool {
		early := item.Text("kind") == ""
		if at.Sort <= item.Text("edit_sort") || !early && (Kind(item.Text("kind")) != KindMessage || !wrote(*item, m)) {
			return false
		}
		item.Attributes["edit_partition"], item.Attributes["edit_sort"] = at.Partition, at.Sort
		if early {
			for name, value := range header(m) {
				item.Attributes["edit_"+name] = value
			}
		}
		return true
	}, nil)
}

// wrote reports whether an entry's message and another are of one author. In a
// chat of two, which side it is from says so.
func wrote(entry table.Item, m message.Message) bool {
	if entry.Flag("from_me") != m.FromMe {
		return false
	}
	author := entry.Text("sender")
	return m.FromMe || !m.Group && !strings.HasSuffix(m.Chat.PN, "@g.us") || author != "" && (author == m.Sender.PN || author == m.Sender.LID)
}

// waiting is where the edit stands that has come before its message.
func waiting(early table.Item, m message.Message) place {
	edit := message.Message{Chat: m.Chat, Group: m.Group, FromMe: early.Flag("edit_from_me")}
	edit.Sender.PN = early.Text("edit_sender")
	if !wrote(table.Item{Attributes: header(m)}, edit) {
		return place{}
	}
	return place{Partition: early.Text("edit_partition"), Sort: early.Text("edit_sort")}
}

// decodeAll reads entries, those of messages with their edits.
func (r *Repository) decodeAll(ctx context.Context, items []table.Item) ([]Entry, error) {
	var keys []table.Key
	out := make([]Entry, 0, len(items))
	for _, item := range items {
		e, err := r.decode(ctx, item)
		if err != nil {
			return nil, err
		}
		if e.edit.Sort != "" {
			keys = append(keys, table.Key(e.edit))
		}
		out = append(out, e)
	}
	if len(keys) == 0 {
		return out, nil
	}
	edits, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read edits: %w", err)
	}
	for n := range out {
		item, ok := edits[table.Key(out[n].edit)]
		if !ok {
			continue
		}
		if out[n].Edit, err = r.decodeEdit(ctx, out[n], item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// decodeEdit reads an edit, nil for one that says nothing.
func (r *Repository) decodeEdit(ctx context.Context, of Entry, item table.Item) (*Edit, error) {
	e, err := r.decode(ctx, item)
	if err != nil {
		return nil, err
	}
	edit, err := e.Message()
	if err != nil {
		return nil, err
	}
	m, err := of.Message()
	if err != nil {
		return nil, err
	}
	revised, changed := m.Revise(edit)
	if !changed {
		return nil, nil //nolint:nilnil // there is none
	}
	return &Edit{ID: edit.ID, At: e.At, Message: revised}, nil
}
