package folder

import (
	"path/filepath"
	"strings"
	"testing"

	"roost/shared/blob"
)

func FuzzPath(f *testing.F) {
	f.Add("a/b")
	f.Add("..a/%2f/%meta/%-/ü")
	f.Add(strings.Repeat("ü", 500))
	folder := &Folder{root: "/root"}
	f.Fuzz(func(t *testing.T, k string) {
		if blob.ValidateKey(k) != nil {
			t.Skip()
		}
		path := folder.path(k)
		relative, err := filepath.Rel("/root", path)
		if err != nil || strings.HasPrefix(relative, "..") {
			t.Fatalf("%q is at %s, %v", k, path, err)
		}
		for name := range strings.SplitSeq(relative, "/") {
			if len(name) > 210 {
				t.Errorf("name of %d bytes", len(name))
			}
		}
		if got, err := key(relative); err != nil || got != k {
			t.Errorf("%q comes back as %q, %v", k, got, err)
		}
	})
}
