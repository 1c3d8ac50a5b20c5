package lease

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock counts from the start of the machine, also while the process is stopped
// or the machine sleeps (CLOCK_BOOTTIME; Go's own monotonic time stands still
// in a sleep).
func Clock() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
		return monotonic()
	}
	return time.Duration(at.Nano())
}
