package transcript

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

func labelKey(i instance.ID, id string) table.Key {
	return table.Key{Partition: rootPartition(i), Sort: "label#" + id}
}

func labelledPrefix(chat string) string { return "labelled#" + chat + "#" }

func (r *Repository) storeLabel(ctx context.Context, i instance.ID, l event.Label) error {
	key := labelKey(i, l.ID)
	if l.Deleted {
		return r.keep(ctx, i, table.DeleteOp(key, table.None()))
	}
	a := map[string]any{"name": l.Name, "color": strconv.Itoa(l.Color)}
	if l.Predefined != "" {
		a["predefined"] = l.Predefined
	}
	return r.keep(ctx, i, table.PutOp(table.Item{Key: key, Attributes: a}, table.None()))
}

func (r *Repository) storeLabelled(ctx context.Context, i instance.ID, l event.Labelled) error {
	key := table.Key{Partition: rootPartition(i), Sort: labelledPrefix(l.Chat.Key()) + l.Label}
	if !l.On {
		return r.keep(ctx, i, table.DeleteOp(key, table.None()))
	}
	return r.keep(ctx, i, table.PutOp(table.Item{Key: key}, table.None()))
}

func (r *Repository) keep(ctx context.Context, i instance.ID, op table.Op) error {
	err := r.table.Write(ctx, table.CheckOp(sealKey(i), table.Absent()), op)
	if conflict, ok := errors.AsType[*table.ConflictError](err); ok && conflict.Op == 0 {
		return ErrSealed
	}
	if err != nil {
		return fmt.Errorf("store a label of instance %s: %w", i, err)
	}
	return nil
}

// Labels lists the labels of an instance in the order of their ids.
func (r *Repository) Labels(ctx context.Context, i instance.ID) ([]event.Label, error) {
	out := []event.Label{}
	for item, err := range table.All(ctx, r.table, table.Query{Partition: rootPartition(i), Prefix: "label#"}) {
		if err != nil {
			return nil, fmt.Errorf("list labels of instance %s: %w", i, err)
		}
		color, _ := strconv.Atoi(item.Text("color"))
		out = append(out, event.Label{ID: item.Sort[len("label#"):], Name: item.Text("name"), Color: color, Predefined: item.Text("predefined")})
	}
	return out, nil
}

// LabelsOf lists the ids of the labels that a chat has, under any of its names.
func (r *Repository) LabelsOf(ctx context.Context, i instance.ID, chat message.Address) ([]string, error) {
	out := []string{}
	for _, name := range []string{chat.LID, chat.PN} {
		if name == "" {
			continue
		}
		prefix := labelledPrefix(name)
		for item, err := range table.All(ctx, r.table, table.Query{Partition: rootPartition(i), Prefix: prefix}) {
			if err != nil {
				return nil, fmt.Errorf("list labels of a chat: %w", err)
			}
			if id := item.Sort[len(prefix):]; !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out, nil
}
