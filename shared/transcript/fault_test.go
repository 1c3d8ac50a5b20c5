package transcript_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
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

// TestFaultsLoseAndRepeatNothing tells the same story over a table that fails
// at every single call, in both ways that look alike, and over a sound one.
func TestFaultsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	revoke := received("V", maria, 9)
	revoke.Target = &message.Target{ID: "B", Act: "revoke"}
	story := []any{
		received("A", message.Address{PN: maria.PN}, 1), received("B", message.Address{LID: maria.LID}, 2), received("C", maria, 3),
		sent("S", maria, 4),
		event.Update{IDs: []string{"S", "T"}, Chat: maria, FromMe: true, Status: message.StatusRead},
		sent("T", maria, 5), revoke, edits(received("E", maria, 10), "A", "new"), edits(received("F", maria, 12), "U", "newer"), received("U", maria, 11), past(3, "A"),
	}
	tbl, bucket := open(t)
	sound := transcript.NewRepository(tbl, bucket)
	store(t, sound, story...)
	want, known := all(t, sound), around(t, sound, instance)
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		t.Run("fault "+strconv.Itoa(int(fault)), func(t *testing.T) {
			t.Parallel()
			for at, more := 0, true; more; at++ {
				id := shared.ID("fault-" + strconv.Itoa(int(fault)) + "-" + strconv.Itoa(at))
				more = false
				r := transcript.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
					if call == at {
						more = true
						return fault
					}
					return tabletest.Works
				}}, bucket)
				for _, body := range story {
					e := tell(t, body)
					e.Instance = id
					if err := r.Store(t.Context(), e); err != nil {
						if err := r.Store(t.Context(), e); err != nil { // as the queue does
							t.Fatal(err)
						}
					}
				}
				if diff := cmp.Diff(want, allOf(t, sound, id), cmpopts.IgnoreUnexported(transcript.Entry{})); diff != "" {
					t.Fatalf("fault at call %d: %s", at, diff)
				}
				if diff := cmp.Diff(known, around(t, sound, id)); diff != "" {
					t.Fatalf("fault at call %d: %s", at, diff)
				}
			}
		})
	}
}

