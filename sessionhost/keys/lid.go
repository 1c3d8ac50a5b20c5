package keys

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// LID pairs are asked for with every message and hardly ever change, so all of
// them are in memory, and stored in chunks of lines "lid pn". What is not there
// is not known: no request either way.
const chunkPairs = 128

// pairs is the two-way map and where each pair is stored. A LID has one number
// and a number one LID.
type pairs struct {
	byLID  map[string]pair
	byPN   map[string]string
	counts map[int]int // pairs by chunk
	last   int         // greatest chunk
}

type pair struct {
	pn    string
	chunk int
}

func newPairs() pairs {
	return pairs{byLID: make(map[string]pair), byPN: make(map[string]string), counts: make(map[int]int)}
}

func pairSort(chunk int) string { return fmt.Sprintf("%s%06d", prefixPair, chunk) }

// replace shows a chunk's new content. The order of the chunks does not matter:
// a number that moved is taken from the old LID only while that still has it.
func (p *pairs) replace(sort string, value []byte) {
	chunk, err := strconv.Atoi(strings.TrimPrefix(sort, prefixPair))
	if err != nil {
		return
	}
	if p.counts[chunk] > 0 {
		for lid, old := range p.byLID {
			if old.chunk == chunk {
				delete(p.byLID, lid)
				if p.byPN[old.pn] == lid {
					delete(p.byPN, old.pn)
				}
			}
		}
	}
	p.counts[chunk] = 0
	p.last = max(p.last, chunk)
	for line := range strings.Lines(string(value)) {
		lid, pn, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if ok {
			if old := p.byLID[lid]; old.pn != pn && p.byPN[old.pn] == lid {
				delete(p.byPN, old.pn)
			}
			p.byLID[lid], p.byPN[pn] = pair{pn, chunk}, lid
			p.counts[chunk]++
		}
	}
}

// pairEdits are changes to pairs that are not applied yet.
type pairEdits struct {
	base    *pairs
	byLID   map[string]pair   // without number: removed, but for where it stood
	byPN    map[string]string // "": removed
	touched map[int]int       // chunks, with how many pairs they gained
	last    int
}

func (p *pairs) edit() *pairEdits {
	return &pairEdits{
		base: p, byLID: make(map[string]pair), byPN: make(map[string]string),
		touched: make(map[int]int), last: p.last,
	}
}

func (e *pairEdits) lid(pn string) string {
	if lid, ok := e.byPN[pn]; ok {
		return lid
	}
	return e.base.byPN[pn]
}

func (e *pairEdits) pair(lid string) (pair, bool) {
	if p, ok := e.byLID[lid]; ok {
		return p, true
	}
	p, ok := e.base.byLID[lid]
	return p, ok
}

func (e *pairEdits) set(lid, pn string) {
	old := e.lid(pn)
	if old == lid {
		return
	}
	if old != "" {
		p, _ := e.pair(old)
		e.byLID[old] = pair{chunk: p.chunk}
		e.touched[p.chunk]--
	}
	p, known := e.pair(lid)
	if !known {
		for e.base.counts[e.last]+e.touched[e.last] >= chunkPairs {
			e.last++
		}
		p.chunk = e.last
	}
	if p.pn == "" {
		e.touched[p.chunk]++
	} else {
		e.byPN[p.pn] = ""
		e.touched[p.chunk] += 0 // it is one of them all the same
	}
	e.byLID[lid], e.byPN[pn] = pair{pn, p.chunk}, lid
}

// values returns the new content of the touched chunks, empty ones too.
func (e *pairEdits) values() map[int][]byte {
	lines := make(map[int][]string, len(e.touched))
	collect := func(lid string, p pair) {
		if _, touched := e.touched[p.chunk]; touched && p.pn != "" {
			lines[p.chunk] = append(lines[p.chunk], lid+" "+p.pn+"\n")
		}
	}
	for lid, p := range e.base.byLID {
		if _, changed := e.byLID[lid]; !changed {
			collect(lid, p)
		}
	}
	for lid, p := range e.byLID {
		collect(lid, p)
	}
	values := make(map[int][]byte, len(e.touched))
	for chunk := range e.touched {
		slices.Sort(lines[chunk])
		values[chunk] = []byte(strings.Join(lines[chunk], ""))
	}
	return values
}

