package bounded_test

import (
	"testing"

	"roost/shared/bounded"
)

func TestMap(t *testing.T) {
	t.Parallel()
	m := bounded.New[string, int](2)
	m.Put("a", 1)
	m.Put("b", 2)
	m.Put("a", 3) // there is room for what is there already
	for key, want := range map[string]int{"a": 3, "b": 2} {
		if got, ok := m.Get(key); got != want || !ok {
			t.Errorf("%s: %d %v", key, got, ok)
		}
	}
	m.Put("c", 4)
	left := 0
	for _, key := range []string{"a", "b"} {
		if _, ok := m.Get(key); ok {
			left++
		}
	}
	if got, ok := m.Get("c"); got != 4 || !ok || left != 1 {
		t.Errorf("the third is %d %v, %d others are left", got, ok, left)
	}
	m.Forget("c")
	if _, ok := m.Get("c"); ok {
		t.Error("it is remembered")
	}
}
