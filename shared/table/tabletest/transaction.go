package tabletest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/shared/table"
)

func numbered(i int) string { return fmt.Sprintf("%04d", i) }

func testWrite(s *suite) {
	a, b, c := s.item("a", map[string]any{"n": int64(1)}), s.item("b", nil), s.item("c", nil)
	if err := s.table.Write(s.Context()); err != nil {
		s.Errorf("empty: %v", err)
	}
	if err := s.table.Write(s.Context(), table.PutOp(a, table.Absent()), table.PutOp(b, table.None())); err != nil {
		s.Fatalf("create: %v", err)
	}
	s.has(at(a, 1))
	s.has(at(b, 1))
	err := s.table.Write(s.Context(),
		table.CheckOp(a.Key, table.Equals("n", int64(1))),
		table.DeleteOp(b.Key, table.Revision(1)),
		table.PutOp(c, table.Absent()),
		table.DeleteOp(s.key("never"), table.None()),
		table.CheckOp(s.key("nor this"), table.Absent()),
	)
	if err != nil {
		s.Fatalf("mixed: %v", err)
	}
	s.has(at(a, 1)) // a check leaves the revision alone
	s.lacks(b.Key)
	s.has(at(c, 1))
	if err := s.table.Write(s.Context(), table.PutOp(a, table.Revision(1)), table.PutOp(c, table.None())); err != nil {
		s.Fatalf("update: %v", err)
	}
	s.has(at(a, 2))
	s.has(at(c, 2))

	// Across partitions too.
	far := table.Item{Key: table.Key{Partition: s.partition + "-far", Sort: "x"}}
	if err := s.table.Write(s.Context(), table.PutOp(far, table.Absent()), table.DeleteOp(a.Key, table.None())); err != nil {
		s.Fatalf("two partitions: %v", err)
	}
	s.has(at(far, 1))
	s.lacks(a.Key)
}

func testWriteConflict(s *suite) {
	a, b := s.item("a", nil), s.item("b", nil)
	s.put(a, table.None(), 1)
	for i, ops := range [][]table.Op{
		{table.PutOp(a, table.Absent()), table.PutOp(b, table.None())},
		{table.PutOp(b, table.None()), table.PutOp(a, table.Revision(2))},
		{table.PutOp(b, table.None()), table.PutOp(s.item("c", nil), table.None()), table.DeleteOp(a.Key, table.Absent())},
		{
			table.PutOp(b, table.None()), table.DeleteOp(a.Key, table.None()), table.PutOp(s.item("c", nil), table.None()),
			table.CheckOp(s.key("d"), table.Revision(1)),
		},
	} {
		err := s.table.Write(s.Context(), ops...)
		var conflict *table.ConflictError
		if !errors.As(err, &conflict) || !errors.Is(err, table.ErrConflict) {
			s.Fatalf("write %d: %v, want a conflict", i, err)
		}
		if conflict.Op != i || conflict.Key != ops[i].Item.Key {
			s.Errorf("write %d: conflict on %d (%s)", i, conflict.Op, conflict.Key)
		}
		s.has(at(a, 1))
		s.lacks(b.Key)
		s.lacks(s.key("c"))
	}
	// Of several failures the first is named.
	err := s.table.Write(s.Context(), table.PutOp(b, table.None()), table.CheckOp(s.key("x"), table.Revision(1)), table.PutOp(a, table.Absent()))
	var conflict *table.ConflictError
	if !errors.As(err, &conflict) || conflict.Op != 1 {
		s.Errorf("two failures: %v, want operation 1", err)
	}
}

func testBatchGet(s *suite) {
	var keys []table.Key
	var items []table.Item
	for i := range 130 { // more than one request of 100
		item := s.item(numbered(i), nil)
		keys = append(keys, item.Key)
		if i%10 != 3 {
			items = append(items, item)
		}
	}
	if err := s.table.BatchWrite(s.Context(), items, nil); err != nil {
		s.Fatalf("batch write: %v", err)
	}
	found, err := s.table.BatchGet(s.Context(), append(keys, keys[0], keys[3]))
	if err != nil {
		s.Fatalf("batch get: %v", err)
	}
	want := make(map[table.Key]table.Item)
	for _, item := range items {
		want[item.Key] = at(item, 1)
	}
	s.same(want, found)
	if found, err := s.table.BatchGet(s.Context(), nil); err != nil || len(found) != 0 {
		s.Errorf("nothing = %v, %v", found, err)
	}
}

func testBatchWrite(s *suite) {
	var first []table.Item
	var want []string
	for i := range 60 { // more than two requests of 25
		first = append(first, s.item(numbered(i), map[string]any{"round": int64(1)}))
	}
	if err := s.table.BatchWrite(s.Context(), first, nil); err != nil {
		s.Fatalf("first: %v", err)
	}
	s.put(first[0], table.None(), 2)
	second := make([]table.Item, 30)
	var deletes []table.Key
	for i := range second {
		second[i] = s.item(numbered(i), map[string]any{"round": int64(2)})
		deletes = append(deletes, s.key(numbered(30+i)))
		want = append(want, numbered(i))
	}
	if err := s.table.BatchWrite(s.Context(), second, append(deletes, s.key("never"))); err != nil {
		s.Fatalf("second: %v", err)
	}
	s.has(at(second[0], 1)) // whatever it replaced
	s.has(at(second[29], 1))
	s.same(want, s.sorts(table.Query{Partition: s.partition}))
	if err := s.table.BatchWrite(s.Context(), nil, nil); err != nil {
		s.Errorf("nothing: %v", err)
	}
}

