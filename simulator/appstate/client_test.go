package appstate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// client is a companion: whatsmeow's own Processor, with the fetching and
// sending of whatsmeow's Client (appstate.go) over wire-encoded nodes.
type client struct {
	proc  *wastate.Processor
	store *memory
	blobs *blobs
}

func newClient(t *testing.T, b *blobs, keys ...Key) *client {
	t.Helper()
	m := &memory{keys: map[string]store.AppStateSyncKey{}, versions: map[string]wastate.HashState{}, macs: map[string][]byte{}}
	for _, k := range keys {
		share := k.Share().GetKeys()[0]
		fingerprint, err := proto.Marshal(share.GetKeyData().GetFingerprint())
		if err != nil {
			t.Fatal(err)
		}
		m.keys[string(share.GetKeyID().GetKeyID())] = store.AppStateSyncKey{
			Data: share.GetKeyData().GetKeyData(), Fingerprint: fingerprint, Timestamp: share.GetKeyData().GetTimestamp(),
		}
	}
	device := &store.Device{AppState: m, AppStateKeys: m}
	return &client{proc: wastate.NewProcessor(device, waLog.Noop), store: m, blobs: b}
}

// fetch does what whatsmeow's FetchAppState does; full asks for a snapshot.
func (cl *client) fetch(t *testing.T, cs Collections, name Name, full bool) ([]wastate.Mutation, error) {
	t.Helper()
	if full {
		delete(cl.store.versions, string(name))
	}
	state := cl.store.versions[string(name)]
	want := state.Version == 0
	var out []wastate.Mutation
	for more := true; more; {
		attrs := waBinary.Attrs{"name": string(name), "return_snapshot": want}
		if !want {
			attrs["version"] = state.Version
		}
		answer := cl.send(t, cs, waBinary.Node{Tag: "collection", Attrs: attrs})
		list, err := wastate.ParsePatchList(t.Context(), &answer, cl.blobs.downloadContext)
		if err != nil {
			return out, err
		}
		if list.Snapshot != nil && (!want || state != (wastate.HashState{})) {
			t.Fatalf("snapshot of %s at the wrong time", name)
		}
		want, more = false, list.HasMorePatches
		var mutations []wastate.Mutation
		mutations, state, err = cl.proc.DecodePatches(t.Context(), list, state, true)
		if err != nil {
			return out, err
		}
		out = append(out, mutations...)
	}
	return out, nil
}

// push does what whatsmeow's SendAppState does, with its one retry on 409.
func (cl *client) push(t *testing.T, cs Collections, keyID []byte, info wastate.PatchInfo) error {
	t.Helper()
	for retry := true; ; retry = false {
		state := cl.store.versions[string(info.Type)]
		patch, err := cl.proc.EncodePatch(t.Context(), keyID, state, info)
		if err != nil {
			return err
		}
		answer := cl.send(t, cs, waBinary.Node{
			Tag:     "collection",
			Attrs:   waBinary.Attrs{"name": string(info.Type), "version": state.Version, "return_snapshot": false},
			Content: []waBinary.Node{{Tag: "patch", Content: patch}},
		})
		if answer.AttrGetter().OptionalString("type") != "error" {
			return nil
		}
		errorTag := answer.GetChildByTag("error")
		if errorTag.AttrGetter().Int("code") != 409 || !retry {
			return fmt.Errorf("refused: %s", &errorTag)
		}
		list, err := wastate.ParsePatchList(t.Context(), &answer, cl.blobs.downloadContext)
		if err != nil {
			return err
		}
		if _, _, err := cl.proc.DecodePatches(t.Context(), list, state, true); err != nil {
			return err
		}
	}
}

func (cl *client) send(t *testing.T, cs Collections, collection waBinary.Node) waBinary.Node {
	t.Helper()
	answer, _ := cs.Sync(overWire(t, waBinary.Node{Tag: "sync", Content: []waBinary.Node{collection}}))
	answer = overWire(t, answer)
	return answer.GetChildByTag("collection")
}

func overWire(t *testing.T, node waBinary.Node) waBinary.Node {
	t.Helper()
	raw, err := waBinary.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	raw, err = waBinary.Unpack(raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := waBinary.Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	return *out
}

// blobs is a media store without the encryption.
type blobs struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (b *blobs) upload(plain []byte) (*waServerSync.ExternalBlobReference, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[string][]byte{}
	}
	path := fmt.Sprintf("/v/t62/%d?x=1", len(b.m))
	b.m[path] = plain
	return &waServerSync.ExternalBlobReference{DirectPath: new(path)}, nil
}

func (b *blobs) download(ref *waServerSync.ExternalBlobReference) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	plain, ok := b.m[ref.GetDirectPath()]
	if !ok {
		return nil, errors.New("no such blob")
	}
	return plain, nil
}

func (b *blobs) downloadContext(_ context.Context, ref *waServerSync.ExternalBlobReference) ([]byte, error) {
	return b.download(ref)
}

// memory is the part of whatsmeow's store that app state needs.
type memory struct {
	keys     map[string]store.AppStateSyncKey
	versions map[string]wastate.HashState
	macs     map[string][]byte
}

var (
	_ store.AppStateStore        = (*memory)(nil)
	_ store.AppStateSyncKeyStore = (*memory)(nil)
)

func (m *memory) PutAppStateSyncKey(_ context.Context, id []byte, key store.AppStateSyncKey) error {
	m.keys[string(id)] = key
	return nil
}

func (m *memory) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	if k, ok := m.keys[string(id)]; ok {
		return &k, nil
	}
	return nil, nil
}

func (m *memory) GetLatestAppStateSyncKeyID(context.Context) ([]byte, error) {
	return nil, errors.New("not used")
}

func (m *memory) GetAllAppStateSyncKeys(context.Context) ([]*store.AppStateSyncKey, error) {
	return nil, errors.New("not used")
}

func (m *memory) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	m.versions[name] = wastate.HashState{Version: version, Hash: hash}
	return nil
}

func (m *memory) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	return m.versions[name].Version, m.versions[name].Hash, nil
}

func (m *memory) DeleteAppStateVersion(_ context.Context, name string) error {
	delete(m.versions, name)
	return nil
}

func (m *memory) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, macs []store.AppStateMutationMAC) error {
	for _, mac := range macs {
		m.macs[name+string(mac.IndexMAC)] = mac.ValueMAC
	}
	return nil
}

func (m *memory) DeleteAppStateMutationMACs(_ context.Context, name string, indexMACs [][]byte) error {
	for _, mac := range indexMACs {
		delete(m.macs, name+string(mac))
	}
	return nil
}

func (m *memory) GetAppStateMutationMAC(_ context.Context, name string, indexMAC []byte) ([]byte, error) {
	return m.macs[name+string(indexMAC)], nil
}
