package aspx

import (
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := newLimits(func() time.Time { return now })
	let := func(id, command string) (n int) {
		for l.take(id, command) == nil {
			n++
		}
		return n
	}
	if n := let("a", "status"); n != 40 {
		t.Errorf("%d at once", n)
	}
	if n := let("b", "restore_session"); n != 6 {
		t.Errorf("%d restores, of another key", n)
	}
	now = now.Add(time.Second)
	if n := let("a", "status"); n != 20 {
		t.Errorf("%d after a second", n)
	}
	if l.takeChat("a", "x") != nil || l.takeChat("a", "x") == nil || l.takeChat("b", "y") != nil {
		t.Error("a chat takes one message a second")
	}
	now = now.Add(time.Second)
	if l.takeChat("a", "x") != nil {
		t.Error("a second later the chat takes none")
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"webhook":"https://x","APIVersion":1.1}`))
	f.Add([]byte("\ufeff{}"))
	f.Add([]byte(`{"APIVersion":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in struct {
			APIVersion *word `json:"APIVersion"`
		}
		if err := asked(t, "set_config", b).read(&in); err != nil && problemOf(err).status != 400 {
			t.Errorf("%v is no refusal", err)
		}
	})
}
