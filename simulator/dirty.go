package simulator

import (
	"slices"
	"strconv"
	"time"

	"roost/simulator/wire"
)

// MarkDirty tells the companions that something of the account has changed
// behind their backs, such as account_sync or groups. They are told again at
// each login until they have said that they know.
func (u *User) MarkDirty(kind string) {
	for _, d := range u.companions() {
		d.mu.Lock()
		if d.dirty == nil {
			d.dirty = map[string]int64{}
		}
		d.dirty[kind] = time.Now().Unix()
		if d.stream != nil && d.active {
			d.stream.push(dirtyNode(kind, d.dirty[kind]))
		}
		d.mu.Unlock()
	}
}

// Dirty lists, sorted, what a companion has been told by MarkDirty and has not
// cleaned yet.
func (u *User) Dirty(companion uint16) []string {
	d := u.device(companion)
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for kind := range d.dirty {
		out = append(out, kind)
	}
	slices.Sort(out)
	return out
}

func dirtyNode(kind string, at int64) wire.Node {
	return wire.Node{Tag: "ib", Content: []wire.Node{{Tag: "dirty", Attrs: wire.Attrs{
		"type": kind, "timestamp": strconv.FormatInt(at, 10),
	}}}}
}

// repeatDirty tells a companion that has just logged in what is still dirty.
func (d *device) repeatDirty(st *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for kind, at := range d.dirty {
		st.push(dirtyNode(kind, at))
	}
}

// clean is the companion's word that it has caught up.
func (st *stream) clean(n *wire.Node) {
	d := st.device.Load()
	d.mu.Lock()
	for _, c := range n.GetChildren() {
		if c.Tag == "clean" {
			delete(d.dirty, textAttr(&c, "type"))
		}
	}
	d.mu.Unlock()
	st.result(n)
}
