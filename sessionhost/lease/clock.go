package lease

import "time"

// start is the zero of the process' own clock; it never changes.
var start = time.Now()

func monotonic() time.Duration { return time.Since(start) }
