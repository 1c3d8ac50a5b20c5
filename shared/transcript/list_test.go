package transcript_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/transcript"
)

// ids are the message ids of entries.
func ids(t testing.TB, entries []transcript.Entry) []string {
	t.Helper()
	out := []string{}
	for _, e := range entries {
		m, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.ID)
	}
	return out
}

func TestListPagesNewestFirst(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	jo := message.Address{PN: "49@s.whatsapp.net"}
	// Maria's two names are apart at first: her chat has two partitions.
	store(t, r, received("A", message.Address{PN: maria.PN}, 1), received("B", message.Address{LID: maria.LID}, 2), received("C", maria, 4))
	store(t, r, received("J1", jo, 3), sent("J2", jo, 5), event.Update{IDs: []string{"J2"}, Chat: jo, FromMe: true, Status: message.StatusRead})
	edit := received("E", maria, 9)
	edit.Target = &message.Target{ID: "A", Act: "edit"}
	reaction := received("R", maria, 10)
	reaction.Target, reaction.Kind = &message.Target{ID: "A", Act: "reaction"}, "reactionMessage"
	store(t, r, edit, reaction)
	chat, ok, err := r.ChatOf(t.Context(), instance, message.Address{PN: maria.PN})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for name, c := range map[string]struct {
		listing transcript.Listing
		want    []string
		total   int64
	}{
		"all":       {transcript.Listing{Limit: 10}, []string{"R", "J2", "C", "J1", "B", "A"}, 6},
		"page":      {transcript.Listing{Skip: 2, Limit: 3}, []string{"C", "J1", "B"}, 6},
		"last page": {transcript.Listing{Skip: 4, Limit: 4}, []string{"B", "A"}, 6},
		"beyond":    {transcript.Listing{Skip: 10, Limit: 4}, []string{}, 6},
		"chat":      {transcript.Listing{Chat: &chat, Limit: 10}, []string{"R", "C", "B", "A"}, 4},
		"chat page": {transcript.Listing{Chat: &chat, Skip: 1, Limit: 2}, []string{"C", "B"}, 4},
		"time":      {transcript.Listing{From: start.Add(2 * time.Second), To: start.Add(4 * time.Second), Limit: 2}, []string{"C", "J1"}, 3},
		"type":      {transcript.Listing{Match: func(h transcript.Header) bool { return h.Type == "reactionMessage" }, Limit: 2}, []string{"R"}, 1},
		"mine":      {transcript.Listing{Match: func(h transcript.Header) bool { return h.FromMe }, Limit: 2}, []string{"J2"}, 1},
		"sender": {
			transcript.Listing{Chat: &chat, Match: func(h transcript.Header) bool { return h.Sender == maria.PN }, Limit: 1},
			[]string{"R"},
			3,
		},
	} {
		listed, err := r.List(t.Context(), instance, c.listing)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, ids(t, listed.Entries)); diff != "" || listed.Total != c.total {
			t.Errorf("%s: total %d, %s", name, listed.Total, diff)
		}
	}
	chats, err := r.Chats(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	last, err := r.Last(t.Context(), instance, chats)
	if err != nil || len(last) != 2 {
		t.Fatalf("%+v, %v", last, err)
	}
	if diff := cmp.Diff([]string{"C", "J2"}, ids(t, []transcript.Entry{last[chat.Key], last[jo.PN]})); diff != "" {
		t.Error(diff)
	}
	newest := []transcript.Entry{}
	for e, err := range r.Newest(t.Context(), instance, chat) {
		if err != nil {
			t.Fatal(err)
		}
		newest = append(newest, e)
	}
	if diff := cmp.Diff([]string{"R", "E", "C", "B", "A"}, ids(t, newest)); diff != "" {
		t.Error(diff)
	}
	if at := newest[0].Arrival(); !at.Equal(start.Add(10 * time.Second)) {
		t.Errorf("arrived at %v", at)
	}
	slices.Reverse(newest)
	for n, from := range newest {
		rest := []transcript.Entry{}
		for e, err := range r.EntriesAfter(t.Context(), instance, chat, from.Sort) {
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, e)
		}
		if diff := cmp.Diff(ids(t, newest[n+1:]), ids(t, rest)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestAListingReadsByKey counts what pages cost in a chat of some length.
func TestAListingReadsByKey(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	counting := table.NewCounting(tbl)
	r := transcript.NewRepository(counting, bucket)
	const messages = 120
	for n := range messages {
		store(t, r, received("M"+strconv.Itoa(n), message.Address{PN: strconv.Itoa(n%3) + "@s.whatsapp.net"}, n))
	}
	counting.Reset()
	listed, err := r.List(t.Context(), instance, transcript.Listing{Skip: 50, Limit: 10})
	if err != nil || listed.Total != messages || len(listed.Entries) != 10 || ids(t, listed.Entries)[0] != "M69" {
		t.Fatalf("%d of %d, %v", len(listed.Entries), listed.Total, err)
	}
	if n := counting.Total().Requests; n != 3 { // chats, headers, bodies
		t.Errorf("a page costs %d requests: %v", n, counting.Counts())
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	group := message.Address{PN: "120@g.us"}
	inGroup := received("G", group, 3)
	inGroup.Group, inGroup.Sender, inGroup.PushName = true, message.Address{LID: maria.LID}, ""
	renamed := received("N", message.Address{PN: maria.PN}, 9)
	renamed.PushName = "Mary"
	want := []string{"120@g.us  true", maria.PN + " Mary false", "49@s.whatsapp.net  false"}
	for name, bodies := range map[string][]any{
		"number, both, lid": {received("A", message.Address{PN: maria.PN}, 1), received("B", maria, 2), inGroup, renamed},
		"lid, both, number": {inGroup, received("A", maria, 1), received("B", message.Address{PN: maria.PN}, 2), renamed},
		"apart, then both":  {inGroup, received("A", message.Address{PN: maria.PN}, 1), received("B", maria, 2), renamed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, bucket := open(t)
			r := transcript.NewRepository(tbl, bucket)
			for range 2 {
				store(t, r, append(bodies, sent("S", message.Address{PN: "49@s.whatsapp.net"}, 4))...)
			}
			var got []string
			err := r.Contacts(t.Context(), instance, func(c transcript.Contact) bool {
				got = append(got, c.Address.String()+" "+c.Name()+" "+strconv.FormatBool(c.Group))
				return true
			})
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
	// The address book's name comes before the person's own.
	store(t, r, received("A", maria, 1))
	book := event.Contacts{Contacts: []event.Contact{{Address: message.Address{PN: maria.PN}, Saved: "Aunt Mary"}, {Address: message.Address{PN: "1@s.whatsapp.net"}, Saved: "Bo"}}}
	for range 2 {
		store(t, r, book)
	}
	c, known, err := r.Contact(t.Context(), instance, message.Address{LID: maria.LID})
	if err != nil || !known || c.Name() != "Aunt Mary" || c.PushName != "Maria" || c.Address != maria {
		t.Errorf("%+v %v %v", c, known, err)
	}
	if _, known, err := r.Contact(t.Context(), instance, message.Address{PN: "2@s.whatsapp.net"}); known || err != nil {
		t.Error("a stranger is known", err)
	}
	if err := r.Seal(t.Context(), instance); err != nil {
		t.Fatal(err)
	}
	book.Contacts[0].Saved = "Other"
	if err := r.Store(t.Context(), tell(t, book)); !errors.Is(err, transcript.ErrSealed) {
		t.Errorf("a contact after the seal: %v", err)
	}
}
