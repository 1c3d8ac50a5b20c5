package transcript_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/transcript"
)

func TestEachEventIsStoredOnceInOrder(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	group := message.Address{PN: "120@g.us"}
	edit := received("E1", maria, 30)
	edit.Target = &message.Target{ID: "A", Act: "edit"}
	reaction := received("R1", maria, 40)
	reaction.Target = &message.Target{ID: "A", Act: "reaction", Emoji: "x"}
	revoke := received("V1", maria, 50)
	revoke.Target = &message.Target{ID: "B", Act: "revoke"}
	vote := received("W1", group, 1)
	vote.Group, vote.Target = true, &message.Target{ID: "P", Act: "vote"}
	read := event.Update{IDs: []string{"C"}, Chat: maria, FromMe: true, Status: message.StatusRead, By: maria}
	bodies := []any{
		received("B", maria, 20), received("A", maria, 10), sent("C", maria, 25), edit, reaction, revoke, vote, read,
	}
	for range 2 { // told again, nothing changes
		store(t, r, bodies...)
		want := []string{
			"120@g.us vote W1 DELIVERY_ACK",
			"77@lid status  ",
			"77@lid message A DELIVERY_ACK",
			"77@lid message B DELETED",
			"77@lid message C READ",
			"77@lid edit E1 DELIVERY_ACK",
			"77@lid reaction R1 DELIVERY_ACK",
			"77@lid revoke V1 DELIVERY_ACK",
		}
		if diff := cmp.Diff(want, lines(t, all(t, r))); diff != "" {
			t.Fatal(diff)
		}
	}
	chats, err := r.Chats(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	want := []transcript.Chat{
		{Key: "120@g.us", Address: group, CreatedAt: start.Add(time.Second), Entries: 1, Messages: 1},
		{Key: "77@lid", Address: maria, Name: "Maria", LastID: "C", LastAt: start.Add(25 * time.Second), CreatedAt: start.Add(20 * time.Second), Unread: 2, Entries: 7, Messages: 4},
	}
	if diff := cmp.Diff(want, chats, cmpopts.IgnoreUnexported(transcript.Chat{})); diff != "" {
		t.Error(diff)
	}
}

func TestStatusOnlyMovesForward(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told []message.Status
		want message.Status
	}{
		"forward":        {[]message.Status{message.StatusServer, message.StatusDelivered, message.StatusRead}, message.StatusRead},
		"late delivery":  {[]message.Status{message.StatusRead, message.StatusDelivered}, message.StatusRead},
		"played":         {[]message.Status{message.StatusPlayed, message.StatusRead}, message.StatusPlayed},
		"error does not": {[]message.Status{message.StatusServer, message.StatusError}, message.StatusServer},
		"unknown":        {[]message.Status{"NEW"}, message.StatusPending},
	} {
		for _, early := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tbl, bucket := open(t)
				r := transcript.NewRepository(tbl, bucket)
				if !early {
					store(t, r, sent("A", maria, 0))
				}
				for _, s := range c.told {
					store(t, r, event.Update{IDs: []string{"A"}, Chat: maria, FromMe: true, Status: s})
				}
				if early { // the message's own event came after its receipts
					store(t, r, sent("A", maria, 0))
				}
				found, err := r.Find(t.Context(), instance, "A")
				if err != nil || len(found) != 1 {
					t.Fatalf("%d entries, %v", len(found), err)
				}
				m, err := found[0].Message()
				if err != nil || m.Status != c.want {
					t.Errorf("status %s, %v, want %s", m.Status, err, c.want)
				}
			})
		}
	}
}

