package transcript

import (
	"context"
	"fmt"
	"slices"
	"time"

	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Receipt is one step of one message.
type Receipt struct {
	Event  string // id of the event that told it
	At     time.Time
	Update event.Update // of this message only
}

// receiptKey is where a message's receipts are.
func receiptKey(i instance.ID, messageID, event string) table.Key {
	return table.Key{Partition: idPartition(i), Sort: idPart(messageID) + "!" + event}
}

func encodeReceipt(e event.Event, u event.Update, messageID string) table.Item {
	a := map[string]any{"event": e.ID, "message": messageID, "at": table.Stamp(e.At), "status": string(u.Status), "from_me": u.FromMe}
	for name, value := range map[string]string{
		"chat_pn": u.Chat.PN, "chat_lid": u.Chat.LID, "by_pn": u.By.PN, "by_lid": u.By.LID, "sender_pn": u.Sender.PN, "sender_lid": u.Sender.LID,
	} {
		if value != "" {
			a[name] = value
		}
	}
	return table.Item{Key: receiptKey(e.Instance, messageID, e.ID), Attributes: a}
}

func decodeReceipt(item table.Item) Receipt {
	address := func(what string) message.Address {
		return message.Address{PN: item.Text(what + "_pn"), LID: item.Text(what + "_lid")}
	}
	return Receipt{Event: item.Text("event"), At: item.Time("at"), Update: event.Update{
		IDs: []string{item.Text("message")}, Chat: address("chat"), Sender: address("sender"), By: address("by"),
		FromMe: item.Flag("from_me"), Status: message.Status(item.Text("status")),
	}}
}

// ReceiptsOf returns the receipts of messages with an id, in the order of their
// time.
func (r *Repository) ReceiptsOf(ctx context.Context, i instance.ID, messageID string) ([]Receipt, error) {
	var out []Receipt
	query := table.Query{Partition: idPartition(i), Prefix: idPart(messageID) + "!"}
	for item, err := range table.All(ctx, r.table, query) {
		if err != nil {
			return nil, fmt.Errorf("read receipts of message %s: %w", messageID, err)
		}
		out = append(out, decodeReceipt(item))
	}
	slices.SortStableFunc(out, func(a, b Receipt) int { return a.At.Compare(b.At) })
	return out, nil
}

// Receipts walks all receipts of an instance, or of one chat, chat after chat
// in the order of time, and hands each to yield until that returns false.
func (r *Repository) Receipts(ctx context.Context, i instance.ID, chat *Chat, yield func(Receipt) bool) error {
	chats := []Chat{}
	if chat != nil {
		chats = append(chats, *chat)
	} else {
		var err error
		if chats, err = r.Chats(ctx, i); err != nil {
			return err
		}
	}
	for _, c := range chats {
		for e, err := range r.Entries(ctx, i, c) {
			if err != nil {
				return err
			}
			if e.Kind != KindStatus {
				continue
			}
			u, err := e.Update()
			if err != nil {
				return err
			}
			for _, id := range u.IDs {
				one := u
				one.IDs = []string{id}
				if !yield(Receipt{Event: e.ID, At: e.At, Update: one}) {
					return nil
				}
			}
		}
	}
	return nil
}