// PutLIDMapping implements [store.LIDStore].
func (k *Keys) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	if !pairable(lid, pn) {
		return fmt.Errorf("not a LID and a number: %s and %s", lid.Server, pn.Server)
	}
	return k.putPairs(ctx, []store.LIDMapping{{LID: lid, PN: pn}})
}

// PutManyLIDMappings implements [store.LIDStore]. What is not a pair is left
// out: group information has empty ones.
func (k *Keys) PutManyLIDMappings(ctx context.Context, mappings []store.LIDMapping) error {
	return k.putPairs(ctx, mappings)
}

func pairable(lid, pn types.JID) bool {
	return lid.Server == types.HiddenUserServer && pn.Server == types.DefaultUserServer
}

// putPairs never joins a transaction: a pair is true whatever becomes of the
// message it came with.
func (k *Keys) putPairs(ctx context.Context, mappings []store.LIDMapping) error {
	valid, changed, err := k.newPairs(mappings)
	if err != nil || changed == 0 {
		return err
	}
	when := beforeReceipt
	if changed > chunkPairs/4 {
		when = inPieces
	}
	return k.apart(ctx, when, func(tx *txn) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		e := k.pairs.edit()
		for _, m := range valid {
			e.set(m.LID.User, m.PN.User)
		}
		for chunk, value := range e.values() {
			if len(value) == 0 {
				tx.remove(pairSort(chunk))
			} else if err := tx.put(pairSort(chunk), value); err != nil {
				return err
			}
		}
		return nil
	})
}

// newPairs returns what are pairs at all, and how many memory does not know. The
// known ones count too: a later one may stand against an earlier.
func (k *Keys) newPairs(mappings []store.LIDMapping) ([]store.LIDMapping, int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed != nil {
		return nil, 0, k.failed
	}
	var valid []store.LIDMapping
	changed := 0
	for _, m := range mappings {
		if !pairable(m.LID, m.PN) || strings.ContainsAny(m.LID.User+m.PN.User, " \n") || m.LID.User == "" || m.PN.User == "" {
			continue
		}
		valid = append(valid, m)
		if k.pairs.byPN[m.PN.User] != m.LID.User || k.stale {
			changed++
		}
	}
	return valid, changed, nil
}

// GetLIDForPN implements [store.LIDStore].
func (k *Keys) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	if pn.Server != types.DefaultUserServer {
		return types.JID{}, fmt.Errorf("not a number: %s", pn.Server)
	}
	found, err := k.lookUp(ctx, func(p *pairs) string { return p.byPN[pn.User] })
	if err != nil || found == "" {
		return types.JID{}, err
	}
	return types.JID{User: found, Device: pn.Device, Server: types.HiddenUserServer}, nil
}

// GetPNForLID implements [store.LIDStore].
func (k *Keys) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	if lid.Server != types.HiddenUserServer {
		return types.JID{}, fmt.Errorf("not a LID: %s", lid.Server)
	}
	found, err := k.lookUp(ctx, func(p *pairs) string { return p.byLID[lid.User].pn })
	if err != nil || found == "" {
		return types.JID{}, err
	}
	return types.JID{User: found, Device: lid.Device, Server: types.DefaultUserServer}, nil
}

// GetManyLIDsForPNs implements [store.LIDStore]: only what is known is in the
// answer.
func (k *Keys) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	if len(pns) == 0 {
		return nil, nil
	}
	found := make(map[types.JID]types.JID, len(pns))
	_, err := k.lookUp(ctx, func(p *pairs) string {
		for _, pn := range pns {
			if lid := p.byPN[pn.User]; lid != "" && pn.Server == types.DefaultUserServer {
				found[pn] = types.JID{User: lid, Device: pn.Device, Server: types.HiddenUserServer}
			}
		}
		return ""
	})
	return found, err
}

func (k *Keys) lookUp(ctx context.Context, find func(*pairs) string) (string, error) {
	if err := k.fresh(ctx); err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed != nil {
		return "", k.failed
	}
	return find(&k.pairs), nil
}
