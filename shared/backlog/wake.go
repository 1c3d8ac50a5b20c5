package backlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/table"
)

// Queue is the queue of wake-ups: FIFO, and nothing on it is lost when it is.
const Queue = "deliveries"

// QueueOptions are those of Queue. A wake-up comes until it is done. It is hidden
// for six times as long as the consumer may take (functions/webhook/delivery).
var QueueOptions = queue.Options{Visibility: 3 * time.Minute}

const (
	// Hold is the longest that a wake-up is hidden until its lane is due. What
	// is due later is the table's to remember.
	Hold = 30 * time.Second
	// spread is over how many groups the lanes of a subscription go.
	spread = 4
)

// Wakeup is the body of a message on Queue.
type Wakeup struct {
	Lane *Lane `json:"lane"`
}

// IsWakeup tells wake-ups from what else may be on a queue, at a glance.
func IsWakeup(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"lane":`)) }

// ReadWakeup decodes a message; false when it is something else.
func ReadWakeup(body []byte) (Lane, bool) {
	var w Wakeup
	if json.Unmarshal(body, &w) != nil || w.Lane == nil || w.Lane.Instance == "" || w.Lane.Subscription == "" {
		return Lane{}, false
	}
	return *w.Lane, true
}

// Soon reports whether a wake-up is to be sent for a lane that is due at a time.
// One that is sent earlier would be dropped, and the next one with the same
// name for five minutes.
func (r *Repository) Soon(due time.Time) bool { return due.Before(r.now().Add(Hold)) }

// Send puts a wake-up onto q. The same lane at the same time is one.
func Send(ctx context.Context, q queue.Queue, l Lane, due time.Time) error {
	m, err := wakeup(l, due)
	if err != nil {
		return err
	}
	if err := q.Send(ctx, m); err != nil {
		return fmt.Errorf("send a wake-up: %w", err)
	}
	return nil
}

func wakeup(l Lane, due time.Time) (queue.Message, error) {
	body, err := json.Marshal(Wakeup{&l})
	if err != nil {
		return queue.Message{}, fmt.Errorf("marshal a wake-up: %w", err)
	}
	hash := l.hash()
	return queue.Message{
		Group:         string(l.Instance) + "#" + l.Subscription + "#" + strconv.FormatUint(hash/shards%spread, 10),
		Deduplication: strconv.FormatUint(hash, 16) + "-" + stamp(due), Body: body,
	}, nil
}

// Woken says what Wake found.
type Woken struct {
	Lanes int // that are due
	// Failing is how many there are, and Oldest for how long the one that fails
	// the longest has been failing. Of more than 2,000 both are lower bounds.
	Failing int
	Oldest  time.Duration
}

// maxLooked is how many lanes of a shard Wake looks at beyond those that are due.
const maxLooked = 500

// Wake puts a wake-up onto q for every lane that is due. It does no harm to do
// it again, or from two places.
func (r *Repository) Wake(ctx context.Context, q queue.Queue) (Woken, error) {
	var woken Woken
	now := r.now()
	for shard := range uint64(shards) {
		var messages []queue.Message
		later := 0
		for item, err := range table.All(ctx, r.table, table.Query{Partition: duePartition(shard), Limit: maxLooked}) {
			if err != nil {
				return woken, fmt.Errorf("look for what is due: %w", err)
			}
			woken.Failing++
			woken.Oldest = max(woken.Oldest, now.Sub(unstamp(item.Text("since"))))
			if dueOf(item).After(now) {
				if later++; later == maxLooked {
					break
				}
				continue
			}
			lane := Lane{Instance: instance.ID(item.Text("instance")), Subscription: item.Text("subscription"), Chat: item.Text("chat")}
			m, err := wakeup(lane, dueOf(item))
			if err != nil {
				return woken, err
			}
			messages = append(messages, m)
			woken.Lanes++
		}
		if len(messages) == 0 {
			continue
		}
		if err := q.Send(ctx, messages...); err != nil {
			return woken, fmt.Errorf("send wake-ups: %w", err)
		}
	}
	return woken, nil
}

// Next returns when the first lane is due that is due after the given time;
// zero when there is none.
func (r *Repository) Next(ctx context.Context, after time.Time) (time.Time, error) {
	var next time.Time
	for shard := range uint64(shards) {
		page, err := r.table.Query(ctx, table.Query{Partition: duePartition(shard), From: stamp(after) + "$", Limit: 1})
		if err != nil {
			return time.Time{}, fmt.Errorf("look for what is due next: %w", err)
		}
		for _, item := range page.Items {
			if at := dueOf(item); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	return next, nil
}

func dueOf(item table.Item) time.Time {
	at, _, _ := strings.Cut(item.Sort, "#")
	return unstamp(at)
}
