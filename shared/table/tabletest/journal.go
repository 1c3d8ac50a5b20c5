package tabletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"roost/shared/table"
)

// Journal wraps a table and remembers what was asked of it, for tests that hold
// what a flow costs and say what each request is for.
type Journal struct {
	Inner table.Table

	mu       sync.Mutex // guards what follows
	requests []Request
}

var _ table.Table = (*Journal)(nil)

// Request is one call of a table's method.
type Request struct {
	Operation string // "Put"
	Keys      []Key  // in the order of the arguments
	Bytes     int    // read or written, as table.Size counts
}

// Key is one of a request's.
type Key struct {
	table.Key        // Sort is "" for all of a partition
	Act       string // "get", "query", "put", "delete", "check" or "add"
}

// String tells what a request is for: its operation and the kinds of its keys,
// without what is in them.
func (r Request) String() string {
	counts := map[string]int{}
	for _, key := range r.Keys {
		partition, _, _ := strings.Cut(key.Partition, "#")
		sort, _, _ := strings.Cut(key.Sort, "#")
		if strings.ContainsAny(sort, "0123456789@!") || len(sort) > 16 {
			sort = "*"
		}
		counts[key.Act+" "+partition+"/"+sort]++
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[kind]; n > 1 {
			kind += fmt.Sprintf(" x%d", n)
		}
		kinds = append(kinds, kind)
	}
	return r.Operation + ": " + strings.Join(kinds, ", ")
}

// Requests returns what was asked since the start or the last Reset, in order.
func (j *Journal) Requests() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.requests)
}

// Reset forgets.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = nil
}

// Unwrap returns the table behind.
func (j *Journal) Unwrap() table.Table { return j.Inner }

func (j *Journal) note(operation string, keys []Key, items ...table.Item) {
	r := Request{Operation: operation, Keys: keys}
	for _, item := range items {
		r.Bytes += table.Size(item)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, r)
}

// Get implements [table.Table].
func (j *Journal) Get(ctx context.Context, key table.Key) (table.Item, error) {
	item, err := j.Inner.Get(ctx, key)
	j.note("Get", []Key{{key, "get"}}, item)
	return item, err
}

// BatchGet implements [table.Table].
func (j *Journal) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	items, err := j.Inner.BatchGet(ctx, keys)
	asked := make([]Key, len(keys))
	for n, key := range keys {
		asked[n] = Key{key, "get"}
	}
	j.note("BatchGet", asked, slices.Collect(maps.Values(items))...)
	return items, err
}

// Put implements [table.Table].
func (j *Journal) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	j.note("Put", []Key{{item.Key, "put"}}, item)
	return j.Inner.Put(ctx, item, condition)
}

// Delete implements [table.Table].
func (j *Journal) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	j.note("Delete", []Key{{key, "delete"}})
	return j.Inner.Delete(ctx, key, condition)
}

// Write implements [table.Table].
func (j *Journal) Write(ctx context.Context, ops ...table.Op) error {
	acts := map[table.OpKind]string{table.OpPut: "put", table.OpDelete: "delete", table.OpCheck: "check"}
	keys, items := make([]Key, len(ops)), make([]table.Item, len(ops))
	for n, op := range ops {
		keys[n], items[n] = Key{op.Item.Key, acts[op.Kind]}, op.Item
	}
	j.note("Write", keys, items...)
	return j.Inner.Write(ctx, ops...)
}

// BatchWrite implements [table.Table].
func (j *Journal) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	var keys []Key
	for _, item := range puts {
		keys = append(keys, Key{item.Key, "put"})
	}
	for _, key := range deletes {
		keys = append(keys, Key{key, "delete"})
	}
	j.note("BatchWrite", keys, puts...)
	return j.Inner.BatchWrite(ctx, puts, deletes)
}

// Query implements [table.Table].
func (j *Journal) Query(ctx context.Context, query table.Query) (table.Page, error) {
	page, err := j.Inner.Query(ctx, query)
	j.note("Query", []Key{{table.Key{Partition: query.Partition, Sort: query.Prefix}, "query"}}, page.Items...)
	return page, err
}

// Increment implements [table.Table].
func (j *Journal) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	j.note("Increment", []Key{{key, "add"}})
	return j.Inner.Increment(ctx, key, attribute, delta)
}
