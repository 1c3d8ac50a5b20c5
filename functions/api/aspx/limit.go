package aspx

import (
	"math"
	"net/http"
	"time"

	"roost/functions/api/ratelimit"
)

var (
	anyRate  = ratelimit.Rate{Every: time.Second / 20, Burst: 40}
	linkRate = ratelimit.Rate{Every: 10 * time.Second, Burst: 6} // of generate_qrcode and of restore_session
	chatRate = ratelimit.Rate{Every: time.Second, Burst: 1}      // of messages to one chat
)

// limits are how often an instance may do what.
type limits struct{ buckets *ratelimit.Buckets }

func newLimits(now func() time.Time) *limits { return &limits{ratelimit.NewBuckets(now)} }

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

func (l *limits) spend(key string, r ratelimit.Rate) error {
	if wait := l.buckets.Spend(key, r); wait > 0 {
		return tooMany(wait)
	}
	return nil
}

func tooMany(wait time.Duration) *problem {
	return &problem{status: http.StatusTooManyRequests, sentence: "rate limit", retry: max(int(math.Ceil(wait.Seconds())), 1)}
}

// TooMany refuses a request that comes too soon.
func TooMany(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	p := tooMany(wait)
	answer{status: p.status, value: failureTTL{Error: p.sentence, TTL: p.retry}, retry: p.retry}.write(w)
}
