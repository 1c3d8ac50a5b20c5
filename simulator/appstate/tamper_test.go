package appstate

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waServerSync"
)

// remac makes the outer MACs right again, so that the inner ones are tested.
func remac(t *testing.T, key Key, name Name, patch *waServerSync.SyncdPatch) {
	t.Helper()
	k, err := key.expand()
	if err != nil {
		t.Fatal(err)
	}
	next := newState(name).next(patch.Mutations)
	patch.SnapshotMAC = k.macSnapshot(name, 1, next.Hash[:])
	patch.PatchMAC = k.macPatch(name, 1, patch.SnapshotMAC, patch.Mutations)
}

func TestTampering(t *testing.T) {
	t.Parallel()
	key := NewKey()
	name := wastate.WAPatchRegularLow
	flip := func(b []byte, i int) { b[(i+len(b))%len(b)] ^= 1 }
	record := func(p *waServerSync.SyncdPatch) *waServerSync.SyncdRecord { return p.Mutations[0].Record }
	tests := map[string]struct {
		tamper func(p *waServerSync.SyncdPatch)
		want   error
		// crashes says that whatsmeow panics on it.
		crashes bool
	}{
		"nothing":    {func(*waServerSync.SyncdPatch) {}, nil, false},
		"ciphertext": {func(p *waServerSync.SyncdPatch) { flip(record(p).Value.Blob, 20) }, wastate.ErrMismatchingContentMAC, false},
		"iv":         {func(p *waServerSync.SyncdPatch) { flip(record(p).Value.Blob, 0) }, wastate.ErrMismatchingContentMAC, false},
		"value MAC":  {func(p *waServerSync.SyncdPatch) { flip(record(p).Value.Blob, -1) }, wastate.ErrMismatchingLTHash, false},
		"remade MAC": {func(p *waServerSync.SyncdPatch) { flip(record(p).Value.Blob, -1); remac(t, key, name, p) }, wastate.ErrMismatchingContentMAC, false},
		"index MAC":  {func(p *waServerSync.SyncdPatch) { flip(record(p).Index.Blob, 0) }, wastate.ErrMismatchingIndexMAC, false},
		"operation":  {func(p *waServerSync.SyncdPatch) { p.Mutations[0].Operation = waServerSync.SyncdMutation_REMOVE.Enum() }, wastate.ErrMismatchingLTHash, false},
		"remade op": {func(p *waServerSync.SyncdPatch) {
			p.Mutations[0].Operation = waServerSync.SyncdMutation_REMOVE.Enum()
			remac(t, key, name, p)
		}, wastate.ErrMismatchingContentMAC, false},
		"snapshot MAC":  {func(p *waServerSync.SyncdPatch) { flip(p.SnapshotMAC, 0) }, wastate.ErrMismatchingLTHash, false},
		"patch MAC":     {func(p *waServerSync.SyncdPatch) { flip(p.PatchMAC, 0) }, wastate.ErrMismatchingPatchMAC, false},
		"no patch MAC":  {func(p *waServerSync.SyncdPatch) { p.PatchMAC = nil }, wastate.ErrMismatchingPatchMAC, false},
		"lost mutation": {func(p *waServerSync.SyncdPatch) { p.Mutations = p.Mutations[1:] }, wastate.ErrMismatchingLTHash, false},
		"patch key":     {func(p *waServerSync.SyncdPatch) { p.KeyID.ID = []byte("nobody") }, wastate.ErrKeyNotFound, false},
		"record key":    {func(p *waServerSync.SyncdPatch) { record(p).KeyID.ID = []byte("nobody") }, wastate.ErrKeyNotFound, false},
		"short value":   {func(p *waServerSync.SyncdPatch) { record(p).Value.Blob = []byte("short") }, ErrMalformed, true},
		"no record":     {func(p *waServerSync.SyncdPatch) { p.Mutations[0].Record = nil }, ErrMalformed, true},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			raw, err := NewPhone(key).Encode(name, Archive(alice, true, when, nil))
			if err != nil {
				t.Fatal(err)
			}
			var patch waServerSync.SyncdPatch
			if err := proto.Unmarshal(raw, &patch); err != nil {
				t.Fatal(err)
			}
			test.tamper(&patch)
			if raw, err = proto.Marshal(&patch); err != nil {
				t.Fatal(err)
			}
			cs := NewCollections()
			if _, err := cs[name].Append(0, raw); err != nil {
				t.Fatal(err)
			}
			phone := NewPhone(key)
			if _, err := phone.Pull(cs[name]); !errors.Is(err, test.want) {
				t.Errorf("phone: %v, want %v", err, test.want)
			}
			if test.want != nil && phone.Version(name) != 0 {
				t.Error("phone took a broken patch")
			}
			if test.crashes {
				return
			}
			if _, err := newClient(t, &blobs{}, key).fetch(t, cs, name, false); !errors.Is(err, test.want) {
				t.Errorf("whatsmeow: %v, want %v", err, test.want)
			}
		})
	}
}

