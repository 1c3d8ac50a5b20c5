package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"roost/shared/queue"
	"roost/shared/sqlite"
)

const (
	// Groups that nobody holds, oldest head first; then those whose holder let
	// the time run out. Each is one seek in message_group_free.
	freeGroups = `SELECT message_group FROM message_group
		WHERE queue = ?1 AND blocked = 0 ORDER BY head LIMIT ?2 + 0`
	overdueGroups = `SELECT message_group FROM message_group
		WHERE queue = ?1 AND blocked > 0 AND blocked <= ?2 ORDER BY blocked LIMIT ?3 + 0`
	// The time at which a group becomes free by itself.
	nextFree = `SELECT blocked FROM message_group WHERE queue = ?1 AND blocked > ?2 ORDER BY blocked LIMIT 1`

	firstOfGroup = `SELECT id, body, sent, receives, deduplication FROM message
		WHERE queue = ?1 AND message_group = ?2 ORDER BY id LIMIT ?3 + 0`
	hold       = `UPDATE message SET visible = ?2, receives = receives + 1, receipt = ?3 WHERE id = ?1`
	blockGroup = `UPDATE message_group SET blocked = ?3 WHERE queue = ?1 AND message_group = ?2`
	deadLetter = `UPDATE message SET queue = ?2, visible = 0, receives = 0 WHERE id = ?1`
)

// Receive implements [queue.Queue].
func (q *Queue) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]queue.Delivery, error) {
	if err := queue.ValidateReceive(limit, wait, visibility); err != nil {
		return nil, fmt.Errorf("receive from queue %s: %w", q.name, err)
	}
	if visibility == 0 {
		visibility = q.options.Visibility
	}
	deliveries, err := q.await(ctx, limit, wait, visibility)
	if err != nil {
		return nil, fmt.Errorf("receive from queue %s: %w", q.name, port(err))
	}
	return deliveries, nil
}

