package transcript_test

import (
	"fmt"
	"strconv"
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

// past is a piece of Maria's past: n messages that end with the last one.
func past(n int, last string) event.History {
	h := event.History{Chat: maria, Ends: true, Name: "Maria Silva", Unread: 2, Last: start.Add(time.Duration(n) * time.Second)}
	for at := range n {
		h.Messages = append(h.Messages, received(fmt.Sprintf("P%03d", at+1), maria, at+1))
	}
	if last != "" {
		h.Messages[n-1].ID = last
	}
	return h
}

func TestThePastIsFound(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	h := past(45, "")
	h.Messages = append(h.Messages, h.Messages[0]) // told twice in one piece
	edit := edits(received("E", maria, 60), "P002", "new")
	h.Messages = append(h.Messages, edit)
	book := event.Contacts{Contacts: []event.Contact{{Address: message.Address{PN: "4966@s.whatsapp.net"}, Saved: "Aunt"}}}
	renamed := event.History{Chat: book.Contacts[0].Address, Ends: true, Name: "Aunt Ana", Last: start}
	status := event.History{Chat: message.Address{PN: "status@broadcast"}, Ends: true, Name: "Status", Last: start}
	empty := event.History{Chat: message.Address{PN: "4955@s.whatsapp.net"}, Ends: true, Last: start.Add(-time.Hour)}
	group := event.History{Chat: message.Address{PN: "120@g.us"}, Ends: true, Name: "Family", Last: start}
	for range 2 { // told again, nothing changes
		store(t, r, book, h, empty, group, renamed, status)
		chat, ok, err := r.ChatOf(t.Context(), instance, maria)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		want := transcript.Chat{
			Key: maria.LID, Address: maria, Name: "Maria", LastID: "P045", LastAt: start.Add(45 * time.Second),
			CreatedAt: start.Add(time.Second), Unread: 2, Entries: 46, Messages: 45,
		}
		if diff := cmp.Diff(want, chat, cmpopts.IgnoreUnexported(transcript.Chat{})); diff != "" {
			t.Fatal(diff)
		}
		listed, err := r.List(t.Context(), instance, transcript.Listing{Limit: 3})
		if err != nil || listed.Total != 45 {
			t.Fatalf("%d listed, %v", listed.Total, err)
		}
		if diff := cmp.Diff([]string{"P045", "P044", "P043"}, ids(t, listed.Entries)); diff != "" {
			t.Error(diff)
		}
		if text, by := revised(t, r, "P002"); text != "new" || by != "E" {
			t.Errorf("an edit of the past: %q by %q", text, by)
		}
	}
	chats, err := r.Chats(t.Context(), instance)
	if err != nil || len(chats) != 5 {
		t.Fatalf("%+v, %v", chats, err)
	}
	last, err := r.Last(t.Context(), instance, chats)
	if m, _ := last[maria.LID].Message(); err != nil || m.ID != "P045" {
		t.Errorf("the last message is %+v, %v", m, err)
	}
	if c, ok, err := r.Contact(t.Context(), instance, group.Chat); err != nil || !ok || c.Name() != "Family" {
		t.Errorf("the group is %+v, %v", c, err)
	}
	if c, ok, err := r.Contact(t.Context(), instance, maria); err != nil || !ok || c.Saved != "Maria Silva" || c.PushName != "Maria" {
		t.Errorf("whom the owner has saved is %+v, %v", c, err)
	}
	if c, ok, err := r.Contact(t.Context(), instance, renamed.Chat); err != nil || !ok || c.Saved != "Aunt" {
		t.Errorf("whom the address book has is %+v, %v", c, err)
	}
	if c, ok, err := r.Contact(t.Context(), instance, status.Chat); err != nil || ok {
		t.Errorf("the status is a contact: %+v, %v", c, err)
	}
}

func revised(t *testing.T, r *transcript.Repository, id string) (text, edit string) {
	t.Helper()
	found, err := r.Find(t.Context(), instance, id)
	if err != nil || len(found) != 1 || found[0].Edit == nil {
		t.Fatalf("%+v, %v", found, err)
	}
	return found[0].Edit.Message.Text, found[0].Edit.ID
}

// TestThePastMeetsThePresent: what both tell is there once, whoever comes first.
func TestThePastMeetsThePresent(t *testing.T) {
	t.Parallel()
	for name, pastFirst := range map[string]bool{"past first": true, "present first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, bucket := open(t)
			r := transcript.NewRepository(tbl, bucket)
			live := []any{received("P003", maria, 3), received("L", maria, 9)}
			read := event.Update{IDs: []string{"P003"}, Chat: maria, FromMe: true, Status: message.StatusRead}
			if pastFirst {
				store(t, r, past(3, ""))
				store(t, r, live...)
			} else {
				store(t, r, live...)
				store(t, r, past(3, ""))
			}
			store(t, r, read)
			listed, err := r.List(t.Context(), instance, transcript.Listing{Limit: 10})
			if err != nil || listed.Total != 4 {
				t.Fatalf("%d listed, %v", listed.Total, err)
			}
			if diff := cmp.Diff([]string{"L", "P003", "P002", "P001"}, ids(t, listed.Entries)); diff != "" {
				t.Error(diff)
			}
			if listed.Entries[1].Status != message.StatusRead {
				t.Errorf("its status is %s", listed.Entries[1].Status)
			}
			chat, _, err := r.ChatOf(t.Context(), instance, maria)
			if err != nil || chat.LastID != "L" || chat.Entries != 5 {
				t.Errorf("%+v, %v", chat, err)
			}
			if err := r.Remove(t.Context(), instance); err != nil {
				t.Fatal(err)
			}
			for _, partition := range []string{"transcript#" + instance, "transcript-ids#" + instance, "transcript-time#" + instance, "transcript#" + instance + "#" + maria.LID} {
				if left := items(t, tbl, partition); len(left) != 0 {
					t.Errorf("%s: %d items are left", partition, len(left))
				}
			}
		})
	}
}

// TestManyContacts stores an address book in which some stand twice, in few
// requests.
func TestManyContacts(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	requests := 0
	r := transcript.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(int, string, table.Key) tabletest.Fault {
		requests++
		return tabletest.Works
	}}, bucket)
	var told []event.Contact
	for n := range 100 {
		pn, lid := strconv.Itoa(49000+n)+"@s.whatsapp.net", strconv.Itoa(n)+"@lid"
		told = append(told, event.Contact{Address: message.Address{PN: pn, LID: lid}, Saved: "saved " + strconv.Itoa(n)})
		if n%10 == 0 {
			told = append(told, event.Contact{Address: message.Address{LID: lid}, PushName: "push"}, event.Contact{Address: message.Address{PN: pn}, PushName: "push"})
		}
	}
	for round := range 2 {
		requests = 0
		if err := r.StoreContacts(t.Context(), instance, told, start); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d requests for %d contacts", round, requests, len(told))
		if requests > 80 {
			t.Errorf("%d requests", requests)
		}
		n := 0
		err := r.Contacts(t.Context(), instance, func(c transcript.Contact) bool {
			if c.Saved == "" || c.Address.PN == "" || c.Address.LID == "" {
				t.Errorf("%+v", c)
			}
			n++
			return true
		})
		if err != nil || n != 100 {
			t.Fatalf("%d contacts, %v", n, err)
		}
	}
	c, ok, err := r.Contact(t.Context(), instance, message.Address{PN: "49010@s.whatsapp.net"})
	if err != nil || !ok || c.Saved != "saved 10" || c.PushName != "push" {
		t.Errorf("%+v, %v", c, err)
	}
}
