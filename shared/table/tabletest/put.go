package tabletest

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"time"

	"roost/shared/table"
)

func testPut(s *suite) {
	item := s.item("a", map[string]any{"state": "open", "epoch": int64(7)})
	s.lacks(item.Key)
	s.put(item, table.None(), 1)
	s.has(at(item, 1))

	// A put replaces the whole item: nothing of the old one shines through.
	next := table.Item{Key: item.Key, Attributes: map[string]any{"other": true}}
	next.Revision = 99 // ignored
	s.put(next, table.None(), 2)
	s.has(at(next, 2))
	s.put(table.Item{Key: item.Key}, table.None(), 3)
	s.has(table.Item{Key: item.Key, Revision: 3})
}

func testValues(s *suite) {
	item := s.item("values", map[string]any{
		"text":    "grüße \"quoted\" \\ <&> \n\t\u2028 😀",
		"blank":   "",
		"max":     int64(math.MaxInt64),
		"min":     int64(math.MinInt64),
		"zero":    int64(0),
		"yes":     true,
		"no":      false,
		"bytes":   []byte{0, 1, 0xff, '"'},
		"empty":   []byte{},
		"list":    []string{"b", "a", "a", ""},
		"nothing": []string{},
		"map":     map[string]string{"k": "v", "": ""},
		"none":    map[string]string{},
		"dollar":  map[string]string{"$bytes": "AA=="},
		"mapped":  map[string]string{"$map": "x", "a": "y"},
		"upper_1": "kept apart from",
		"Upper_1": "its neighbour",
	})
	delete(item.Attributes["map"].(map[string]string), "")
	item.Body = bytes.Repeat([]byte{0, 0xfe, '\n'}, 1000)
	item.Expires = time.UnixMilli(time.Now().Add(time.Hour).UnixMilli())
	s.put(item, table.None(), 1)
	s.has(at(item, 1))

	odd := table.Item{Key: table.Key{Partition: s.partition + " ü/'\"%_", Sort: "ü#/%_*?[\\'\" \x01"}}
	s.put(odd, table.None(), 1)
	s.has(at(odd, 1))

	exact := s.item("exact", nil)
	exact.Expires = time.Unix(4_000_000_000, 987_654_321)
	s.put(exact, table.None(), 1)
	exact.Expires = time.UnixMilli(4_000_000_000_987)
	s.has(at(exact, 1))
}

