package appstate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
)

// Upload encrypts plain with the media kind "WhatsApp App State Keys", stores
// it and says where.
type Upload func(plain []byte) (*waServerSync.ExternalBlobReference, error)

// Download reverses Upload.
type Download func(ref *waServerSync.ExternalBlobReference) ([]byte, error)

// Phone is a device that holds app state keys: it makes and reads patches.
// A second Phone with the same keys is the same phone restored, or a companion.
// Safe for concurrent use; with the same Collection from several Phones, too.
type Phone struct {
	// Now stamps the actions; nil means time.Now. Set it before use.
	Now func() time.Time
	// Download fetches patches whose mutations are stored outside. Without it
	// such patches are errors. Set it before use.
	Download Download

	// mu is taken before a Collection's.
	mu     sync.Mutex
	keys   []Key // in order of arrival
	cache  map[string]subkeys
	states map[Name]*state
	// pending holds what others did, seen while pushing, until Pull reports it.
	pending map[Name][]Mutation
}

// NewPhone makes a phone with the given keys. Without a key it can do nothing
// until AddKey.
func NewPhone(keys ...Key) *Phone {
	p := &Phone{
		cache:   map[string]subkeys{},
		states:  map[Name]*state{},
		pending: map[Name][]Mutation{},
	}
	for _, k := range keys {
		p.AddKey(k)
	}
	return p
}

// AddKey gives the phone one more key, or replaces the one of the same id. New
// patches use the key with the newest timestamp.
func (p *Phone) AddKey(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(old Key) bool { return bytes.Equal(old.ID, k.ID) })
	p.keys = append(p.keys, k)
	delete(p.cache, string(k.ID))
}

// Share is a key share with all keys of the phone, or with those of the given
// ids that it has.
func (p *Phone) Share(ids ...[]byte) *waE2E.AppStateSyncKeyShare {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Key
	for _, k := range p.keys {
		if len(ids) == 0 || slices.ContainsFunc(ids, func(id []byte) bool { return bytes.Equal(id, k.ID) }) {
			out = append(out, k)
		}
	}
	return Share(out...)
}

// Version is how far the phone has read a collection.
func (p *Phone) Version(name Name) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state(name).hash.Version
}

// Lookup returns the live value of an index, as of the last Push or Pull.
func (p *Phone) Lookup(name Name, index ...string) (*waSyncAction.SyncActionValue, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.state(name).lookup(index)
	return r.mutation.Action, ok
}

// Push makes one patch of all changes, which must belong to c, and appends it,
// first reading what others have appended (Pull reports that later). It returns
// the patch's version.
func (p *Phone) Push(c *Collection, changes ...Change) (uint64, error) {
	return p.push(c, nil, changes)
}

// PushExternal is Push with the mutations stored outside the patch, as phones
// do with large ones.
func (p *Phone) PushExternal(c *Collection, upload Upload, changes ...Change) (uint64, error) {
	return p.push(c, upload, changes)
}

// Pull reads the patches that others appended and returns what they did, oldest
// first. A patch that fails its checks stops it: the mutations before it are
// returned together with the error, and the patch is tried again next time.
func (p *Phone) Pull(c *Collection) ([]Mutation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.catchUp(c)
	out := p.pending[c.Name()]
	delete(p.pending, c.Name())
	return out, err
}

// Encode makes the patch that Push would append on the phone's present state,
// and changes nothing. For tests that tamper with it.
func (p *Phone) Encode(name Name, changes ...Change) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	patch, err := p.encode(p.state(name), changes)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(patch)
}

// Apply checks and reads one marshalled patch that carries its version. On an
// error the state is as before. The error is one of whatsmeow's appstate
// package (ErrMismatchingLTHash, ErrMismatchingPatchMAC, ErrMismatchingContentMAC,
// ErrMismatchingIndexMAC, ErrKeyNotFound), ErrMalformed or ErrVersionGap.
func (p *Phone) Apply(name Name, patch []byte) ([]Mutation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.apply(name, patch)
}

func (p *Phone) push(c *Collection, upload Upload, changes []Change) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state(c.Name())
	// A conflict means that another device got further, so this ends.
	for {
		if err := p.catchUp(c); err != nil {
			return 0, err
		}
		patch, err := p.encode(s, changes)
		if err != nil {
			return 0, err
		}
		sent := patch
		if upload != nil {
			if sent, err = moveOut(patch, upload); err != nil {
				return 0, err
			}
		}
		raw, err := proto.Marshal(sent)
		if err != nil {
			return 0, fmt.Errorf("encode patch: %w", err)
		}
		version, err := c.Append(s.hash.Version, raw)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("append patch: %w", err)
		}
		patch.Version = &waServerSync.SyncdVersion{Version: new(version)}
		if _, err := s.apply(patch, p.subkeys); err != nil {
			return 0, fmt.Errorf("apply own patch %d of %s: %w", version, s.name, err)
		}
		return version, nil
	}
}

func (p *Phone) catchUp(c *Collection) error {
	s := p.state(c.Name())
	for more := true; more; {
		var patches [][]byte
		patches, more = c.Since(s.hash.Version)
		for _, raw := range patches {
			mutations, err := p.apply(s.name, raw)
			if err != nil {
				return fmt.Errorf("read patch %d of %s: %w", s.hash.Version+1, s.name, err)
			}
			p.pending[s.name] = append(p.pending[s.name], mutations...)
		}
	}
	return nil
}

func (p *Phone) apply(name Name, raw []byte) ([]Mutation, error) {
	var patch waServerSync.SyncdPatch
	if err := proto.Unmarshal(raw, &patch); err != nil {
		return nil, fmt.Errorf("%w: parse patch: %w", ErrMalformed, err)
	}
	if ref := patch.GetExternalMutations(); ref != nil {
		if p.Download == nil {
			return nil, fmt.Errorf("read external mutations: no download function")
		}
		plain, err := p.Download(ref)
		if err != nil {
			return nil, fmt.Errorf("read external mutations: %w", err)
		}
		var mutations waServerSync.SyncdMutations
		if err := proto.Unmarshal(plain, &mutations); err != nil {
			return nil, fmt.Errorf("%w: external mutations: %w", ErrMalformed, err)
		}
		patch.Mutations = mutations.GetMutations()
	}
	return p.state(name).apply(&patch, p.subkeys)
}

func (p *Phone) state(name Name) *state {
	s, ok := p.states[name]
	if !ok {
		s = newState(name)
		p.states[name] = s
	}
	return s
}

func (p *Phone) newestKey() (Key, error) {
	if len(p.keys) == 0 {
		return Key{}, wastate.ErrKeyNotFound
	}
	return slices.MaxFunc(p.keys, func(a, b Key) int { return a.Timestamp.Compare(b.Timestamp) }), nil
}

func (p *Phone) subkeys(id []byte) (subkeys, error) {
	if k, ok := p.cache[string(id)]; ok {
		return k, nil
	}
	for _, k := range p.keys {
		if bytes.Equal(k.ID, id) {
			expanded, err := k.expand()
			if err == nil {
				p.cache[string(id)] = expanded
			}
			return expanded, err
		}
	}
	return subkeys{}, fmt.Errorf("%w: %x", wastate.ErrKeyNotFound, id)
}
