package blobtest

import (
	"fmt"
	"slices"
	"time"

	"roost/shared/blob"
)

// list returns the keys of all pages.
func (s *suite) list(prefix string) []string {
	s.Helper()
	var keys []string
	for cursor := ""; ; {
		page, err := s.bucket.List(s.Context(), prefix, cursor)
		if err != nil {
			s.Fatalf("list: %v", err)
		}
		if len(page.Objects) > blob.MaxPage {
			s.Errorf("page of %d", len(page.Objects))
		}
		for _, info := range page.Objects {
			keys = append(keys, info.Key)
		}
		if cursor = page.Cursor; cursor == "" {
			return keys
		}
	}
}

func testList(s *suite) {
	for _, key := range []string{"b", "a/2", "a/10", "a/1", "a-1", "ab", "B", "é"} {
		s.put(s.prefix+key, []byte(key))
	}
	for prefix, want := range map[string][]string{
		"":     {"B", "a-1", "a/1", "a/10", "a/2", "ab", "b", "é"},
		"a":    {"a-1", "a/1", "a/10", "a/2", "ab"},
		"a/":   {"a/1", "a/10", "a/2"},
		"a/1":  {"a/1", "a/10"},
		"a/10": {"a/10"},
		"c":    nil,
		"c/d/": nil,
	} {
		got := s.list(s.prefix + prefix)
		for i := range want {
			want[i] = s.prefix + want[i]
		}
		if !slices.Equal(got, want) {
			s.Errorf("prefix %q: %q, want %q", prefix, got, want)
		}
	}
	page, err := s.bucket.List(s.Context(), s.prefix+"ab", "")
	if err != nil || len(page.Objects) != 1 {
		s.Fatalf("list: %+v, %v", page, err)
	}
	if info := page.Objects[0]; info.Size != 2 || info.ETag == "" || time.Since(info.Modified).Abs() > time.Minute {
		s.Errorf("listed %+v", info)
	}
}

// testListPages needs more objects than a page holds.
func testListPages(s *suite) {
	var want []string
	for i := range blob.MaxPage + 5 {
		want = append(want, fmt.Sprintf("%s%05d", s.prefix, i))
		s.put(want[i], nil)
	}
	if got := s.list(s.prefix); !slices.Equal(got, want) {
		s.Errorf("%d keys listed, want %d", len(got), len(want))
	}
}
