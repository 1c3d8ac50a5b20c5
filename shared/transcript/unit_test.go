package transcript_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/shared/event"
	shared "roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/transcript"
)

// storeTogether stores events in one unit of work, with what they read read
// before. A unit in which something is told again is refused: then they are stored
// one after another.
func storeTogether(t testing.TB, r *transcript.Repository, on table.Table, events ...event.Event) {
	t.Helper()
	unit := table.NewUnit(on)
	prepared := make([]transcript.Prepared, len(events))
	var keys []table.Key
	again := false
	for n, e := range events {
		var err error
		if prepared[n], err = transcript.Prepare(e); err != nil {
			t.Fatal(err)
		}
		if !prepared[n].Little() {
			t.Fatalf("%s is not little", e.Kind)
		}
		keys = append(keys, prepared[n].Keys()...)
	}
	if _, err := unit.BatchGet(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	for _, p := range prepared {
		if _, err := r.Over(unit).StorePrepared(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	err := unit.Commit(t.Context())
	if errors.Is(err, table.ErrConflict) {
		for n, p := range prepared {
			fresh, err := r.StorePrepared(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			again = again || !fresh && events[n].Kind == event.MessageReceived
		}
		if !again {
			t.Error("refused, and nothing is told again")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTogetherIsOneAfterAnother tells a story in units of work of all lengths,
// with repetitions.
func TestTogetherIsOneAfterAnother(t *testing.T) {
	t.Parallel()
	revoke := received("V", maria, 9)
	revoke.Target = &message.Target{ID: "B", Act: "revoke"}
	onlyPN, onlyLID := message.Address{PN: maria.PN}, message.Address{LID: maria.LID}
	story := []any{
		received("A", onlyPN, 1), received("B", onlyLID, 2),
		event.Contacts{Contacts: []event.Contact{{Address: maria, PushName: "M", Saved: "Maria"}}},
		received("C", maria, 3), sent("S", maria, 4),
		event.Update{IDs: []string{"S"}, Chat: maria, FromMe: true, Status: message.StatusDelivered},
		event.Update{IDs: []string{"T"}, Chat: maria, FromMe: true, Status: message.StatusRead},
		sent("T", maria, 5), revoke,
		edits(received("E", maria, 10), "A", "new"), edits(received("F", maria, 12), "U", "newer"), received("U", maria, 11), received("A", onlyPN, 1),
		event.Update{IDs: []string{"A"}, Chat: onlyPN, Status: message.StatusRead},
	}
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	store(t, r, story...)
	want, known := all(t, r), around(t, r, instance)
	for length := 1; length <= len(story); length++ {
		id := shared.ID("together-" + strconv.Itoa(length))
		events := make([]event.Event, len(story))
		for n, body := range story {
			events[n] = tell(t, body)
			events[n].Instance = id
		}
		for some := range slices.Chunk(events, length) {
			storeTogether(t, r, tbl, some...)
		}
		if diff := cmp.Diff(want, allOf(t, r, id), cmpopts.IgnoreUnexported(transcript.Entry{})); diff != "" {
			t.Errorf("%d together: %s", length, diff)
		}
		if diff := cmp.Diff(known, around(t, r, id)); diff != "" {
			t.Errorf("%d together: %s", length, diff)
		}
	}
}

// TestWhatTogetherCosts is in requests of the table.
func TestWhatTogetherCosts(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	journal := &tabletest.Journal{Inner: tbl}
	r := transcript.NewRepository(journal, bucket)
	ten := make([]event.Event, 10)
	for n := range ten {
		ten[n] = tell(t, received("M"+strconv.Itoa(n), maria, n))
	}
	for _, c := range []struct {
		what   string
		events []event.Event
		cost   int
	}{
		{"a message", []event.Event{tell(t, sent("A", maria, 1))}, 2},
		{"its receipt", []event.Event{tell(t, event.Update{IDs: []string{"A"}, Chat: maria, FromMe: true, Status: message.StatusDelivered})}, 3},
		{"a message with its receipt", []event.Event{
			tell(t, sent("B", maria, 2)), tell(t, event.Update{IDs: []string{"B"}, Chat: maria, FromMe: true, Status: message.StatusDelivered}),
		}, 2},
		{"ten messages", ten, 2},
		{"contacts", []event.Event{tell(t, event.Contacts{Contacts: []event.Contact{{Address: maria, Saved: "Maria"}}})}, 2},
	} {
		journal.Reset()
		storeTogether(t, r, journal, c.events...)
		if got := journal.Requests(); len(got) != c.cost {
			t.Errorf("%s: %d requests, not %d: %v", c.what, len(got), c.cost, got)
		}
	}
}