func testConditions(s *suite) {
	item := s.item("c", map[string]any{
		"s": "x", "n": int64(5), "b": true, "raw": []byte("r"), "list": []string{"l"},
	})
	revision, twin := int64(0), s.item("c-written", item.Attributes) // the same in a transaction
	for _, c := range []struct {
		name      string
		condition table.Condition
		met       bool
	}{
		{"revision of an absent item", table.Revision(1), false},
		{"equals on an absent item", table.Equals("s", "x"), false},
		{"absent", table.Absent(), true},
		{"absent again", table.Absent(), false},
		{"revision", table.Revision(1), true},
		{"old revision", table.Revision(1), false},
		{"later revision", table.Revision(9), false},
		{"none", table.None(), true},
		{"equal text", table.Equals("s", "x"), true},
		{"other text", table.Equals("s", "y"), false},
		{"equal number", table.Equals("n", int64(5)), true},
		{"other number", table.Equals("n", int64(6)), false},
		{"number as text", table.Equals("n", "5"), false},
		{"equal bool", table.Equals("b", true), true},
		{"other bool", table.Equals("b", false), false},
		{"equal bytes", table.Equals("raw", []byte("r")), true},
		{"other bytes", table.Equals("raw", []byte("q")), false},
		{"bytes as text", table.Equals("raw", "r"), false},
		{"missing attribute", table.Equals("gone", "x"), false},
		{"list as text", table.Equals("list", "l"), false},
		{"at most, above", table.AtMost("n", 6), true},
		{"at most, same", table.AtMost("n", 5), true},
		{"at most, below", table.AtMost("n", 4), false},
		{"at most, missing", table.AtMost("gone", -1), true},
		{"at most, text", table.AtMost("s", math.MaxInt64), false},
		{"at most, bool", table.AtMost("b", math.MaxInt64), false},
		{"at most, bytes", table.AtMost("raw", math.MaxInt64), false},
		{"and, both", table.And(table.Equals("s", "x"), table.AtMost("n", 5)), true},
		{"and, one", table.And(table.Equals("s", "x"), table.AtMost("n", 4)), false},
		{"and, other", table.And(table.Equals("s", "y"), table.AtMost("n", 5)), false},
		{"and, nothing", table.And(), true},
		{"and, contradiction", table.And(table.Absent(), table.Equals("s", "x")), false},
	} {
		got, err := s.table.Put(s.Context(), item, c.condition)
		written := s.table.Write(s.Context(), table.PutOp(twin, c.condition))
		if !c.met {
			if err == nil || written == nil {
				s.Errorf("%s: put succeeded", c.name)
			}
			s.fails(err, table.ErrConflict)
			s.fails(written, table.ErrConflict)
			continue
		}
		if written != nil {
			s.Errorf("%s: write: %v", c.name, written)
		}
		revision++
		if err != nil || got != revision {
			s.Errorf("%s: put = %d, %v, want %d", c.name, got, err, revision)
		}
	}
	s.has(at(item, revision))
	s.has(at(twin, revision))
	bare := s.item("bare", nil)
	for range 2 {
		if err := s.table.Write(s.Context(), table.PutOp(bare, table.AtMost("n", 1))); err != nil {
			s.Errorf("at most, no attributes: %v", err)
		}
	}
	s.has(at(bare, 2))
	s.put(s.item("and-absent", nil), table.And(table.Absent(), table.AtMost("n", 1)), 1)
}

// testFence is the use that AtMost is for: an older epoch never overwrites.
func testFence(s *suite) {
	write := func(epoch int64) error {
		_, err := s.table.Put(s.Context(), s.item("k", map[string]any{"epoch": epoch}), table.AtMost("epoch", epoch))
		return err
	}
	for _, epoch := range []int64{3, 3, 5} {
		if err := write(epoch); err != nil {
			s.Errorf("epoch %d: %v", epoch, err)
		}
	}
	s.fails(write(4), table.ErrConflict)
	s.fails(s.table.Delete(s.Context(), s.key("k"), table.AtMost("epoch", 4)), table.ErrConflict)
	s.has(at(s.item("k", map[string]any{"epoch": int64(5)}), 3))
}

func testExpiry(s *suite) {
	dead := expiring(s.item("dead", map[string]any{"epoch": int64(9), "n": int64(3)}), -time.Hour)
	alive := expiring(s.item("alive", nil), time.Hour)
	bury := func() {
		s.Helper()
		_, err := s.table.Put(s.Context(), dead, table.None())
		if err != nil {
			s.Fatalf("put: %v", err)
		}
	}
	// First the one that lives: an adapter may sweep now and then, and the
	// dead must be on disk still.
	s.put(alive, table.None(), 1)
	bury()
	s.has(at(alive, 1))

	// No read shows it.
	s.lacks(dead.Key)
	found, err := s.table.BatchGet(s.Context(), []table.Key{dead.Key, alive.Key})
	if err != nil || len(found) != 1 {
		s.Errorf("batch get = %v, %v, want one", found, err)
	}
	s.same([]string{"alive"}, s.sorts(table.Query{Partition: s.partition}))

	// Every condition counts it as absent.
	_, err = s.table.Put(s.Context(), dead, table.Equals("epoch", int64(9)))
	s.fails(err, table.ErrConflict)
	_, err = s.table.Put(s.Context(), dead, table.Revision(1))
	s.fails(err, table.ErrConflict)
	s.fails(s.table.Write(s.Context(), table.CheckOp(dead.Key, table.Revision(1))), table.ErrConflict)
	if err := s.table.Write(s.Context(), table.CheckOp(dead.Key, table.AtMost("epoch", 1))); err != nil {
		s.Errorf("check at most on an expired item: %v", err)
	}
	reborn := s.item("dead", map[string]any{"epoch": int64(1)})
	s.put(reborn, table.Absent(), 1)
	s.has(at(reborn, 1))

	bury()
	if err := s.table.Write(s.Context(), table.PutOp(reborn, table.AtMost("epoch", 1))); err != nil {
		s.Errorf("at most over an expired item: %v", err)
	}
	if item, err := s.table.Get(s.Context(), dead.Key); err != nil { // its revision may go on or start again
		s.Errorf("after a put over an expired item: %v", err)
	} else {
		s.has(at(reborn, item.Revision))
	}

	bury()
	if sum, err := s.table.Increment(s.Context(), dead.Key, "n", 2); err != nil || sum != 2 {
		s.Errorf("increment over an expired item = %d, %v, want 2", sum, err)
	}
	item, err := s.table.Get(s.Context(), dead.Key)
	if err != nil || len(item.Attributes) != 1 || len(item.Body) != 0 || !item.Expires.IsZero() {
		s.Errorf("after increment: %+v, %v, want only the counter", item, err)
	}
}

