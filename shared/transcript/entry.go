package transcript

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

// Kind says what an entry is.
type Kind string

// The kinds and their bodies. Append-only: archives hold them.
const (
	KindMessage  Kind = "message"  // message.Message
	KindEdit     Kind = "edit"     // message.Message with Target
	KindRevoke   Kind = "revoke"   // message.Message with Target
	KindReaction Kind = "reaction" // message.Message with Target
	KindVote     Kind = "vote"     // message.Message with Target
	KindStatus   Kind = "status"   // event.Update
)

// Entry is one line of a transcript.
type Entry struct {
	ID     string         `json:"id"` // of the event
	Kind   Kind           `json:"kind"`
	Chat   string         `json:"chat"`             // key of the chat
	At     time.Time      `json:"at"`               // WhatsApp's time, of a receipt when it came
	Status message.Status `json:"status,omitempty"` // of a message: the furthest it has come
	// Body is as the kind says. A message's own status in it is that of its
	// arrival.
	Body json.RawMessage `json:"body"`

	// Sort is the entry's place in its chat: for going on after it.
	Sort string `json:"-"`
	// Edit is the latest edit of a message, nil for none. Walks through whole
	// chats do not look for it: the edit is an entry of its own there.
	Edit *Edit `json:"-"`

	edit place // of the latest edit, where that is known
}

// Message decodes the body of every kind but KindStatus, with the status that
// the message has reached.
func (e Entry) Message() (message.Message, error) {
	var m message.Message
	if err := json.Unmarshal(e.Body, &m); err != nil {
		return message.Message{}, fmt.Errorf("read entry %s: %w", e.ID, err)
	}
	if e.Status != "" {
		m.Status = e.Status
	}
	return m, nil
}

// Update decodes the body of KindStatus.
func (e Entry) Update() (event.Update, error) {
	var u event.Update
	if err := json.Unmarshal(e.Body, &u); err != nil {
		return event.Update{}, fmt.Errorf("read entry %s: %w", e.ID, err)
	}
	return u, nil
}

// kindOf names what a message is.
func kindOf(m message.Message) Kind {
	if m.Target == nil {
		return KindMessage
	}
	switch m.Target.Act {
	case "edit":
		return KindEdit
	case "revoke":
		return KindRevoke
	case "reaction":
		return KindReaction
	case "vote":
		return KindVote
	}
	return KindMessage
}

// maxInline is how large a body may be on the table, in bytes; larger ones go
// into the bucket.
const maxInline = 300 << 10

// maxHeader is how long a value in a header may be, in bytes: message ids are
// chosen by whoever writes.
const maxHeader = 256

func blobKey(i instance.ID, event string) string {
	return "messages/" + string(i) + "/" + event
}

// sortKey orders entries by WhatsApp's time, which counts seconds, then by
// arrival.
func sortKey(at, arrival time.Time, event string) string {
	return fmt.Sprintf("%013d#%013d#%s", max(at.UnixMilli(), 0), max(arrival.UnixMilli(), 0), event)
}

// header is what listings look at without reading a body.
func header(m message.Message) map[string]any {
	a := map[string]any{}
	for name, value := range map[string]string{"message": m.ID, "type": m.Kind, "sender": m.Sender.String()} {
		if value != "" && len(value) <= maxHeader && utf8.ValidString(value) {
			a[name] = value
		}
	}
	if m.FromMe {
		a["from_me"] = true
	}
	return a
}

// Arrival is when the entry's event was made, zero for an entry that was not
// read from the table. To the millisecond.
func (e Entry) Arrival() time.Time {
	_, rest, _ := strings.Cut(e.Sort, "#")
	digits, _, _ := strings.Cut(rest, "#")
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func encode(e Entry, key table.Key, header map[string]any) table.Item {
	a := map[string]any{"id": e.ID, "kind": string(e.Kind), "chat": e.Chat, "at": table.Stamp(e.At)}
	maps.Copy(a, header)
	if e.Status != "" {
		a["status"] = string(e.Status)
	}
	if e.edit.Sort != "" {
		a["edit_partition"], a["edit_sort"] = e.edit.Partition, e.edit.Sort
	}
	return table.Item{Key: key, Attributes: a, Body: e.Body}
}

// decode reads an entry, from the bucket what is there.
func (r *Repository) decode(ctx context.Context, item table.Item) (Entry, error) {
	e := Entry{
		ID: item.Text("id"), Kind: Kind(item.Text("kind")), Chat: item.Text("chat"), Status: message.Status(item.Text("status")),
		Body: item.Body, Sort: item.Sort, edit: place{Partition: item.Text("edit_partition"), Sort: item.Text("edit_sort")},
	}
	at, err := time.Parse(time.RFC3339Nano, item.Text("at"))
	if err != nil {
		return Entry{}, fmt.Errorf("read entry %s: %w", e.ID, err)
	}
	e.At = at
	if key := item.Text("blob"); key != "" {
		stored, _, err := r.bucket.Get(ctx, key, blob.Range{})
		if err != nil {
			return Entry{}, fmt.Errorf("fetch entry %s: %w", e.ID, err)
		}
		defer stored.Close()
		if e.Body, err = io.ReadAll(stored); err != nil {
			return Entry{}, fmt.Errorf("fetch entry %s: %w", e.ID, err)
		}
	}
	return e, nil
}
