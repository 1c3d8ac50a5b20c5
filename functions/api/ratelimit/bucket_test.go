package ratelimit_test

import (
	"testing"
	"time"

	"roost/functions/api/ratelimit"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := ratelimit.NewBuckets(func() time.Time { return now })
	r := ratelimit.Rate{Every: time.Second, Burst: 3}
	if b.Wait("a", r) != 0 {
		t.Error("a full bucket waits")
	}
	for n := range 3 {
		if wait := b.Spend("a", r); wait != 0 {
			t.Errorf("call %d waits %v", n, wait)
		}
	}
	for range 2 { // those that are refused do not count
		if wait := b.Spend("a", r); wait != time.Second {
			t.Errorf("the fourth waits %v", wait)
		}
	}
	if b.Wait("a", r) != time.Second || b.Spend("b", r) != 0 {
		t.Error("keys are mixed up")
	}
	now = now.Add(1500 * time.Millisecond)
	if b.Wait("a", r) != 0 || b.Spend("a", r) != 0 || b.Spend("a", r) != 500*time.Millisecond {
		t.Error("a bucket does not fill as time passes")
	}
	now = now.Add(time.Hour)
	passed := 0
	for b.Spend("a", r) == 0 {
		passed++
	}
	if passed != 3 {
		t.Errorf("%d pass after an hour", passed)
	}
}
