package world

import (
	"context"
	"math/rand/v2"
	"time"
)

// MaxRate bounds loads, a second, and MaxEvents what one of them may have.
const (
	MaxRate   = 20_000
	MaxEvents = 1_000_000
)

// Load says how much is to happen, and to whom.
type Load struct {
	Fleet     Fleet
	Instances int     // spread over the first so many
	Rate      float64 // a second
	Seconds   float64
}

func (l Load) events() int { return min(int(l.Rate*l.Seconds), MaxEvents) }

// order is which instance each event belongs to: all in turn, in an order that
// is another one each time and the same in every run.
func (l Load) order() []int {
	dice := rand.New(rand.NewPCG(uint64(l.Instances), uint64(l.events()))) //nolint:gosec // repeatable on purpose
	out := make([]int, 0, l.events()+l.Instances)
	for len(out) < l.events() {
		out = append(out, dice.Perm(l.Instances)...)
	}
	return out[:l.events()]
}

// run does each event at its time. It never waits for one: do must not block.
func (l Load) run(ctx context.Context, do func(i int, due time.Time)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	begin := time.Now()
	for i := range l.events() {
		due := begin.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
		if rest := time.Until(due); rest > 0 {
			timer.Reset(rest)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		do(i, due)
	}
	return nil
}