func testIncrement(s *suite) {
	key := s.key("counter")
	for _, c := range []struct {
		attribute  string
		delta, sum int64
	}{{"n", 5, 5}, {"n", -7, -2}, {"other", 1, 1}, {"n", 0, -2}} {
		sum, err := s.table.Increment(s.Context(), key, c.attribute, c.delta)
		if err != nil || sum != c.sum {
			s.Errorf("increment %s by %d = %d, %v, want %d", c.attribute, c.delta, sum, err, c.sum)
		}
	}
	s.has(table.Item{Key: key, Revision: 4, Attributes: map[string]any{"n": int64(-2), "other": int64(1)}})

	// The rest of an item stays.
	item := expiring(s.item("rich", map[string]any{"state": "open"}), time.Hour)
	s.put(item, table.None(), 1)
	if _, err := s.table.Increment(s.Context(), item.Key, "n", 3); err != nil {
		s.Errorf("increment: %v", err)
	}
	item.Attributes["n"] = int64(3)
	s.has(at(item, 2))
	_, err := s.table.Increment(s.Context(), item.Key, "state", 1)
	s.fails(err, table.ErrInvalid)
	s.has(at(item, 2))
}

func testInvalid(s *suite) {
	good := s.item("good", nil)
	put := func(change func(*table.Item), condition table.Condition) error {
		item := good
		change(&item)
		_, err := s.table.Put(s.Context(), item, condition)
		return err
	}
	attribute := func(name string, value any) func(*table.Item) {
		return func(i *table.Item) { i.Attributes = map[string]any{name: value} }
	}
	same := func(*table.Item) {}
	for name, err := range map[string]error{
		"no partition":      put(func(i *table.Item) { i.Partition = "" }, table.None()),
		"no sort":           put(func(i *table.Item) { i.Sort = "" }, table.None()),
		"NUL":               put(func(i *table.Item) { i.Sort = "a\x00b" }, table.None()),
		"not UTF-8":         put(func(i *table.Item) { i.Sort = "\xff" }, table.None()),
		"int":               put(attribute("n", 1), table.None()),
		"float":             put(attribute("n", 1.5), table.None()),
		"nil":               put(attribute("n", nil), table.None()),
		"binary text":       put(attribute("s", "\xff"), table.None()),
		"attribute name":    put(attribute("has space", "x"), table.None()),
		"no attribute name": put(attribute("", "x"), table.None()),
		"leading digit":     put(attribute("1a", "x"), table.None()),
		"condition type":    put(same, table.Equals("n", 1)),
		"condition name":    put(same, table.AtMost("", 1)),
		"revision zero":     put(same, table.Revision(0)),
		"twice in write":    s.table.Write(s.Context(), table.PutOp(good, table.None()), table.DeleteOp(good.Key, table.None())),
		"empty check":       s.table.Write(s.Context(), table.CheckOp(good.Key, table.None())),
		"twice in batch":    s.table.BatchWrite(s.Context(), []table.Item{good}, []table.Key{good.Key}),
		"bad batch":         s.table.BatchWrite(s.Context(), []table.Item{good, {}}, nil),
		"bad delete":        s.table.Delete(s.Context(), table.Key{}, table.None()),
	} {
		if !errors.Is(err, table.ErrInvalid) {
			s.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	_, err := s.table.Get(s.Context(), table.Key{})
	s.fails(err, table.ErrInvalid)
	_, err = s.table.BatchGet(s.Context(), []table.Key{good.Key, {}})
	s.fails(err, table.ErrInvalid)
	_, err = s.table.Increment(s.Context(), good.Key, "no name", 1)
	s.fails(err, table.ErrInvalid)
	for _, query := range []table.Query{
		{},
		{Partition: s.partition, Prefix: "a", From: "b"},
		{Partition: s.partition, Limit: -1},
		{Partition: s.partition, Cursor: "*"},
	} {
		_, err := s.table.Query(s.Context(), query)
		s.fails(err, table.ErrInvalid)
	}
	s.lacks(good.Key)
}

// testOwnedMemory changes what went in and what came out.
func testOwnedMemory(s *suite) {
	item := s.item("own", map[string]any{"raw": []byte("raw"), "list": []string{"l"}, "map": map[string]string{"k": "v"}})
	s.put(item, table.None(), 1)
	want := s.item("own", map[string]any{"raw": []byte("raw"), "list": []string{"l"}, "map": map[string]string{"k": "v"}})
	spoil := func(i table.Item) {
		i.Body[0] = '!'
		i.Attributes["raw"].([]byte)[0] = '!'
		i.Attributes["list"].([]string)[0] = "!"
		i.Attributes["map"].(map[string]string)["k"] = "!"
		i.Attributes["new"] = true
	}
	spoil(item)
	s.has(at(want, 1))
	got, err := s.table.Get(s.Context(), item.Key)
	if err != nil {
		s.Fatal(err)
	}
	spoil(got)
	s.has(at(want, 1))
	page, err := s.table.Query(s.Context(), table.Query{Partition: s.partition})
	if err != nil || len(page.Items) != 1 {
		s.Fatalf("query = %v, %v", page, err)
	}
	spoil(page.Items[0])
	s.has(at(want, 1))
}

// sorts returns the sort keys of all pages.
func (s *suite) sorts(query table.Query) []string {
	s.Helper()
	var sorts []string
	for item, err := range table.All(s.Context(), s.table, query) {
		if err != nil {
			s.Fatalf("query %+v: %v", query, err)
		}
		sorts = append(sorts, item.Sort)
	}
	return slices.Clip(sorts)
}
