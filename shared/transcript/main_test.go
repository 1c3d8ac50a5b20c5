package transcript_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/shared/blob/folder"
	"roost/shared/event"
	shared "roost/shared/instance"
	"roost/shared/message"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) (*tablesqlite.Table, *folder.Folder) {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"})
	if err != nil {
		t.Fatal(err)
	}
	return tablesqlite.New(db), bucket
}

// instance is the one that every test writes to.
const instance = "i1"

var (
	start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	maria = message.Address{PN: "4915@s.whatsapp.net", LID: "77@lid"}
)

func received(id string, chat message.Address, seconds int) message.Message {
	return message.Message{
		ID: id, Chat: chat, Sender: chat, PushName: "Maria", Timestamp: start.Add(time.Duration(seconds) * time.Second),
		Kind: "conversation", Text: id, Content: json.RawMessage(`{"conversation":"` + id + `"}`), Status: message.StatusDelivered,
	}
}

func sent(id string, chat message.Address, seconds int) message.Message {
	m := received(id, chat, seconds)
	m.FromMe, m.ViaAPI, m.PushName, m.Status = true, true, "", message.StatusPending
	return m
}

// tell makes the event of a message or update. Its id comes from its body.
func tell(t testing.TB, body any) event.Event {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	e := event.Event{Tenant: "default", Instance: instance, Name: "shop", At: start, Body: encoded}
	switch b := body.(type) {
	case message.Message:
		e.Kind, e.Chat, e.ID = event.MessageReceived, b.Chat.Key(), event.NewID("message", b.ID)
		if b.ViaAPI {
			e.Kind = event.MessageSent
		}
		e.At = b.Timestamp
	case event.Update:
		e.Kind, e.Chat, e.ID = event.MessageUpdated, b.Chat.Key(), event.NewID("update", fmt.Sprint(b.IDs), string(b.Status))
	case event.History:
		e.Kind, e.Chat, e.ID = event.HistorySynced, b.Chat.Key(), event.NewID("history", string(encoded))
	case event.Contacts:
		e.Kind, e.ID = event.ContactsUpdated, event.NewID("contacts", string(encoded))
	default:
		t.Fatalf("no event of %T", body)
	}
	return e
}

func store(t testing.TB, r *transcript.Repository, bodies ...any) {
	t.Helper()
	for _, body := range bodies {
		if err := r.Store(t.Context(), tell(t, body)); err != nil {
			t.Fatal(err)
		}
	}
}

func all(t testing.TB, r *transcript.Repository) []transcript.Entry {
	t.Helper()
	return allOf(t, r, instance)
}

func allOf(t testing.TB, r *transcript.Repository, i shared.ID) []transcript.Entry {
	t.Helper()
	var out []transcript.Entry
	for e, err := range r.All(t.Context(), i) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// lines are the entries in short: chat kind message status.
func lines(t testing.TB, entries []transcript.Entry) []string {
	t.Helper()
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		what := ""
		if e.Kind != transcript.KindStatus {
			m, err := e.Message()
			if err != nil {
				t.Fatal(err)
			}
			what = m.ID
		}
		out = append(out, fmt.Sprintf("%s %s %s %s", e.Chat, e.Kind, what, e.Status))
	}
	return out
}

func items(t testing.TB, tbl table.Table, partition string) []table.Item {
	t.Helper()
	var out []table.Item
	for item, err := range table.All(t.Context(), tbl, table.Query{Partition: partition}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, item)
	}
	return out
}
