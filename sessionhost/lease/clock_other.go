//go:build !linux

package lease

import "time"

// Clock counts from the start of the process, by whichever of wall and monotonic
// time has gone further: the latter may stand still while the machine sleeps.
func Clock() time.Duration {
	return max(monotonic(), time.Now().Round(0).Sub(start.Round(0)))
}