// await tries, then sleeps until a commit concerns the queue, a held group
// comes free, or the wait ends, and tries again.
func (q *Queue) await(ctx context.Context, limit int, wait, visibility time.Duration) ([]queue.Delivery, error) {
	if wait == 0 {
		deliveries, _, err := q.try(ctx, limit, visibility, false)
		return deliveries, err
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	// Watching before looking, so that no commit falls in between.
	changed, cancel := q.db.Watch(topic(q.name))
	defer cancel()
	var alarm *time.Timer
	var free <-chan time.Time
	for woken := false; ; {
		deliveries, sleep, err := q.try(ctx, limit, visibility, woken)
		if err != nil || len(deliveries) > 0 {
			return deliveries, err
		}
		if woken {
			woken = false // for nothing: how long to sleep is to be found out
			continue
		}
		if free = nil; sleep > 0 {
			if alarm == nil {
				alarm = time.NewTimer(sleep)
				defer alarm.Stop()
			} else {
				alarm.Reset(sleep)
			}
			free = alarm.C
		}
		select {
		case <-changed:
			woken = true
		case <-free:
		case <-deadline.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes what is free now. It looks first, which costs no commit, unless the
// receiver was woken and there is most likely something. sleep is how long until
// a held group comes free by itself, 0 for never.
func (q *Queue) try(ctx context.Context, limit int, visibility time.Duration, woken bool) (deliveries []queue.Delivery, sleep time.Duration, err error) {
	if !woken {
		var candidates bool
		if candidates, sleep, err = q.look(ctx); err != nil || !candidates {
			return nil, sleep, err
		}
	}
	// Not ended by ctx: what is committed must be handed out, or the group
	// would stand still for a whole visibility. A loss of power ends every
	// visibility, as it ends the receivers.
	err = q.db.WriteUnsynced(context.WithoutCancel(ctx), func(tx *sqlite.Tx) error {
		var err error
		deliveries, err = q.take(tx, limit, visibility)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	// Nothing: another receiver was faster or all went to the dead letters.
	// What stands behind them is found by looking again at once.
	if len(deliveries) == 0 {
		sleep = time.Millisecond
	}
	return deliveries, sleep, nil
}

// look tells whether a group is free, and if not, how long until one is.
func (q *Queue) look(ctx context.Context) (candidates bool, sleep time.Duration, err error) {
	err = q.db.Read(ctx, func(conn *sqlite.Conn) error {
		now := q.db.Now()
		groups, err := q.groups(conn, now, 1)
		if err != nil || len(groups) > 0 {
			candidates = len(groups) > 0
			return err
		}
		if err := mustExist(conn, q.name); err != nil {
			return err
		}
		at, held, err := conn.Int(nextFree, q.name, now.UnixMilli())
		if held {
			sleep = max(time.UnixMilli(at).Sub(now), time.Millisecond)
		}
		return err
	})
	return candidates, sleep, err
}

func (q *Queue) groups(conn *sqlite.Conn, now time.Time, limit int) ([]string, error) {
	var groups []string
	collect := func(r sqlite.Row) bool {
		groups = append(groups, r.Text(0))
		return true
	}
	// Overdue ones first: they have waited longer.
	if err := conn.Query(overdueGroups, collect, q.name, now.UnixMilli(), int64(limit)); err != nil {
		return nil, err
	}
	if len(groups) < limit {
		if err := conn.Query(freeGroups, collect, q.name, int64(limit-len(groups))); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// maxRounds bounds how long one request works through dead letters.
const maxRounds = 20

// take hands out the first messages of free groups until there are enough. It
// looks again when all it met went to the dead letters.
func (q *Queue) take(tx *sqlite.Tx, limit int, visibility time.Duration) ([]queue.Delivery, error) {
	now := q.db.Now()
	until := now.Add(visibility).UnixMilli()
	var deliveries []queue.Delivery
	for range maxRounds {
		groups, err := q.groups(tx.Conn, now, limit)
		if err != nil || len(groups) == 0 {
			return nil, err
		}
		for _, group := range groups {
			taken, err := q.takeGroup(tx, group, until, limit-len(deliveries))
			if err != nil {
				return nil, err
			}
			if deliveries = append(deliveries, taken...); len(deliveries) == limit {
				break
			}
		}
		if len(deliveries) > 0 {
			break
		}
	}
	return deliveries, nil
}

// takeGroup holds up to limit messages of a free group and blocks it.
func (q *Queue) takeGroup(tx *sqlite.Tx, group string, until int64, limit int) ([]queue.Delivery, error) {
	messages, err := q.first(tx, group, limit)
	if err != nil {
		return nil, err
	}
	var deliveries []queue.Delivery
	for _, m := range messages {
		if q.options.MaxReceives > 0 && m.Receives > q.options.MaxReceives {
			if err := q.giveUp(tx, m.row, group); err != nil {
				return nil, err
			}
			continue
		}
		nonce := rand.Int64() //nolint:gosec // tells receives apart, is no secret
		m.Receipt = receipt(m.row, nonce)
		if _, err := tx.Exec(hold, m.row, until, nonce); err != nil {
			return nil, err
		}
		deliveries = append(deliveries, m.Delivery)
	}
	if len(deliveries) == len(messages) && len(messages) > 0 {
		_, err := tx.Exec(blockGroup, q.name, group, until)
		return deliveries, err
	}
	_, err = settle(tx, q.name, group, q.db.Now())
	return deliveries, err
}

// received is a delivery and the row it stands for.
type received struct {
	queue.Delivery
	row int64
}

// first reads the first messages of a group.
func (q *Queue) first(tx *sqlite.Tx, group string, limit int) ([]received, error) {
	var messages []received
	err := tx.Query(firstOfGroup, func(r sqlite.Row) bool {
		m := received{row: r.Int(0)}
		m.ID = strconv.FormatInt(m.row, 10)
		m.Group, m.Deduplication, m.Body = group, r.Text(4), []byte(r.Text(1))
		m.Sent = time.UnixMilli(r.Int(2))
		m.Receives = int(r.Int(3)) + 1
		messages = append(messages, m)
		return true
	}, q.name, group, int64(limit))
	return messages, err
}

// giveUp moves a message to the dead-letter queue. Its receipts end with it.
func (q *Queue) giveUp(tx *sqlite.Tx, row int64, group string) error {
	if _, err := tx.Exec(deadLetter, row, q.options.DeadLetter); err != nil {
		return err
	}
	if _, err := tx.Exec(addGroup, q.options.DeadLetter, group, row); err != nil {
		return err
	}
	tx.Touch(topic(q.options.DeadLetter))
	return nil
}
