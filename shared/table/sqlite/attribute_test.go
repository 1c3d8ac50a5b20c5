package sqlite

import (
	"math"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAttributesReadWell(t *testing.T) {
	t.Parallel()
	got := encodeAttributes(map[string]any{
		"state": "open", "epoch": int64(7), "ready": true, "raw": []byte{1, 2},
		"chats": []string{"a", "b"}, "labels": map[string]string{"k": "v"}, "odd": map[string]string{"$bytes": "x"},
	})
	want := `{"chats":["a","b"],"epoch":7,"labels":{"k":"v"},"odd":{"$map":{"$bytes":"x"}},` +
		`"raw":{"$bytes":"AQI="},"ready":true,"state":"open"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add("plain", "k", int64(1), []byte("raw"))
	f.Add("\"\\\u2028<&\x7f", "$bytes", int64(math.MinInt64), []byte{0xff})
	f.Add("", "$map", int64(0), []byte{})
	f.Fuzz(func(t *testing.T, text, name string, n int64, raw []byte) {
		if !utf8.ValidString(text) || !utf8.ValidString(name) {
			t.Skip()
		}
		want := map[string]any{
			"text": text, "n": n, "raw": raw, "list": []string{text, name},
			"map": map[string]string{name: text, "a": name},
		}
		got, err := decodeAttributes(encodeAttributes(want))
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			delete(want, "raw")
			delete(got, "raw")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
