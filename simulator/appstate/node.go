package appstate

import (
	"errors"
	"fmt"
	"strconv"

	wastate "go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
)

// Request is one <collection> of a companion's <sync>.
type Request struct {
	Name Name
	// Version is what the companion has; 0 if it has nothing.
	Version uint64
	// ReturnSnapshot asks for a snapshot, if there is one, instead of all patches.
	ReturnSnapshot bool
	// Patch is what the companion uploads; nil if it only asks.
	Patch []byte
}

// ParseCollection reads
//
//	<collection name version? return_snapshot?>[<patch>bytes</patch>]</collection>
//
// whatsmeow leaves the version out when it asks for a snapshot, Baileys sends
// "0". Every fault is ErrMalformed; the Request then holds the name, if any.
func ParseCollection(node waBinary.Node) (Request, error) {
	var req Request
	if node.Tag != "collection" {
		return req, fmt.Errorf("%w: <%s> instead of <collection>", ErrMalformed, node.Tag)
	}
	name, ok := attr(node, "name")
	if !ok || name == "" {
		return req, fmt.Errorf("%w: collection without a name", ErrMalformed)
	}
	req.Name = Name(name)
	if s, ok := attr(node, "version"); ok {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return req, fmt.Errorf("%w: version: %w", ErrMalformed, err)
		}
		req.Version = v
	}
	if s, ok := attr(node, "return_snapshot"); ok {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return req, fmt.Errorf("%w: return_snapshot: %w", ErrMalformed, err)
		}
		req.ReturnSnapshot = b
	}
	for _, child := range node.GetChildrenByTag("patch") {
		raw, ok := child.Content.([]byte)
		if !ok || len(raw) == 0 || req.Patch != nil {
			return req, fmt.Errorf("%w: a collection takes one patch with content", ErrMalformed)
		}
		req.Patch = raw
	}
	return req, nil
}

// CollectionNode answers one request:
//
//	<collection name version [has_more_patches="true"]>[<snapshot/>][<patches><patch/>…</patches>]</collection>
//
// version is the one the client has after the answer. An upload on an old
// version is answered with type="error", <error code="409" text="conflict"/>
// and the patches that the client misses; any other fault with code 400.
//
// appended says that the request's patch was stored: the other devices of the
// account now have to hear of the new version.
func CollectionNode(c *Collection, req Request) (answer waBinary.Node, appended bool) {
	if req.Patch != nil {
		version, err := c.Append(req.Version, req.Patch)
		switch {
		case err == nil:
			return newCollectionNode(c.name, version), true
		case !errors.Is(err, ErrConflict):
			return ErrorNode(req.Name, 400, "bad-request"), false
		}
		answer = answerPatches(c, req)
		answer.Attrs["type"] = "error"
		children, _ := answer.Content.([]waBinary.Node)
		answer.Content = append([]waBinary.Node{errorChild(409, "conflict")}, children...)
		return answer, false
	}
	return answerPatches(c, req), false
}

// ErrorNode is <collection name type="error"><error code text/></collection>.
func ErrorNode(name Name, code int, text string) waBinary.Node {
	return waBinary.Node{
		Tag:     "collection",
		Attrs:   waBinary.Attrs{"name": string(name), "type": "error"},
		Content: []waBinary.Node{errorChild(code, text)},
	}
}

// Collections is what the server stores for one account.
type Collections map[Name]*Collection

// NewCollections makes the five collections of a new account.
func NewCollections() Collections {
	cs := make(Collections, len(wastate.AllPatchNames))
	for _, name := range wastate.AllPatchNames {
		cs[name] = NewCollection(name)
	}
	return cs
}

// Sync answers a whole <sync>, each collection on its own: one that is unknown
// or malformed gets code 400. appended names the collections that grew.
func (cs Collections) Sync(sync waBinary.Node) (answer waBinary.Node, appended []Name) {
	var out []waBinary.Node
	for _, child := range sync.GetChildrenByTag("collection") {
		req, err := ParseCollection(child)
		c := cs[req.Name]
		if err != nil || c == nil {
			out = append(out, ErrorNode(req.Name, 400, "bad-request"))
			continue
		}
		node, grew := CollectionNode(c, req)
		if grew {
			appended = append(appended, req.Name)
		}
		out = append(out, node)
	}
	return waBinary.Node{Tag: "sync", Content: out}, appended
}

func answerPatches(c *Collection, req Request) waBinary.Node {
	var children []waBinary.Node
	version := req.Version
	if ref, snapshotVersion, ok := c.Snapshot(); ok && req.ReturnSnapshot && req.Patch == nil {
		children = append(children, waBinary.Node{Tag: "snapshot", Content: ref})
		version = snapshotVersion
	}
	patches, more := c.Since(version)
	if len(patches) > 0 {
		nodes := make([]waBinary.Node, len(patches))
		for i, p := range patches {
			nodes[i] = waBinary.Node{Tag: "patch", Content: p}
		}
		children = append(children, waBinary.Node{Tag: "patches", Content: nodes})
	}
	node := newCollectionNode(c.name, version+uint64(len(patches)))
	if more {
		node.Attrs["has_more_patches"] = "true"
	}
	if len(children) > 0 {
		node.Content = children
	}
	return node
}

func newCollectionNode(name Name, version uint64) waBinary.Node {
	return waBinary.Node{Tag: "collection", Attrs: waBinary.Attrs{
		"name": string(name), "version": strconv.FormatUint(version, 10),
	}}
}

func errorChild(code int, text string) waBinary.Node {
	return waBinary.Node{Tag: "error", Attrs: waBinary.Attrs{"code": strconv.Itoa(code), "text": text}}
}

// attr reads an attribute as text. On the wire all are strings, but a node
// that was built in this process may hold numbers and booleans.
func attr(node waBinary.Node, name string) (string, bool) {
	v, ok := node.Attrs[name]
	if !ok {
		return "", false
	}
	return fmt.Sprint(v), true
}
