package appstate

import (
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waServerSync"
)

// Name is the name of a collection, such as "regular_low".
type Name = wastate.WAPatchName

// What one answer holds at most, unless a Collection says otherwise. The real
// server's bounds are unknown; 1 MiB stays far below a frame's 16 MiB.
const (
	DefaultPatchesPerAnswer = 100
	DefaultBytesPerAnswer   = 1 << 20
)

// Errors of Append and SetSnapshot.
var (
	// ErrConflict means that the client has not yet seen the newest patches.
	ErrConflict = errors.New("app state conflict")
	// ErrAhead means that the client's version is one the server never gave.
	ErrAhead = errors.New("app state version from the future")
)

// Collection is the server's storage of one collection of one account. The
// server sees versions and ciphertext only. Safe for concurrent use.
type Collection struct {
	// PatchesPerAnswer and BytesPerAnswer bound what Since returns; 0 means the
	// default. At least one patch is always returned. Set them before use.
	PatchesPerAnswer int
	BytesPerAnswer   int

	name Name

	mu sync.Mutex
	// patches[i] has version i+1.
	patches         [][]byte
	snapshot        []byte
	snapshotVersion uint64
}

// NewCollection makes an empty collection, at version 0.
func NewCollection(name Name) *Collection {
	return &Collection{name: name}
}

// Name is the collection's name.
func (c *Collection) Name() Name {
	return c.name
}

// Version is the version of the newest patch; 0 if there is none.
func (c *Collection) Version() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint64(len(c.patches))
}

// Append stores a marshalled SyncdPatch made on top of clientVersion and
// returns the version it got. The server writes the version into the patch,
// since companions send it without.
//
// It returns ErrConflict if there are newer patches, ErrAhead if clientVersion
// does not exist yet, and ErrMalformed if patch is no SyncdPatch.
func (c *Collection) Append(clientVersion uint64, patch []byte) (uint64, error) {
	var p waServerSync.SyncdPatch
	if err := proto.Unmarshal(patch, &p); err != nil {
		return 0, fmt.Errorf("%w: parse patch: %w", ErrMalformed, err)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	current := uint64(len(c.patches))
	switch {
	case clientVersion < current:
		return 0, fmt.Errorf("%w: client at %d, server at %d", ErrConflict, clientVersion, current)
	case clientVersion > current:
		return 0, fmt.Errorf("%w: client at %d, server at %d", ErrAhead, clientVersion, current)
	}
	p.Version = &waServerSync.SyncdVersion{Version: new(current + 1)}
	stored, err := proto.Marshal(&p)
	if err != nil {
		return 0, fmt.Errorf("store patch: %w", err)
	}
	c.patches = append(c.patches, stored)
	return current + 1, nil
}

// Since returns the patches after version, oldest first, as many as fit one
// answer; more says that the caller has to ask again with a higher version.
// The patches are shared: do not change their bytes.
func (c *Collection) Since(version uint64) (patches [][]byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sinceLocked(version)
}

// SetSnapshot makes ref, the place of an uploaded SyncdSnapshot, what a client
// that asks for a snapshot gets. The patches stay: a client that is behind can
// still go through them. It returns ErrAhead if version does not exist yet.
func (c *Collection) SetSnapshot(version uint64, ref *waServerSync.ExternalBlobReference) error {
	raw, err := proto.Marshal(ref)
	if err != nil {
		return fmt.Errorf("store snapshot: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if version > uint64(len(c.patches)) {
		return fmt.Errorf("%w: snapshot at %d, server at %d", ErrAhead, version, len(c.patches))
	}
	c.snapshot, c.snapshotVersion = raw, version
	return nil
}

// Snapshot returns the marshalled ExternalBlobReference and its version; ok is
// false if there is no snapshot.
func (c *Collection) Snapshot() (ref []byte, version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snapshot, c.snapshotVersion, c.snapshot != nil
}

func (c *Collection) sinceLocked(version uint64) ([][]byte, bool) {
	if version >= uint64(len(c.patches)) {
		return nil, false
	}
	maxPatches, maxBytes := c.PatchesPerAnswer, c.BytesPerAnswer
	if maxPatches <= 0 {
		maxPatches = DefaultPatchesPerAnswer
	}
	if maxBytes <= 0 {
		maxBytes = DefaultBytesPerAnswer
	}
	var out [][]byte
	size := 0
	for _, p := range c.patches[version:] {
		size += len(p)
		if len(out) == maxPatches || len(out) > 0 && size > maxBytes {
			return out, true
		}
		out = append(out, p)
	}
	return out, false
}
