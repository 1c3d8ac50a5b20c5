package aspx

import (
	"math"
	"net/http"
	"sync"
	"time"
)

// rate is how often something may be done: burst at once, and one more each
// time that every has passed.
type rate struct {
	every time.Duration
	burst float64
}

var (
	anyRate  = rate{time.Second / 20, 40}
	linkRate = rate{10 * time.Second, 6} // of generate_qrcode and of restore_session
	chatRate = rate{time.Second, 1}      // of messages to one chat
)

// maxBuckets bounds the memory of limits. Full ones are forgotten first.
const maxBuckets = 1 << 16

type bucket struct {
	rate rate
	left float64
	at   time.Time
}

// limits count per key what this process has let through. Its methods may be
// called concurrently.
type limits struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, buckets: map[string]*bucket{}}
}

// take counts a command of an instance, or says that it comes too soon.
func (l *limits) take(id, command string) error {
	if err := l.spend(id, anyRate); err != nil {
		return err
	}
	if command == "generate_qrcode" || command == "restore_session" {
		return l.spend(id+" "+command, linkRate)
	}
	return nil
}

// takeChat counts a message to a chat.
func (l *limits) takeChat(id, chat string) error { return l.spend(id+" chat "+chat, chatRate) }

func (l *limits) spend(key string, r rate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[key]
	if b == nil {
		l.prune(now)
		b = &bucket{rate: r, left: r.burst, at: now}
		l.buckets[key] = b
	}
	b.fill(now)
	if b.left < 1 {
		wait := time.Duration((1 - b.left) * float64(r.every))
		seconds := max(int(math.Ceil(wait.Seconds())), 1)
		return &problem{status: http.StatusTooManyRequests, sentence: "rate limit", retry: seconds}
	}
	b.left--
	return nil
}

func (b *bucket) fill(now time.Time) {
	b.left = min(b.rate.burst, b.left+max(float64(now.Sub(b.at)), 0)/float64(b.rate.every))
	b.at = now
}

func (l *limits) prune(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.fill(now); b.left >= b.rate.burst {
			delete(l.buckets, key)
		}
	}
	if len(l.buckets) >= maxBuckets { // all at their limit: whoever is dropped starts afresh
		clear(l.buckets)
	}
}