func TestApplyNeedsTheNextVersion(t *testing.T) {
	t.Parallel()
	key := NewKey()
	phone, cs := NewPhone(key), NewCollections()
	mustPush(t, phone, cs, Pin(contact(1), true))
	mustPush(t, phone, cs, Pin(contact(2), true))
	patches, _ := cs[wastate.WAPatchRegularLow].Since(1)
	if _, err := NewPhone(key).Apply(wastate.WAPatchRegularLow, patches[0]); !errors.Is(err, ErrVersionGap) {
		t.Errorf("err = %v, want ErrVersionGap", err)
	}
	if _, err := phone.Apply(wastate.WAPatchRegularLow, patches[0]); !errors.Is(err, ErrVersionGap) {
		t.Errorf("twice: err = %v, want ErrVersionGap", err)
	}
}

func FuzzApply(f *testing.F) {
	key := Key{ID: []byte("key-id"), Data: make([]byte, 32)}
	name := wastate.WAPatchRegularLow
	c := NewCollection(name)
	for _, change := range []Change{Archive(alice, true, when, nil), Undo(Pin(alice, true))} {
		if _, err := NewPhone(key).Push(c, change); err != nil {
			f.Fatal(err)
		}
	}
	patches, _ := c.Since(0)
	for _, p := range patches {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		phone := NewPhone(key)
		if _, err := phone.Apply(name, raw); (err == nil) != (phone.Version(name) == 1) {
			t.Errorf("version %d after %v", phone.Version(name), err)
		}
		if _, err := phone.ApplySnapshot(name, raw); err != nil {
			return
		}
		if _, err := phone.Snapshot(name); err != nil {
			t.Error(err)
		}
	})
}

// FuzzDecode gets behind the MACs: the bytes are the plaintext of an action.
func FuzzDecode(f *testing.F) {
	key := Key{ID: []byte("key-id"), Data: make([]byte, 32)}
	k, err := key.expand()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("\x0a\x08[\"mute\"]"), []byte(`["mute"]`))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, plain, index []byte) {
		encrypted, err := k.encrypt(plain)
		if err != nil {
			t.Fatal(err)
		}
		patch := &waServerSync.SyncdPatch{
			Version: &waServerSync.SyncdVersion{Version: proto.Uint64(1)},
			KeyID:   &waServerSync.KeyId{ID: key.ID},
			Mutations: []*waServerSync.SyncdMutation{{Record: &waServerSync.SyncdRecord{
				Index: &waServerSync.SyncdIndex{Blob: k.macIndex(index)},
				Value: &waServerSync.SyncdValue{Blob: append(encrypted, k.macValue(0, key.ID, encrypted)...)},
				KeyID: &waServerSync.KeyId{ID: key.ID},
			}}},
		}
		remac(t, key, wastate.WAPatchRegular, patch)
		raw, err := proto.Marshal(patch)
		if err != nil {
			t.Fatal(err)
		}
		mutations, err := NewPhone(key).Apply(wastate.WAPatchRegular, raw)
		if err == nil && (len(mutations) != 1 || len(mutations[0].Index) == 0) {
			t.Errorf("mutations %v", mutations)
		}
	})
}
