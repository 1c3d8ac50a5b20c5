package backlog

import (
	"math/rand/v2"
	"time"
)

// Schedule are the pauses between the tries of a delivery: ten tries in a good
// 75 hours. The first is made when the event happens.
var schedule = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// MaxAttempts is how often a delivery is tried.
const MaxAttempts = len(schedule) + 1

// MaxPause bounds what a receiver may ask for with Retry-After.
const MaxPause = 24 * time.Hour

// Pause is how long a delivery waits that has failed the given number of times,
// up to a tenth longer than the schedule so that what failed together is not
// tried together; longer still, up to [MaxPause], when its receiver asks for
// that. It reports false when there is no next try.
func Pause(attempts int, asked time.Duration) (time.Duration, bool) {
	if attempts < 1 || attempts > len(schedule) {
		return 0, false
	}
	pause := schedule[attempts-1]
	pause += rand.N(pause / 10) //nolint:gosec // jitter
	return max(pause, min(asked, MaxPause)), true
}
