package appstate

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/types"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	key, young := NewKey(), NewKey()
	phone, cs, b := NewPhone(key), NewCollections(), &blobs{}
	name := wastate.WAPatchRegularLow
	mustPush(t, phone, cs, Pin(contact(1), true))
	mustPush(t, phone, cs, Pin(contact(2), true))
	mustPush(t, phone, cs, Undo(Pin(contact(2), true)))
	young.Timestamp = key.Timestamp.Add(1)
	phone.AddKey(young)
	mustPush(t, phone, cs, Pin(contact(3), true))
	if err := phone.PublishSnapshot(cs[name], b.upload); err != nil {
		t.Fatal(err)
	}
	mustPush(t, phone, cs, Pin(contact(1), false))

	cl := newClient(t, b, key, young)
	got := mustFetch(t, cl, cs, name, true)
	// Two live records, then the patch after the snapshot: contact 1 moves to
	// the new key, which is a removal and a set.
	if len(got) != 4 || got[0].PatchVersion != 4 || got[3].PatchVersion != 5 {
		t.Fatalf("%d mutations: %+v", len(got), got)
	}
	if err := cl.push(t, cs, young.ID, wastate.BuildPin(contact(7), true)); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Pull(cs[name]); err != nil {
		t.Fatal(err)
	}

	snapshot, err := phone.Snapshot(name)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := proto.Marshal(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	restored := NewPhone(key, young)
	mutations, err := restored.ApplySnapshot(name, plain)
	if err != nil || len(mutations) != 3 {
		t.Fatalf("ApplySnapshot = %d mutations, %v", len(mutations), err)
	}
	again, err := restored.Snapshot(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot, again, protocmp.Transform()); diff != "" {
		t.Errorf("snapshot of a snapshot (-first +second):\n%s", diff)
	}
	mustPush(t, restored, cs, Pin(contact(8), true))

	snapshot.Records = snapshot.Records[1:]
	plain, err = proto.Marshal(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := restored.ApplySnapshot(name, plain); !errors.Is(err, wastate.ErrMismatchingLTHash) {
		t.Errorf("snapshot without a record: %v", err)
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs, b := NewPhone(key), NewCollections(), &blobs{}
	if err := phone.PublishSnapshot(cs[wastate.WAPatchRegular], b.upload); err != nil {
		t.Fatal(err)
	}
	if got := mustFetch(t, newClient(t, b, key), cs, wastate.WAPatchRegular, true); len(got) != 0 {
		t.Errorf("mutations %v", got)
	}
}

func TestExternalMutations(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs, b := NewPhone(key), NewCollections(), &blobs{}
	name := wastate.WAPatchCriticalUnblockLow
	var changes []Change
	for i := range 50 {
		changes = append(changes, Contact(contact(i), types.EmptyJID, "x", "x"))
	}
	if _, err := phone.PushExternal(cs[name], b.upload, changes...); err != nil {
		t.Fatal(err)
	}
	if got := mustFetch(t, newClient(t, b, key), cs, name, false); len(got) != 50 {
		t.Errorf("client read %d mutations", len(got))
	}
	restored := NewPhone(key)
	if _, err := restored.Pull(cs[name]); err == nil {
		t.Error("external mutations read without a download")
	}
	restored.Download = b.download
	if got, err := restored.Pull(cs[name]); err != nil || len(got) != 50 {
		t.Errorf("phone read %d mutations, %v", len(got), err)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs, b := NewPhone(key), NewCollections(), &blobs{}
	name := wastate.WAPatchRegular
	mustPush(t, phone, cs, Label("1", "<&>", 1, false))
	mustPush(t, phone, cs, Label("2", "two", 1, false))
	message, err := phone.Recovery(name, "REQ")
	if err != nil {
		t.Fatal(err)
	}
	response := message.GetProtocolMessage().GetPeerDataOperationRequestResponseMessage()
	recovery, err := wastate.ParseRecovery(response.GetPeerDataOperationResult()[0].GetSyncdSnapshotFatalRecoveryResponse())
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, b, key)
	if got, err := cl.proc.ProcessRecovery(t.Context(), recovery); err != nil || len(got) != 2 {
		t.Fatalf("recovered %d mutations, %v", len(got), err)
	}
	// The MACs must be right, or the next patch fails.
	mustPush(t, phone, cs, Undo(Label("1", "", 0, false)))
	mustFetch(t, cl, cs, name, false)
}

// A client that writes its JSON index otherwise than this package must find
// its records removable and recoverable.
func TestForeignIndexEncoding(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	name := wastate.WAPatchRegular
	p := NewPhone(key)
	s := p.state(name)
	m, err := p.seal(0, key.ID, []byte(`[ "label_edit", "1<" ]`), Op{Value: &waSyncAction.SyncActionValue{}}, when)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := p.encode(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := key.expand()
	if err != nil {
		t.Fatal(err)
	}
	patch.Mutations = append(patch.Mutations, m)
	next := s.next(patch.Mutations)
	patch.SnapshotMAC = k.macSnapshot(name, 1, next.Hash[:])
	patch.PatchMAC = k.macPatch(name, 1, patch.SnapshotMAC, patch.Mutations)
	raw, err := proto.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cs[name].Append(0, raw); err != nil {
		t.Fatal(err)
	}
	mustPush(t, phone, cs, Undo(Label("1<", "", 0, false)))
	if _, ok := phone.Lookup(name, "label_edit", "1<"); ok {
		t.Error("record survived its removal")
	}
	cl := newClient(t, &blobs{}, key)
	mustFetch(t, cl, cs, name, false)
	if len(cl.store.macs) != 0 {
		t.Error("client still holds the record")
	}
}
