package sqlite

import (
	"context"
	"fmt"

	"roost/shared/queue"
	"roost/shared/sqlite"
)

const (
	known  = `SELECT 1 FROM queue WHERE name = ?`
	create = `INSERT INTO queue (name) VALUES (?) ON CONFLICT DO NOTHING`
)

// drop removes all that is kept under the name of a queue.
var drop = [...]string{
	`DELETE FROM message WHERE queue = ?`,
	`DELETE FROM message_group WHERE queue = ?`,
	`DELETE FROM deduplication WHERE queue = ?`,
	`DELETE FROM queue WHERE name = ?`,
}

// Drop implements [queue.Opener].
func (q *Queues) Drop(ctx context.Context, name string) error {
	err := queue.ValidateOpen(name, queue.Options{})
	if err == nil {
		err = q.db.Write(ctx, func(tx *sqlite.Tx) error {
			for _, statement := range drop {
				if _, err := tx.Exec(statement, name); err != nil {
					return err
				}
			}
			tx.Touch(topic(name))
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("drop queue %s: %w", name, port(err))
	}
	return nil
}

// exists makes the queue known, at the cost of a commit only the first time.
func (q *Queues) exists(ctx context.Context, name string) error {
	err := q.db.Read(ctx, func(conn *sqlite.Conn) error { return mustExist(conn, name) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	return q.db.Write(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(create, name)
		return err
	})
}

// mustExist is [queue.ErrNotFound] for a queue that was dropped.
func mustExist(conn *sqlite.Conn, name string) error {
	_, found, err := conn.Int(known, name)
	if err == nil && !found {
		err = queue.ErrNotFound
	}
	return err
}