func TestReceiptOfAnotherChatChangesNothing(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	revoke := received("V", message.Address{PN: "666@s.whatsapp.net"}, 9)
	revoke.Target = &message.Target{ID: "A", Act: "revoke"}
	store(t, r, received("A", maria, 0), revoke)
	found, err := r.Find(t.Context(), instance, "A")
	if err != nil || len(found) != 1 || found[0].Status != message.StatusDelivered {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestPhoneNumberAndLIDAreOneChat(t *testing.T) {
	t.Parallel()
	pn, lid := message.Address{PN: maria.PN}, message.Address{LID: maria.LID}
	for name, c := range map[string]struct {
		bodies []any
		key    string
		merged []string
	}{
		"number first": {[]any{received("A", pn, 1), received("B", maria, 2), received("C", lid, 3)}, maria.PN, nil},
		"lid first":    {[]any{received("A", lid, 1), received("B", maria, 2), received("C", pn, 3)}, maria.LID, nil},
		"both apart":   {[]any{received("A", pn, 1), received("B", lid, 2), received("C", maria, 3)}, maria.LID, []string{maria.PN}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, bucket := open(t)
			r := transcript.NewRepository(tbl, bucket)
			store(t, r, c.bodies...)
			store(t, r, c.bodies...)
			store(t, r, received("D", pn, 4), received("E", lid, 0))
			chats, err := r.Chats(t.Context(), instance)
			if err != nil {
				t.Fatal(err)
			}
			want := []transcript.Chat{{
				Key: c.key, Address: maria, Name: "Maria", Merged: c.merged, LastID: "D", LastAt: start.Add(4 * time.Second),
				CreatedAt: start.Add(time.Second), Unread: 5, Entries: 5, Messages: 5,
			}}
			if diff := cmp.Diff(want, chats, cmpopts.IgnoreUnexported(transcript.Chat{})); diff != "" {
				t.Fatal(diff)
			}
			var ids []string
			for _, e := range all(t, r) {
				m, err := e.Message()
				if err != nil || e.Chat != c.key {
					t.Fatalf("entry %+v, %v", e, err)
				}
				ids = append(ids, m.ID)
			}
			if diff := cmp.Diff([]string{"E", "A", "B", "C", "D"}, ids); diff != "" {
				t.Error(diff)
			}
			for _, a := range []message.Address{pn, lid, maria} {
				if got, ok, err := r.ChatOf(t.Context(), instance, a); err != nil || !ok || got.Key != c.key {
					t.Errorf("chat of %v: %q %v %v", a, got.Key, ok, err)
				}
			}
			// A receipt finds its message wherever the entry is.
			store(t, r, event.Update{IDs: []string{"A"}, Chat: maria, Status: message.StatusRead})
			found, err := r.Find(t.Context(), instance, "A")
			if err != nil || len(found) != 1 || found[0].Status != message.StatusRead {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	phone := sent("P", maria, 9)
	phone.ViaAPI = false
	for name, c := range map[string]struct {
		then any
		want int64
	}{
		"nothing":              {sent("S", maria, 9), 3},
		"read to the end":      {event.Update{IDs: []string{"C"}, Chat: maria, Status: message.StatusRead}, 0},
		"read one":             {event.Update{IDs: []string{"A"}, Chat: maria, Status: message.StatusRead}, 2},
		"they read":            {event.Update{IDs: []string{"C"}, Chat: maria, Status: message.StatusRead, FromMe: true}, 3},
		"written on the phone": {phone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, bucket := open(t)
			r := transcript.NewRepository(tbl, bucket)
			store(t, r, received("A", maria, 1), received("B", maria, 2), received("C", maria, 3), c.then)
			chat, ok, err := r.ChatOf(t.Context(), instance, maria)
			if err != nil || !ok || chat.Unread != c.want {
				t.Errorf("%d unread, %v, %v, want %d", chat.Unread, ok, err, c.want)
			}
		})
	}
}

func TestSealAndRemove(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	large := received("L", maria, 5)
	large.Content = json.RawMessage(`{"conversation":"` + strings.Repeat("x", 400<<10) + `"}`)
	store(t, r, received("A", maria, 1), large, sent("B", message.Address{PN: "49@s.whatsapp.net"}, 2))
	before := all(t, r)
	if got, err := before[2].Message(); len(before) != 3 || err != nil || string(got.Content) != string(large.Content) {
		t.Fatalf("the large message came back as %d bytes, %v", len(got.Content), err)
	}
	if err := r.Seal(t.Context(), instance); err != nil {
		t.Fatal(err)
	}
	for _, body := range []any{
		received("Z", maria, 9), event.Update{IDs: []string{"B"}, Chat: message.Address{PN: "49@s.whatsapp.net"}, FromMe: true, Status: message.StatusRead},
	} {
		if err := r.Store(t.Context(), tell(t, body)); !errors.Is(err, transcript.ErrSealed) {
			t.Errorf("store into a sealed transcript: %v", err)
		}
	}
	store(t, r, received("A", maria, 1)) // is there already
	if diff := cmp.Diff(before, all(t, r), cmpopts.IgnoreUnexported(transcript.Entry{})); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		if err := r.Remove(t.Context(), instance); err != nil {
			t.Fatal(err)
		}
	}
	for _, partition := range []string{"transcript-ids#i1", "transcript-time#i1", "transcript#i1#77@lid", "transcript#i1#49@s.whatsapp.net"} {
		if left := items(t, tbl, partition); len(left) > 0 {
			t.Errorf("%d items are left in %s", len(left), partition)
		}
	}
	left := items(t, tbl, "transcript#i1")
	if len(left) != 1 || left[0].Sort != "sealed" || left[0].Expires.IsZero() {
		t.Errorf("left: %+v", left)
	}
	if page, err := bucket.List(t.Context(), "", ""); err != nil || len(page.Objects) != 0 {
		t.Errorf("%d objects are left, %v", len(page.Objects), err)
	}
}

func TestEventsAboutOtherThingsAreLeftAlone(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	counting := table.NewCounting(tbl)
	r := transcript.NewRepository(counting, bucket)
	if err := r.Store(t.Context(), event.Event{Kind: event.QRUpdated, Instance: instance}); err != nil {
		t.Error(err)
	}
	if n := counting.Total().Requests; n != 0 {
		t.Errorf("%d requests", n)
	}
	store(t, r, received("A", maria, 1))
	if n := counting.Total().Requests; n != 2 { // one read, one write
		t.Errorf("a message costs %d requests: %v", n, counting.Counts())
	}
	store(t, r, sent("S", maria, 2), sent("T", maria, 3))
	counting.Reset()
	store(t, r, event.Update{IDs: []string{"T"}, Chat: maria, Status: message.StatusRead, FromMe: true})
	if n := counting.Total().Requests; n != 3 { // chat; its last message; both
		t.Errorf("a receipt costs %d requests: %v", n, counting.Counts())
	}
	counting.Reset()
	store(t, r, event.Update{IDs: []string{"S"}, Chat: maria, Status: message.StatusRead, FromMe: true})
	if n := counting.Total().Requests; n != 4 { // chat; the message by its id, twice; both
		t.Errorf("a receipt of an older message costs %d requests: %v", n, counting.Counts())
	}
	counting.Reset()
	store(t, r, received("A", maria, 1), event.Update{IDs: []string{"S"}, Chat: maria, Status: message.StatusRead, FromMe: true})
	if n := counting.Total().Requests; n != 8 { // as for the first time, and then a look each
		t.Errorf("telling both again costs %d requests: %v", n, counting.Counts())
	}
	if err := r.Store(t.Context(), event.Event{Kind: event.MessageSent, Instance: instance, Body: json.RawMessage(`[]`)}); err == nil {
		t.Error("a garbled event was taken")
	}
}

// TestAReceiptOfMany is about more messages than one transaction takes, of which
// one is told twice.
func TestAReceiptOfMany(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	var ids []string
	for n := range 130 {
		ids = append(ids, fmt.Sprintf("S%d", n))
		if n%3 > 0 { // the others come later
			store(t, r, sent(ids[n], maria, n))
		}
	}
	receipt := event.Update{IDs: append(ids, "S7", ""), Chat: maria, FromMe: true, Status: message.StatusRead}
	store(t, r, receipt, receipt)
	for n, id := range ids {
		if n%3 == 0 {
			store(t, r, sent(id, maria, n))
		}
		found, err := r.Find(t.Context(), instance, id)
		if err != nil || len(found) != 1 || found[0].Status != message.StatusRead {
			t.Errorf("%s: %+v, %v", id, found, err)
		}
		if told, err := r.ReceiptsOf(t.Context(), instance, id); err != nil || len(told) != 1 {
			t.Errorf("%s: %d receipts, %v", id, len(told), err)
		}
	}
	if chats, err := r.Chats(t.Context(), instance); err != nil || len(chats) != 1 || chats[0].Entries != 131 {
		t.Errorf("chats %+v, %v", chats, err)
	}
}

// TestAReceiptOfMuch is about messages too large to be written in one transaction,
// of which some have been when the table fails.
func TestAReceiptOfMuch(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	left := -1 // writes until one is refused, negative for never
	r := transcript.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(_ int, operation string, _ table.Key) tabletest.Fault {
		if operation != "Write" || left < 0 {
			return tabletest.Works
		}
		left--
		if left < 0 {
			return tabletest.Refused
		}
		return tabletest.Works
	}}, bucket)
	var ids []string
	for n := range 20 {
		ids = append(ids, fmt.Sprintf("S%d", n))
		m := sent(ids[n], maria, n)
		m.Text = strings.Repeat("long ", 56<<10) // in the entry, 280 KiB
		store(t, r, m)
	}
	receipt := event.Update{IDs: ids, Chat: maria, FromMe: true, Status: message.StatusRead}
	left = 12
	if err := r.Store(t.Context(), tell(t, receipt)); !errors.Is(err, table.ErrUnavailable) || left >= 0 {
		t.Fatalf("half way: %v", err)
	}
	store(t, r, receipt, receipt)
	for _, id := range ids {
		found, err := r.Find(t.Context(), instance, id)
		if err != nil || len(found) != 1 || found[0].Status != message.StatusRead {
			t.Errorf("%s: %d found, %v", id, len(found), err)
		}
		if told, err := r.ReceiptsOf(t.Context(), instance, id); err != nil || len(told) != 1 {
			t.Errorf("%s: %d receipts, %v", id, len(told), err)
		}
	}
	if chats, err := r.Chats(t.Context(), instance); err != nil || len(chats) != 1 || chats[0].Entries != 21 {
		t.Errorf("chats %+v, %v", chats, err)
	}
}
