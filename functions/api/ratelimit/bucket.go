package ratelimit

import (
	"sync"
	"time"
)

// Rate is how often something may be done: Burst at once, and one more each
// time that Every has passed.
type Rate struct {
	Every time.Duration
	Burst float64
}

// maxBuckets bounds the memory of Buckets. Full ones are forgotten first.
const maxBuckets = 1 << 16

// Buckets count what this process has let through, by keys. They cost no
// request to the table, and processes do not count together: behind API Gateway
// each has its own callers, and the gateway a limit for all of them. Methods may
// be called concurrently.
type Buckets struct {
	now func() time.Time

	mu    sync.Mutex
	byKey map[string]*bucket
}

type bucket struct {
	rate Rate
	left float64
	at   time.Time
}

// NewBuckets makes buckets that are full. now is the clock.
func NewBuckets(now func() time.Time) *Buckets {
	return &Buckets{now: now, byKey: map[string]*bucket{}}
}

// Spend takes one from a key's bucket. It returns 0 when there was one, or else
// how long it is until there is.
func (b *Buckets) Spend(key string, r Rate) time.Duration { return b.draw(key, r, 1) }

// Wait is Spend that takes nothing.
func (b *Buckets) Wait(key string, r Rate) time.Duration { return b.draw(key, r, 0) }

func (b *Buckets) draw(key string, r Rate, cost float64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	one := b.byKey[key]
	if one == nil {
		if cost == 0 {
			return 0
		}
		b.prune(now)
		one = &bucket{rate: r, left: r.Burst, at: now}
		b.byKey[key] = one
	}
	one.fill(now)
	if one.left < 1 {
		return time.Duration((1 - one.left) * float64(r.Every))
	}
	one.left -= cost
	return 0
}

func (b *bucket) fill(now time.Time) {
	b.left = min(b.rate.Burst, b.left+max(float64(now.Sub(b.at)), 0)/float64(b.rate.Every))
	b.at = now
}

func (b *Buckets) prune(now time.Time) {
	if len(b.byKey) < maxBuckets {
		return
	}
	for key, one := range b.byKey {
		if one.fill(now); one.left >= one.rate.Burst {
			delete(b.byKey, key)
		}
	}
	if len(b.byKey) >= maxBuckets { // all at their limit: whoever is dropped starts afresh
		clear(b.byKey)
	}
}
