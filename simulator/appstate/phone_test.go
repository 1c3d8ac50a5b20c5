package appstate

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/types"
)

var (
	alice    = types.NewJID("49151000001", types.DefaultUserServer)
	aliceLID = types.NewJID("1000000000001", types.HiddenUserServer)
	when     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func contact(i int) types.JID {
	return types.NewJID(fmt.Sprintf("4917%08d", i), types.DefaultUserServer)
}

func mustPush(t *testing.T, p *Phone, cs Collections, change Change) uint64 {
	t.Helper()
	version, err := p.Push(cs[change.Collection], change)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func mustFetch(t *testing.T, cl *client, cs Collections, name Name, full bool) []wastate.Mutation {
	t.Helper()
	mutations, err := cl.fetch(t, cs, name, full)
	if err != nil {
		t.Fatal(err)
	}
	return mutations
}

func everyChange() []Change {
	return []Change{
		PushName("Alice Ä <b>"),
		Archive(alice, true, when, nil),
		Archive(alice, false, when, nil),
		Pin(alice, true),
		Pin(alice, false),
		Mute(alice, when),
		Mute(alice, time.Time{}),
		Unmute(alice),
		MarkRead(alice, true, when, nil),
		MarkRead(alice, false, when, nil),
		Star(alice, alice, "3EB0", false, true),
		DeleteChat(alice, when, nil, true),
		Contact(alice, aliceLID, "Alice Example", "Alice"),
		Label("1", "New & <old>", 3, false),
		LabelChat(alice, "1", true),
		LabelMessage(alice, "1", "3EB0", true),
	}
}

func TestWhatsmeowReadsWhatThePhoneMakes(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	cl := newClient(t, &blobs{}, key)
	for _, change := range everyChange() {
		mustPush(t, phone, cs, change)
		var got []Op
		for _, m := range mustFetch(t, cl, cs, change.Collection, false) {
			if m.Operation != waServerSync.SyncdMutation_SET {
				t.Errorf("%v: operation %v", m.Index, m.Operation)
			}
			got = append(got, Op{Index: m.Index, Version: m.Version, Value: m.Action})
		}
		if diff := cmp.Diff(change.Ops, got, protocmp.Transform(), protocmp.IgnoreFields(got[0].Value, "timestamp")); diff != "" {
			t.Errorf("%s (-made +read):\n%s", change.Collection, diff)
		}
		if _, ok := phone.Lookup(change.Collection, change.Ops[0].Index...); !ok {
			t.Errorf("phone forgot %v", change.Ops[0].Index)
		}
	}
}

func TestPhoneReadsWhatWhatsmeowMakes(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	cl := newClient(t, &blobs{}, key)
	infos := []wastate.PatchInfo{
		wastate.BuildSettingPushName("Bob"),
		wastate.BuildArchive(alice, true, when, nil),
		wastate.BuildArchive(alice, false, when, nil),
		wastate.BuildMute(alice, true, time.Hour),
		wastate.BuildStar(alice, contact(1), "3EB0", true, true),
		wastate.BuildLabelEdit("1", "<&>", 3, false),
		wastate.BuildDeleteChat(alice, when, nil, false),
	}
	for _, info := range infos {
		info.Timestamp = when
		mustFetch(t, cl, cs, info.Type, false)
		if err := cl.push(t, cs, key.ID, info); err != nil {
			t.Fatal(err)
		}
		mutations, err := phone.Pull(cs[info.Type])
		if err != nil {
			t.Fatal(err)
		}
		var got []Op
		for _, m := range mutations {
			if m.Removed || m.Kind != m.Index[0] || m.Collection != info.Type || m.Version != cs[info.Type].Version() {
				t.Errorf("mutation %+v", m)
			}
			got = append(got, Op{Index: m.Index, Version: m.ActionVersion, Value: m.Action})
		}
		if diff := cmp.Diff(Built(info).Ops, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-made +read):\n%s", info.Type, diff)
		}
	}
	if action, ok := phone.Lookup(wastate.WAPatchRegularLow, wastate.IndexArchive, alice.String()); !ok || action.GetArchiveChatAction().GetArchived() {
		t.Errorf("archived = %v, %v; want false, true", action, ok)
	}
	if again, err := phone.Pull(cs[wastate.WAPatchRegularLow]); err != nil || len(again) != 0 {
		t.Errorf("second Pull = %v, %v", again, err)
	}
}

func TestManyMutations(t *testing.T) {
	t.Parallel()
	const patches, each = 40, 25
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	cl := newClient(t, &blobs{}, key)
	name := wastate.WAPatchCriticalUnblockLow
	cs[name].PatchesPerAnswer = 7
	for i := range patches {
		var changes []Change
		for j := range each {
			changes = append(changes, Contact(contact(i*each+j), types.EmptyJID, fmt.Sprint(i, j), ""))
		}
		if _, err := phone.Push(cs[name], changes...); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustFetch(t, cl, cs, name, false); len(got) != patches*each {
		t.Fatalf("%d mutations, want %d", len(got), patches*each)
	}
	if got := cl.store.versions[string(name)].Version; got != patches {
		t.Errorf("client at version %d, want %d", got, patches)
	}
	restored := NewPhone(key)
	if got, err := restored.Pull(cs[name]); err != nil || len(got) != patches*each {
		t.Fatalf("restored phone: %d mutations, %v", len(got), err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	cl := newClient(t, &blobs{}, key)
	name := wastate.WAPatchCriticalUnblockLow
	add := func(i int) Change { return Contact(contact(i), types.EmptyJID, "x", "x") }
	steps := [][]Change{
		{add(1), add(2), add(3)},
		{Undo(add(1))},
		{Undo(add(2)), add(2)},
		{add(4), Undo(add(4))},
		{add(5), add(5), add(5)},
		{Undo(add(9))},
		{add(1)},
		{Undo(add(3)), Undo(add(3))},
	}
	for i, step := range steps {
		if _, err := phone.Push(cs[name], step...); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		mutations := mustFetch(t, cl, cs, name, false)
		removed := 0
		for _, m := range mutations {
			if m.Operation == waServerSync.SyncdMutation_REMOVE {
				removed++
			}
		}
		want := 0
		for _, c := range step {
			if c.Ops[0].Remove {
				want++
			}
		}
		if removed != want {
			t.Errorf("step %d: %d removals, want %d", i, removed, want)
		}
	}
	for i, want := range map[int]bool{1: true, 2: true, 3: false, 4: false, 5: true, 9: false} {
		if _, ok := phone.Lookup(name, "contact", contact(i).String()); ok != want {
			t.Errorf("contact %d lives: %v, want %v", i, ok, want)
		}
	}
	if got := len(cl.store.macs); got != 3 {
		t.Errorf("client holds %d MACs, want 3", got)
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	cl := newClient(t, &blobs{}, key)
	mustPush(t, phone, cs, Pin(contact(1), true))
	mustFetch(t, cl, cs, wastate.WAPatchRegularLow, false)

	// Two patches the client does not know of yet.
	mustPush(t, phone, cs, Pin(contact(2), true))
	mustPush(t, phone, cs, Pin(contact(1), false))
	if err := cl.push(t, cs, key.ID, wastate.BuildPin(contact(1), true)); err != nil {
		t.Fatalf("client after conflict: %v", err)
	}
	// Now the phone is behind; it must rebase and still report.
	if v := mustPush(t, phone, cs, Pin(contact(3), true)); v != 5 {
		t.Errorf("version %d, want 5", v)
	}
	got, err := phone.Pull(cs[wastate.WAPatchRegularLow])
	if err != nil || len(got) != 1 || got[0].Version != 4 || !got[0].Action.GetPinAction().GetPinned() {
		t.Errorf("Pull = %+v, %v", got, err)
	}
	mustFetch(t, cl, cs, wastate.WAPatchRegularLow, false)
}

func TestConcurrentPhones(t *testing.T) {
	t.Parallel()
	key := NewKey()
	cs := NewCollections()
	const phones, each = 4, 20
	var wg sync.WaitGroup
	for i := range phones {
		wg.Go(func() {
			p := NewPhone(key)
			for j := range each {
				if _, err := p.Push(cs[wastate.WAPatchRegularLow], Pin(contact(i*each+j), true)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	cl := newClient(t, &blobs{}, key)
	if got := mustFetch(t, cl, cs, wastate.WAPatchRegularLow, false); len(got) != phones*each {
		t.Errorf("%d mutations, want %d", len(got), phones*each)
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	old, young := NewKey(), NewKey()
	old.Timestamp, young.Timestamp = when, when.Add(time.Hour)
	phone, cs := NewPhone(old), NewCollections()
	cl := newClient(t, &blobs{}, old, young)
	name := wastate.WAPatchRegularLow
	mustPush(t, phone, cs, Pin(contact(1), true))
	mustPush(t, phone, cs, Pin(contact(2), true))
	mustPush(t, phone, cs, Pin(contact(3), true))
	phone.AddKey(young)
	mustPush(t, phone, cs, Pin(contact(1), false))
	mustPush(t, phone, cs, Undo(Pin(contact(2), true)))
	if _, err := phone.Push(cs[name], Pin(contact(3), false), Undo(Pin(contact(3), true))); err != nil {
		t.Fatal(err)
	}
	mustFetch(t, cl, cs, name, false)
	if got := len(cl.store.macs); got != 1 {
		t.Errorf("client holds %d MACs, want 1", got)
	}
	for i, want := range map[int]bool{1: true, 2: false, 3: false} {
		if _, ok := phone.Lookup(name, "pin_v1", contact(i).String()); ok != want {
			t.Errorf("pin %d lives: %v, want %v", i, ok, want)
		}
	}
	// A companion that has only the old key must notice.
	if _, err := newClient(t, &blobs{}, old).fetch(t, cs, name, false); !errors.Is(err, wastate.ErrKeyNotFound) {
		t.Errorf("client without the key: %v", err)
	}
	if _, err := NewPhone(old).Pull(cs[name]); !errors.Is(err, wastate.ErrKeyNotFound) {
		t.Errorf("phone without the key: %v", err)
	}
	if got := len(phone.Share().GetKeys()); got != 2 {
		t.Errorf("share of %d keys, want 2", got)
	}
	if got := phone.Share(old.ID, []byte("nobody")).GetKeys(); len(got) != 1 || string(got[0].GetKeyID().GetKeyID()) != string(old.ID) {
		t.Errorf("share of the old key = %v", got)
	}
}

func TestPushRefusesForeignCollection(t *testing.T) {
	t.Parallel()
	phone, cs := NewPhone(NewKey()), NewCollections()
	if _, err := phone.Push(cs[wastate.WAPatchRegular], Pin(alice, true)); err == nil {
		t.Error("a pin went into regular")
	}
	if _, err := NewPhone().Push(cs[wastate.WAPatchRegularLow], Pin(alice, true)); !errors.Is(err, wastate.ErrKeyNotFound) {
		t.Errorf("phone without keys: %v", err)
	}
}

func BenchmarkPush(b *testing.B) {
	phone := NewPhone(NewKey())
	c := NewCollection(wastate.WAPatchRegularLow)
	for i := 0; b.Loop(); i++ {
		if _, err := phone.Push(c, Pin(contact(i), true)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPull(b *testing.B) {
	key := NewKey()
	phone := NewPhone(key)
	c := NewCollection(wastate.WAPatchRegularLow)
	for i := range 100 {
		if _, err := phone.Push(c, Pin(contact(i), true)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := NewPhone(key).Pull(c); err != nil {
			b.Fatal(err)
		}
	}
}
