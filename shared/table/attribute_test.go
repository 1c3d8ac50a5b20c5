package table_test

import (
	"slices"
	"testing"
	"time"

	"roost/shared/table"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600))
	item := table.Item{Attributes: map[string]any{
		"text": "t", "number": int64(-5), "flag": true, "bytes": []byte{1}, "list": []string{"a", "b"}, "time": table.Stamp(at),
	}}
	if item.Text("text") != "t" || item.Number("number") != -5 || !item.Flag("flag") || !slices.Equal(item.Bytes("bytes"), []byte{1}) ||
		!slices.Equal(item.List("list"), []string{"a", "b"}) {
		t.Errorf("attributes %v read back otherwise", item.Attributes)
	}
	if got := item.Time("time"); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("time %v, want %v in UTC", got, at)
	}
	for _, name := range []string{"none", "text", "number", "flag", "bytes", "list"} {
		if name != "text" && item.Text(name) != "" || name != "number" && item.Number(name) != 0 || name != "flag" && item.Flag(name) ||
			name != "bytes" && item.Bytes(name) != nil || name != "list" && item.List(name) != nil || !item.Time(name).IsZero() {
			t.Errorf("attribute %q is taken for something else", name)
		}
	}
}