// around is what is known beside the entries: chats, contacts, receipts and the
// listing over all chats.
func around(t testing.TB, r *transcript.Repository, i shared.ID) []string {
	t.Helper()
	var out []string
	chats, err := r.Chats(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chats {
		out = append(out, fmt.Sprintf("chat %s %v %v %d %d %d %s", c.Key, c.Address, c.Merged, c.Unread, c.Entries, c.Messages, c.LastID))
	}
	err = r.Contacts(t.Context(), i, func(c transcript.Contact) bool {
		out = append(out, fmt.Sprintf("contact %s %v %s %s", c.Key, c.Address, c.Name(), c.CreatedAt))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Receipts(t.Context(), i, nil, func(told transcript.Receipt) bool {
		byID, err := r.ReceiptsOf(t.Context(), i, told.Update.IDs[0])
		if err != nil || len(byID) != 1 || cmp.Diff(told, byID[0]) != "" {
			t.Errorf("receipt %+v, by its message %+v, %v", told, byID, err)
		}
		out = append(out, fmt.Sprintf("receipt %+v", told))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	listed, err := r.List(t.Context(), i, transcript.Listing{Limit: 100})
	if err != nil || int(listed.Total) != len(listed.Entries) {
		t.Fatalf("%d of %d listed, %v", len(listed.Entries), listed.Total, err)
	}
	for _, e := range listed.Entries {
		if e.Edit != nil {
			out = append(out, "edit "+e.Edit.ID+" "+e.Edit.Message.Text)
		}
	}
	return append(out, lines(t, listed.Entries)...)
}

func TestConcurrentWritersOfOneChat(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	const writers, each = 4, 10
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range each {
				address := []message.Address{maria, {PN: maria.PN}, {LID: maria.LID}}[rand.N(3)]
				e := tell(t, received(strconv.Itoa(w)+"-"+strconv.Itoa(n), address, n))
				for range 2 {
					if err := r.Store(t.Context(), e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	running.Wait()
	entries := all(t, r)
	chats, err := r.Chats(t.Context(), instance)
	if err != nil || len(entries) != writers*each || len(chats) != 1 || chats[0].Entries != writers*each {
		t.Errorf("%d entries, chats %+v, %v", len(entries), chats, err)
	}
}

// TestSealBetweenReadAndWrite closes the transcript at the worst moment, of a chat
// that is new and of one that is not.
func TestSealBetweenReadAndWrite(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	sound := transcript.NewRepository(tbl, bucket)
	for name, body := range map[string]any{
		"message": received("A", maria, 1), "receipt": event.Update{IDs: []string{"X"}, Chat: maria, FromMe: true, Status: message.StatusRead},
		"receipt of a message": event.Update{IDs: []string{"before"}, Chat: maria, FromMe: true, Status: message.StatusRead},
	} {
		for before := range 2 {
			e := tell(t, body)
			e.Instance = shared.ID(fmt.Sprintf("seal-%s-%d", name, before))
			if before > 0 {
				was := tell(t, sent("before", maria, 0))
				was.Instance = e.Instance
				if err := sound.Store(t.Context(), was); err != nil {
					t.Fatal(err)
				}
			}
			r := transcript.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(_ int, operation string, _ table.Key) tabletest.Fault {
				if operation == "Write" {
					if err := sound.Seal(t.Context(), e.Instance); err != nil {
						t.Error(err)
					}
				}
				return tabletest.Works
			}}, bucket)
			if err := r.Store(t.Context(), e); !errors.Is(err, transcript.ErrSealed) {
				t.Errorf("%s: %v", name, err)
			}
			if got := allOf(t, sound, e.Instance); len(got) != before {
				t.Errorf("%s: stored after the seal", name)
			}
		}
	}
}

// torn reads of a batch the seal first, and what else is asked for after something
// has happened: a batch is no snapshot.
type torn struct {
	table.Table
	between func()
}

func (t torn) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	out := map[table.Key]table.Item{}
	for _, seal := range []bool{true, false} {
		some := slices.DeleteFunc(slices.Clone(keys), func(key table.Key) bool { return (key.Sort == "sealed") != seal })
		got, err := t.Table.BatchGet(ctx, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, got)
		if seal {
			t.between()
		}
	}
	return out, nil
}

// TestSealWhileItIsRead closes the transcript between the look at its seal and the
// one at a chat.
func TestSealWhileItIsRead(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	sound := transcript.NewRepository(tbl, bucket)
	store(t, sound, sent("before", maria, 0))
	for name, body := range map[string]any{
		"message": received("A", maria, 1), "in a new chat": received("B", message.Address{PN: "49@s.whatsapp.net"}, 1),
		"receipt": event.Update{IDs: []string{"before"}, Chat: maria, FromMe: true, Status: message.StatusRead},
	} {
		if err := tbl.Delete(t.Context(), table.Key{Partition: "transcript#" + instance, Sort: "sealed"}, table.None()); err != nil {
			t.Fatal(err)
		}
		r := transcript.NewRepository(torn{tbl, func() {
			if err := sound.Seal(t.Context(), instance); err != nil {
				t.Error(err)
			}
		}}, bucket)
		if err := r.Store(t.Context(), tell(t, body)); !errors.Is(err, transcript.ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := all(t, sound); len(got) != 1 {
		t.Errorf("%d entries", len(got))
	}
}

// TestNothingIsStoredAfterTheSeal while several write to chats old and new.
func TestNothingIsStoredAfterTheSeal(t *testing.T) {
	t.Parallel()
	tbl, bucket := open(t)
	r := transcript.NewRepository(tbl, bucket)
	var running sync.WaitGroup
	var enough sync.WaitGroup
	enough.Add(4)
	for w := range 4 {
		running.Go(func() {
			for n := 0; ; n++ {
				if n == 5 {
					enough.Done()
				}
				chat := message.Address{PN: strconv.Itoa(rand.N(60)) + "@s.whatsapp.net"}
				err := r.Store(t.Context(), tell(t, received(fmt.Sprintf("%d-%d", w, n), chat, n)))
				if errors.Is(err, transcript.ErrSealed) && n >= 5 {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	enough.Wait()
	faulty := &tabletest.Faulty{Inner: tbl, Plan: func(call int, operation string, _ table.Key) tabletest.Fault {
		if operation == "Write" || call%3 == 2 {
			return []tabletest.Fault{tabletest.Works, tabletest.Lost, tabletest.Persisted}[rand.N(3)]
		}
		return tabletest.Works
	}}
	sealing := transcript.NewRepository(faulty, bucket)
	for sealing.Seal(t.Context(), instance) != nil { // as the archive's queue does
	}
	sealed := len(all(t, r))
	running.Wait()
	if now := len(all(t, r)); now != sealed || now < 20 {
		t.Errorf("%d entries at the seal, %d afterwards", sealed, now)
	}
	if err := r.Seal(t.Context(), instance); err != nil {
		t.Error(err)
	}
}
