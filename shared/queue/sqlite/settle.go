package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"roost/shared/queue"
	"roost/shared/sqlite"
)

const (
	// A receipt holds its message until the visibility ends or the message is
	// received again, which changes the nonce.
	finish = `DELETE FROM message WHERE id = ?1 AND queue = ?2 AND receipt = ?3 AND visible > ?4
		RETURNING message_group`
	extend = `UPDATE message SET visible = ?5 WHERE id = ?1 AND queue = ?2 AND receipt = ?3 AND visible > ?4
		RETURNING message_group`

	groupHead   = `SELECT id FROM message WHERE queue = ?1 AND message_group = ?2 ORDER BY id LIMIT 1`
	groupHeld   = `SELECT visible FROM message WHERE queue = ?1 AND message_group = ?2 AND visible > 0 ORDER BY visible DESC LIMIT 1`
	updateGroup = `UPDATE message_group SET head = ?3, blocked = ?4 WHERE queue = ?1 AND message_group = ?2`
	removeGroup = `DELETE FROM message_group WHERE queue = ?1 AND message_group = ?2`
)

// Delete implements [queue.Queue]. A loss of power may bring a message back.
func (q *Queue) Delete(ctx context.Context, receipts ...string) error {
	type held struct{ row, nonce int64 }
	messages := make([]held, 0, len(receipts))
	for _, r := range receipts {
		row, nonce, err := parseReceipt(r)
		if err != nil {
			return fmt.Errorf("delete from queue %s: %w", q.name, err)
		}
		messages = append(messages, held{row, nonce})
	}
	if len(messages) == 0 {
		return nil
	}
	err := q.db.WriteUnsynced(ctx, func(tx *sqlite.Tx) error {
		now := q.db.Now()
		for _, m := range messages {
			group, ok, err := text(tx.Conn, finish, m.row, q.name, m.nonce, now.UnixMilli())
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			free, err := settle(tx, q.name, group, now)
			if err != nil {
				return err
			}
			if free {
				tx.Touch(topic(q.name))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete from queue %s: %w", q.name, port(err))
	}
	return nil
}

// ChangeVisibility implements [queue.Queue].
func (q *Queue) ChangeVisibility(ctx context.Context, receipt string, visibility time.Duration) error {
	row, nonce, err := parseReceipt(receipt)
	if err == nil {
		err = queue.ValidateVisibility(visibility)
	}
	if err != nil {
		return fmt.Errorf("change visibility in queue %s: %w", q.name, err)
	}
	err = q.db.WriteUnsynced(ctx, func(tx *sqlite.Tx) error {
		now := q.db.Now()
		until := int64(0)
		if visibility > 0 {
			until = now.Add(visibility).UnixMilli()
		}
		group, ok, err := text(tx.Conn, extend, row, q.name, nonce, now.UnixMilli(), until)
		if err != nil {
			return err
		}
		if !ok {
			return queue.ErrStaleReceipt
		}
		// Whoever waits for the old time must learn of the new one.
		tx.Touch(topic(q.name))
		_, err = settle(tx, q.name, group, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("change visibility in queue %s: %w", q.name, port(err))
	}
	return nil
}

// settle brings a group's row in line with its messages and tells whether one
// of them can be received now.
func settle(tx *sqlite.Tx, name, group string, now time.Time) (bool, error) {
	head, any, err := tx.Int(groupHead, name, group)
	if err != nil {
		return false, err
	}
	if !any {
		_, err := tx.Exec(removeGroup, name, group)
		return false, err
	}
	blocked, _, err := tx.Int(groupHeld, name, group)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(updateGroup, name, group, head, blocked)
	return blocked <= now.UnixMilli(), err
}

func text(conn *sqlite.Conn, query string, args ...any) (value string, found bool, err error) {
	err = conn.Query(query, func(r sqlite.Row) bool {
		value, found = r.Text(0), true
		return true // to the end, so that the statement takes effect
	}, args...)
	return value, found, err
}

// receipt names a message and one receive of it.
func receipt(row, nonce int64) string {
	return strconv.FormatInt(row, 10) + "." + strconv.FormatInt(nonce, 36)
}

func parseReceipt(receipt string) (row, nonce int64, err error) {
	first, second, ok := strings.Cut(receipt, ".")
	if ok {
		if row, err = strconv.ParseInt(first, 10, 64); err == nil {
			nonce, err = strconv.ParseInt(second, 36, 64)
		}
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("receipt %q: %w", receipt, queue.ErrInvalid)
	}
	return row, nonce, nil
}
