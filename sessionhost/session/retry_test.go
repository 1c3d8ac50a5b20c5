package session

import (
	"testing"
	"time"
)

// A connection that ends soon after its login, as one does that is reset since
// nothing can be stored, is opened again later and later, one that has lasted
// at once.
func TestBadConnectionsGrowRare(t *testing.T) {
	t.Parallel()
	s := &Session{deps: Deps{Rhythm: Rhythm{}.withDefaults()}}
	pause := func(lasted time.Duration) time.Duration {
		s.since = time.Now().Add(-lasted)
		s.retry()
		return time.Until(s.clock.reopen)
	}
	if got := pause(time.Hour); got > firstJitter {
		t.Errorf("after an hour it waits for %s", got)
	}
	for n := range 9 {
		least := min(time.Second<<n, longestPause) / 2
		if got := pause(time.Second); got < least-time.Second/4 {
			t.Errorf("the %d. time it waits for %s, at least %s were meant", n+1, got, least)
		}
	}
	if got := pause(time.Minute); got > firstJitter {
		t.Errorf("after a minute it waits for %s", got)
	}
}
