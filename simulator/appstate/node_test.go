package appstate

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	wastate "go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
)

func TestParseCollection(t *testing.T) {
	t.Parallel()
	node := func(attrs waBinary.Attrs, content ...waBinary.Node) waBinary.Node {
		return waBinary.Node{Tag: "collection", Attrs: attrs, Content: content}
	}
	patch := waBinary.Node{Tag: "patch", Content: []byte("p")}
	tests := map[string]struct {
		node waBinary.Node
		want Request
		err  error
	}{
		"whatsmeow snapshot": {node(waBinary.Attrs{"name": "regular", "return_snapshot": true}), Request{Name: "regular", ReturnSnapshot: true}, nil},
		"baileys snapshot":   {node(waBinary.Attrs{"name": "regular", "version": "0", "return_snapshot": "true"}), Request{Name: "regular", ReturnSnapshot: true}, nil},
		"upload":             {node(waBinary.Attrs{"name": "regular", "version": uint64(7), "return_snapshot": false}, patch), Request{Name: "regular", Version: 7, Patch: []byte("p")}, nil},
		"no name":            {node(waBinary.Attrs{"version": "1"}), Request{}, ErrMalformed},
		"bad version":        {node(waBinary.Attrs{"name": "regular", "version": "-1"}), Request{Name: "regular"}, ErrMalformed},
		"bad bool":           {node(waBinary.Attrs{"name": "regular", "return_snapshot": "maybe"}), Request{Name: "regular"}, ErrMalformed},
		"empty patch":        {node(waBinary.Attrs{"name": "regular"}, waBinary.Node{Tag: "patch"}), Request{Name: "regular"}, ErrMalformed},
		"two patches":        {node(waBinary.Attrs{"name": "regular"}, patch, patch), Request{Name: "regular", Patch: []byte("p")}, ErrMalformed},
		"other tag":          {waBinary.Node{Tag: "sync"}, Request{}, ErrMalformed},
	}
	for title, test := range tests {
		got, err := ParseCollection(test.node)
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", title, err, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

func TestCollectionNode(t *testing.T) {
	t.Parallel()
	cs := NewCollections()
	name := wastate.WAPatchRegularLow
	c := cs[name]
	c.PatchesPerAnswer = 2
	phone := NewPhone(NewKey())

	empty, _ := CollectionNode(c, Request{Name: name, ReturnSnapshot: true})
	want := waBinary.Node{Tag: "collection", Attrs: waBinary.Attrs{"name": "regular_low", "version": "0"}}
	if diff := cmp.Diff(want, empty); diff != "" {
		t.Errorf("empty collection (-want +got):\n%s", diff)
	}
	for i := range 3 {
		raw, err := phone.Encode(name, Pin(contact(i), true))
		if err != nil {
			t.Fatal(err)
		}
		answer, appended := CollectionNode(c, Request{Name: name, Version: uint64(i), Patch: raw})
		if _, err := phone.Pull(c); err != nil || !appended || answer.Attrs["version"] != []string{"1", "2", "3"}[i] || answer.Content != nil {
			t.Fatalf("upload %d: %s %v %v", i, answer.Attrs, appended, err)
		}
	}
	patches, more := c.Since(0)
	if len(patches) != 2 || !more {
		t.Fatalf("Since(0) = %d patches, %v", len(patches), more)
	}
	patchNodes := waBinary.Node{Tag: "patches", Content: []waBinary.Node{{Tag: "patch", Content: patches[0]}, {Tag: "patch", Content: patches[1]}}}
	first, _ := CollectionNode(c, Request{Name: name})
	want = waBinary.Node{
		Tag: "collection", Attrs: waBinary.Attrs{"name": "regular_low", "version": "2", "has_more_patches": "true"},
		Content: []waBinary.Node{patchNodes},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("first answer (-want +got):\n%s", diff)
	}
	conflict, appended := CollectionNode(c, Request{Name: name, Patch: patches[0]})
	want = waBinary.Node{
		Tag: "collection", Attrs: waBinary.Attrs{"name": "regular_low", "version": "2", "has_more_patches": "true", "type": "error"},
		Content: []waBinary.Node{
			{Tag: "error", Attrs: waBinary.Attrs{"code": "409", "text": "conflict"}},
			patchNodes,
		},
	}
	if diff := cmp.Diff(want, conflict); diff != "" || appended {
		t.Errorf("conflict, appended %v (-want +got):\n%s", appended, diff)
	}
	badRequest := ErrorNode(name, 400, "bad-request")
	for title, req := range map[string]Request{
		"future":    {Name: name, Version: 9, Patch: patches[0]},
		"malformed": {Name: name, Version: 3, Patch: []byte{0xff}},
	} {
		got, appended := CollectionNode(c, req)
		if diff := cmp.Diff(badRequest, got); diff != "" || appended {
			t.Errorf("%s, appended %v (-want +got):\n%s", title, appended, diff)
		}
	}
	if c.Version() != 3 {
		t.Errorf("version %d, want 3", c.Version())
	}
}

func TestSync(t *testing.T) {
	t.Parallel()
	cs := NewCollections()
	raw, err := NewPhone(NewKey()).Encode(wastate.WAPatchRegular, Label("1", "x", 0, false))
	if err != nil {
		t.Fatal(err)
	}
	collection := func(name string, content ...waBinary.Node) waBinary.Node {
		return waBinary.Node{Tag: "collection", Attrs: waBinary.Attrs{"name": name, "version": "0"}, Content: content}
	}
	answer, appended := cs.Sync(waBinary.Node{Tag: "sync", Content: []waBinary.Node{
		collection("regular_low"), collection("unknown"), collection("regular", waBinary.Node{Tag: "patch", Content: raw}),
	}})
	if diff := cmp.Diff([]Name{wastate.WAPatchRegular}, appended); diff != "" {
		t.Error(diff)
	}
	want := waBinary.Node{Tag: "sync", Content: []waBinary.Node{
		{Tag: "collection", Attrs: waBinary.Attrs{"name": "regular_low", "version": "0"}},
		ErrorNode("unknown", 400, "bad-request"),
		{Tag: "collection", Attrs: waBinary.Attrs{"name": "regular", "version": "1"}},
	}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Error(diff)
	}
}

func TestSinceIsBounded(t *testing.T) {
	t.Parallel()
	phone := NewPhone(NewKey())
	c := NewCollection(wastate.WAPatchRegularLow)
	c.BytesPerAnswer = 1
	for i := range 3 {
		if _, err := phone.Push(c, Pin(contact(i), true)); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[uint64]struct {
		n    int
		more bool
	}{0: {1, true}, 2: {1, false}, 3: {0, false}, 99: {0, false}} {
		if got, more := c.Since(version); len(got) != want.n || more != want.more {
			t.Errorf("Since(%d) = %d, %v; want %+v", version, len(got), more, want)
		}
	}
	if err := c.SetSnapshot(4, nil); !errors.Is(err, ErrAhead) {
		t.Errorf("snapshot of version 4: %v", err)
	}
}

func TestKeyMessages(t *testing.T) {
	t.Parallel()
	key := NewKey()
	if len(key.ID) != 6 || len(key.Data) != 32 || key.Timestamp.IsZero() || key.Fingerprint == nil {
		t.Errorf("key %+v", key)
	}
	message := ShareMessage(key.Share())
	if got := message.GetProtocolMessage().GetAppStateSyncKeyShare().GetKeys()[0].GetKeyData().GetKeyData(); !cmp.Equal(got, key.Data) {
		t.Errorf("shared %x", got)
	}
	if _, ok := RequestedKeyIDs(message); ok {
		t.Error("a share is no request")
	}
	ids, ok := RequestedKeyIDs(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		AppStateSyncKeyRequest: &waE2E.AppStateSyncKeyRequest{KeyIDs: []*waE2E.AppStateSyncKeyId{{KeyID: key.ID}}},
	}})
	if !ok || len(ids) != 1 || !cmp.Equal(ids[0], key.ID) {
		t.Errorf("requested %x, %v", ids, ok)
	}
}
