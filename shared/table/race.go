package table

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause waits before a write is tried again that others were faster than: not at
// all before the first try, number 0, then longer each time, up to 0.1 s, and
// never as long as another. Its error is that of ctx.
func Pause(ctx context.Context, race int) error {
	if race == 0 {
		return nil
	}
	timer := time.NewTimer(rand.N(min(time.Millisecond<<race, 100*time.Millisecond))) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
