package table_test

import (
	"testing"

	"roost/shared/table"
)

func FuzzCursor(f *testing.F) {
	f.Add("a#1")
	f.Add("日本\x01")
	f.Fuzz(func(t *testing.T, sort string) {
		if (table.Key{Partition: "p", Sort: sort}).Validate() != nil {
			t.Skip()
		}
		got, err := table.DecodeCursor(table.EncodeCursor(sort))
		if err != nil || got != sort {
			t.Errorf("cursor of %q = %q, %v", sort, got, err)
		}
	})
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add("YSMx")
	f.Add("*")
	f.Fuzz(func(t *testing.T, cursor string) {
		sort, err := table.DecodeCursor(cursor)
		if err == nil && (table.Key{Partition: "p", Sort: sort}).Validate() != nil {
			t.Errorf("cursor %q gives the invalid sort key %q", cursor, sort)
		}
	})
}
