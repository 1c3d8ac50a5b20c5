package session

import (
	"testing"
	"time"
)

// The guid dialect's contract: idle after 90 s, released after 10 min more.
func TestRhythm(t *testing.T) {
	t.Parallel()
	want := Rhythm{Beat: 30 * time.Second, Misses: 3, Release: 10 * time.Minute, Proof: 5 * time.Minute, Steady: 30 * time.Second}
	if got := (Rhythm{}).withDefaults(); got != want {
		t.Errorf("by default %+v", got)
	}
	odd := Rhythm{Beat: 1, Misses: 2, Release: 3, Proof: 4, Steady: 5}
	if got := odd.withDefaults(); got != odd {
		t.Errorf("set to %+v, is %+v", odd, got)
	}
}
