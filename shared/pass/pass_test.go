package pass_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"roost/shared/pass"
	"roost/shared/seal"
)

func sealer(tb testing.TB) *seal.Sealer {
	tb.Helper()
	s, err := seal.New(seal.NewKey())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestPass(t *testing.T) {
	t.Parallel()
	s, now := sealer(t), time.Now()
	word, err := pass.Make(s, "i1", "thing", now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := pass.Open(s, word, "thing", now); !ok || id != "i1" {
		t.Errorf("opens %q, %v", id, ok)
	}
	for name, open := range map[string]func() bool{
		"another thing":    func() bool { _, ok := pass.Open(s, word, "other", now); return ok },
		"its time is over": func() bool { _, ok := pass.Open(s, word, "thing", now.Add(time.Minute)); return ok },
		"another key":      func() bool { _, ok := pass.Open(sealer(t), word, "thing", now); return ok },
		"a spoilt word":    func() bool { _, ok := pass.Open(s, "A"+word, "thing", now); return ok },
		"no word":          func() bool { _, ok := pass.Open(s, "", "thing", now); return ok },
	} {
		if open() {
			t.Errorf("%s opens it", name)
		}
	}
}

func TestFileURL(t *testing.T) {
	t.Parallel()
	s, now := sealer(t), time.Now()
	link, err := pass.FileURL(s, "https://roost.example/", "i1", "web/1", "A/1", now)
	if err != nil || !strings.HasPrefix(link, "https://roost.example/static/web%2F1/media/A%2F1?wid=") {
		t.Fatalf("%s: %v", link, err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := pass.Open(s, u.Query().Get("wid"), pass.File("A/1"), now.Add(pass.Life-time.Second)); !ok || id != "i1" {
		t.Errorf("opens %q, %v", id, ok)
	}
}

func FuzzCutFile(f *testing.F) {
	f.Add("/static/web/media/A")
	f.Add("/static//media/")
	f.Fuzz(func(t *testing.T, path string) {
		webID, message, whole := pass.CutFile(path)
		if whole && (webID == "" || message == "" || !strings.HasSuffix(path, webID+"/media/"+message)) {
			t.Errorf("%q is %q of %q", path, message, webID)
		}
	})
}
