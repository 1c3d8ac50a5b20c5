package tabletest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/shared/table"
)

// Run holds an adapter to the contract of [table.Table]. open returns a table
// that may hold items already: the suite keeps to partitions of its own. Nothing
// in it waits for time to pass, so it suits an emulator as well.
func Run(t *testing.T, open func(t *testing.T) table.Table) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Put", testPut},
		{"Values", testValues},
		{"Conditions", testConditions},
		{"Fence", testFence},
		{"Expiry", testExpiry},
		{"Delete", testDelete},
		{"Write", testWrite},
		{"WriteConflict", testWriteConflict},
		{"BatchGet", testBatchGet},
		{"BatchWrite", testBatchWrite},
		{"QueryRange", testQueryRange},
		{"QueryPages", testQueryPages},
		{"QueryLarge", testQueryLarge},
		{"Increment", testIncrement},
		{"Limits", testLimits},
		{"Invalid", testInvalid},
		{"OwnedMemory", testOwnedMemory},
		{"ConcurrentCounter", testConcurrentCounter},
		{"ConcurrentRevision", testConcurrentRevision},
		{"ConcurrentTransfer", testConcurrentTransfer},
		{"Canceled", testCanceled},
		{"Watch", testWatch},
		{"WatchSeveral", testWatchSeveral},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&suite{T: t, table: open(t), partition: fmt.Sprintf("%s-%d", c.name, time.Now().UnixNano())})
		})
	}
}

// suite is one case: a table and a partition nobody else uses.
type suite struct {
	*testing.T
	table     table.Table
	partition string
}

func (s *suite) key(sort string) table.Key {
	return table.Key{Partition: s.partition, Sort: sort}
}

func (s *suite) item(sort string, attributes map[string]any) table.Item {
	return table.Item{Key: s.key(sort), Attributes: attributes, Body: []byte("body of " + sort)}
}

// put writes and expects success at the given revision, 0 for any.
func (s *suite) put(item table.Item, condition table.Condition, revision int64) {
	s.Helper()
	got, err := s.table.Put(s.Context(), item, condition)
	if err != nil {
		s.Fatalf("put %s: %v", item.Key, err)
	}
	if revision != 0 && got != revision {
		s.Errorf("put %s: revision %d, want %d", item.Key, got, revision)
	}
}

// has expects the item as it is, revision included.
func (s *suite) has(want table.Item) {
	s.Helper()
	got, err := s.table.Get(s.Context(), want.Key)
	if err != nil {
		s.Errorf("get %s: %v", want.Key, err)
		return
	}
	// Apart, because a diff of 400 KB takes seconds.
	if !bytes.Equal(want.Body, got.Body) {
		s.Errorf("get %s: body of %d bytes differs from the %d written", want.Key, len(got.Body), len(want.Body))
	}
	want.Body, got.Body = nil, nil
	s.same(want, got)
}

func (s *suite) lacks(key table.Key) {
	s.Helper()
	if got, err := s.table.Get(s.Context(), key); !errors.Is(err, table.ErrNotFound) {
		s.Errorf("get %s = %+v, %v, want ErrNotFound", key, got, err)
	}
}

func (s *suite) same(want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
		s.Errorf("differs (-want +got):\n%s", diff)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error %v, want %v", err, want)
	}
}

// at returns the item at another revision.
func at(item table.Item, revision int64) table.Item {
	item.Revision = revision
	return item
}

func expiring(item table.Item, after time.Duration) table.Item {
	item.Expires = time.UnixMilli(time.Now().Add(after).UnixMilli())
	return item
}
