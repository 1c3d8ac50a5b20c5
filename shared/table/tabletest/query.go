package tabletest

import (
	"bytes"
	"slices"
	"time"

	"roost/shared/table"
)

func testQueryRange(s *suite) {
	// In the order of bytes, which is neither of length nor of case.
	order := []string{"!", "10", "2", "A", "a", "a#1", "a#10", "a#2", "ab", "b", "z", "é", "日本", "😀"}
	var items []table.Item
	for _, sort := range order {
		items = append(items, s.item(sort, nil))
	}
	items = append(items,
		table.Item{Key: table.Key{Partition: s.partition + "-", Sort: "a"}},
		table.Item{Key: table.Key{Partition: s.partition[:len(s.partition)-1], Sort: "a"}})
	if err := s.table.BatchWrite(s.Context(), items, nil); err != nil {
		s.Fatalf("batch write: %v", err)
	}
	for _, c := range []struct {
		query table.Query
		want  []string
	}{
		{table.Query{}, order},
		{table.Query{From: "a"}, order[4:]},
		{table.Query{To: "a"}, order[:5]},
		{table.Query{From: "a", To: "b"}, order[4:10]},
		{table.Query{From: "a#", To: "a#~"}, order[5:8]},
		{table.Query{From: "b", To: "b"}, order[9:10]},
		{table.Query{From: "c", To: "d"}, nil},
		{table.Query{Prefix: "a#"}, order[5:8]},
		{table.Query{Prefix: "a"}, order[4:9]},
		{table.Query{Prefix: "日"}, order[12:13]},
		{table.Query{Prefix: "nothing"}, nil},
		{table.Query{Partition: "nobody"}, nil},
	} {
		for _, reverse := range []bool{false, true} {
			for _, limit := range []int{0, 1, 3} {
				q := c.query
				q.Reverse, q.Limit = reverse, limit
				if q.Partition == "" {
					q.Partition = s.partition
				}
				want := slices.Clone(c.want)
				if reverse {
					slices.Reverse(want)
				}
				if got := s.sorts(q); !slices.Equal(got, want) {
					s.Errorf("query %+v:\n got %q\nwant %q", q, got, want)
				}
			}
		}
	}
}

func testQueryPages(s *suite) {
	var items []table.Item
	for i := range 30 {
		item := s.item(numbered(i), map[string]any{"i": int64(i)})
		if i%3 == 1 {
			item = expiring(item, -time.Minute)
		}
		items = append(items, item)
	}
	if err := s.table.BatchWrite(s.Context(), items, nil); err != nil {
		s.Fatalf("batch write: %v", err)
	}
	query := table.Query{Partition: s.partition, Limit: 7}
	var got []table.Item
	for pages := 0; ; pages++ {
		page, err := s.table.Query(s.Context(), query)
		if err != nil || pages > 30 {
			s.Fatalf("page %d: %v", pages, err)
		}
		if len(page.Items) > query.Limit {
			s.Errorf("page %d has %d items", pages, len(page.Items))
		}
		got = append(got, page.Items...)
		if query.Cursor = page.Cursor; query.Cursor == "" {
			break
		}
		if pages == 0 {
			// What is deleted or added behind the cursor changes nothing
			// ahead of it.
			if err := s.table.Delete(s.Context(), items[0].Key, table.None()); err != nil {
				s.Fatal(err)
			}
		}
	}
	var want []table.Item
	for i, item := range items {
		if i%3 != 1 {
			want = append(want, at(item, 1))
		}
	}
	s.same(want, got)
}

// testQueryLarge reads more than one page may hold.
func testQueryLarge(s *suite) {
	var items []table.Item
	for i := range 8 {
		item := s.item(numbered(i), nil)
		item.Body = bytes.Repeat([]byte{byte(i)}, 300<<10)
		items = append(items, item)
	}
	if err := s.table.BatchWrite(s.Context(), items, nil); err != nil {
		s.Fatalf("batch write: %v", err)
	}
	page, err := s.table.Query(s.Context(), table.Query{Partition: s.partition})
	if err != nil || page.Cursor == "" || len(page.Items) == 0 {
		s.Errorf("first of 2.4 MB: %d items, cursor %q, %v", len(page.Items), page.Cursor, err)
	}
	i := 0
	for item, err := range table.All(s.Context(), s.table, table.Query{Partition: s.partition}) {
		if err != nil || item.Sort != numbered(i) || !bytes.Equal(item.Body, items[i].Body) {
			s.Fatalf("item %d: %s, %v", i, item.Sort, err)
		}
		i++
	}
	if i != len(items) {
		s.Errorf("%d items, want %d", i, len(items))
	}
}