func testDelete(s *suite) {
	item := s.item("d", map[string]any{"n": int64(1)})
	remove := func(c table.Condition) error { return s.table.Delete(s.Context(), item.Key, c) }
	if err := remove(table.None()); err != nil {
		s.Errorf("delete what is not there: %v", err)
	}
	s.fails(remove(table.Revision(1)), table.ErrConflict)
	s.put(item, table.None(), 1)
	s.fails(remove(table.Absent()), table.ErrConflict)
	s.fails(remove(table.Revision(2)), table.ErrConflict)
	s.fails(remove(table.Equals("n", int64(2))), table.ErrConflict)
	s.has(at(item, 1))
	if err := remove(table.And(table.Revision(1), table.Equals("n", int64(1)))); err != nil {
		s.Errorf("delete: %v", err)
	}
	s.lacks(item.Key)
	s.put(item, table.Absent(), 1)
}

func testLimits(s *suite) {
	largest := s.item("large", map[string]any{"n": int64(1)})
	largest.Body = nil
	largest.Body = bytes.Repeat([]byte{0xaa}, table.MaxItemSize-table.Size(largest))
	s.put(largest, table.None(), 1)
	s.has(at(largest, 1))
	tooLarge := largest
	tooLarge.Body = append(bytes.Clone(largest.Body), 0)
	_, err := s.table.Put(s.Context(), tooLarge, table.None())
	s.fails(err, table.ErrTooLarge)
	s.fails(s.table.Write(s.Context(), table.PutOp(tooLarge, table.None())), table.ErrTooLarge)
	s.fails(s.table.BatchWrite(s.Context(), []table.Item{tooLarge}, nil), table.ErrTooLarge)
	s.has(at(largest, 1))

	var ops []table.Op
	for i := range table.MaxTransactionOps {
		ops = append(ops, table.PutOp(s.item(numbered(i), nil), table.Absent()))
	}
	more := append(slices.Clip(ops), table.PutOp(s.item("more", nil), table.Absent()))
	s.fails(s.table.Write(s.Context(), more...), table.ErrTooLarge)
	s.lacks(s.key(numbered(0)))
	if err := s.table.Write(s.Context(), ops...); err != nil {
		s.Errorf("%d operations: %v", len(ops), err)
	}
	s.has(at(s.item(numbered(99), nil), 1))

	var heavy []table.Op
	for i := range 11 {
		item := s.item("heavy"+numbered(i), nil)
		item.Body = largest.Body[:390<<10]
		heavy = append(heavy, table.PutOp(item, table.None()))
	}
	s.fails(s.table.Write(s.Context(), heavy...), table.ErrTooLarge)

	longest := table.Key{
		Partition: s.partition + strings.Repeat("p", table.MaxPartitionLength-len(s.partition)),
		Sort:      strings.Repeat("s", table.MaxSortLength),
	}
	s.put(table.Item{Key: longest}, table.None(), 1)
	s.has(table.Item{Key: longest, Revision: 1})
}
