package delivery

import "time"

// SetPause replaces the schedule, for tests in real time.
func (h *Handler) SetPause(pause func(attempts int, asked time.Duration) (time.Duration, bool)) {
	h.pause = pause
}

// The request's parts, for benchmarks and fuzzing.
var (
	NewRequest = newRequest
	RetryAfter = retryAfter
)
