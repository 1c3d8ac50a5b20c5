package host

import (
	"context"
	"time"

	"roost/sessionhost/lease"
	"roost/shared/command"
)

// A command can come twice: its sender did not learn that the queue has it, or
// sent it after its instance. It is done once. What another host has answered
// stands on the table. What this one has, it knows by itself; and when its session
// has run for longer than any command lives, no other can have done one.

// recent are the ids of what was answered within a time and twice that.
type recent struct {
	now, before map[string]struct{}
	turned      time.Duration // by lease.Clock
}

func (r *recent) turn(every time.Duration) {
	if at := lease.Clock(); r.now == nil || at-r.turned >= every {
		r.now, r.before, r.turned = map[string]struct{}{}, r.now, at
	}
}

func (r *recent) has(id string) bool {
	_, now := r.now[id]
	_, before := r.before[id]
	return now || before
}

// answeredBefore reports whether a command was done and answered. When the table
// cannot tell it counts as not.
func (t *tenure) answeredBefore(ctx context.Context, cmd command.Command) bool {
	t.mu.Lock()
	known, s := t.answered.has(cmd.ID), t.sessions[cmd.Instance]
	t.mu.Unlock()
	if known {
		return true
	}
	if _, off := t.host.clock.Off(); !off && s != nil && s.Age() >= t.cfg.Settled {
		select {
		case <-s.Done():
		default:
			return false
		}
	}
	answered, err := t.results.Answered(ctx, cmd.ID)
	return err == nil && answered
}

// remembers notes that a command was answered.
func (t *tenure) remembers(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered.turn(t.cfg.Settled)
	t.answered.now[id] = struct{}{}
}
