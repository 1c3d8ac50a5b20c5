package command_test

import (
	"encoding/json"
	"errors"
	"testing"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func TestOnce(t *testing.T) {
	t.Parallel()
	once := command.NewOnce(tablesqlite.New(sqlitetest.Open(t, sqlite.Options{})))
	ctx := t.Context()
	got, err := once.Begin(ctx, "i", "key", []byte("body"), "A")
	if err != nil || got.MessageID != "A" || got.Sent != nil {
		t.Fatalf("first: %+v, %v", got, err)
	}
	if got, err = once.Begin(ctx, "i", "key", []byte("body"), "B"); err != nil || got.MessageID != "A" || got.Sent != nil {
		t.Errorf("again: %+v, %v", got, err)
	}
	_, err = once.Begin(ctx, "i", "key", []byte("another"), "C")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != "idempotency_key_reused" || e.Kind != fault.Conflict {
		t.Errorf("another body: %v", err)
	}
	if got, err = once.Begin(ctx, "j", "key", []byte("another"), "D"); err != nil || got.MessageID != "D" {
		t.Errorf("another instance: %+v, %v", got, err)
	}
	if err := once.Done(ctx, "i", "A", command.Sent{Message: json.RawMessage(`{"id":"A"}`)}); err != nil {
		t.Fatal(err)
	}
	if got, err = once.Begin(ctx, "i", "key", []byte("body"), "E"); err != nil || got.MessageID != "A" || got.Sent == nil || string(got.Sent.Message) != `{"id":"A"}` {
		t.Errorf("after it was sent: %+v, %v", got, err)
	}
}

// Whatever becomes of the write, the id of a message is the same for all who ask.
func TestOnceWithFaults(t *testing.T) {
	t.Parallel()
	for _, happens := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		faulty := &tabletest.Faulty{
			Inner: tablesqlite.New(sqlitetest.Open(t, sqlite.Options{})),
			Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
				if call == 0 {
					return happens
				}
				return tabletest.Works
			},
		}
		once := command.NewOnce(faulty)
		got, err := once.Begin(t.Context(), "i", "key", []byte("body"), "A")
		again, againErr := once.Begin(t.Context(), "i", "key", []byte("body"), "B")
		if againErr != nil || err == nil && got.MessageID != again.MessageID {
			t.Errorf("%v: %+v, %v and then %+v, %v", happens, got, err, again, againErr)
		}
		if happens == tabletest.Persisted && again.MessageID != "A" {
			t.Errorf("the write that counts is forgotten: %+v", again)
		}
	}
}
