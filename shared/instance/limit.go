package instance

import "time"

// LimitReachOut is an account that may not begin new chats (WhatsApp's
// "reach-out time lock", error 463).
const LimitReachOut = "reach_out_locked"

// Limit is what WhatsApp keeps an account from although it is connected. The
// zero value is nothing.
type Limit struct {
	Code  string // LimitReachOut
	Until time.Time
}

// Active reports whether the limit holds at a moment.
func (l Limit) Active(now time.Time) bool { return l.Code != "" && now.Before(l.Until) }
