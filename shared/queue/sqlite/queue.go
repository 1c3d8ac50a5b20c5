// Package sqlite keeps Roost's queues in the embedded database. It makes the
// promises of package queue; waiting receivers are woken by the commit that
// concerns them, in any process, and by the end of a visibility, never by
// polling.
package sqlite

import (
	"context"
	"fmt"
	"time"

	"roost/shared/queue"
	"roost/shared/sqlite"
)

// Queues opens the queues of one database file.
type Queues struct {
	db *sqlite.DB
}

// Queue is one of them.
type Queue struct {
	db      *sqlite.DB
	name    string
	options queue.Options
}

var (
	_ queue.Opener = (*Queues)(nil)
	_ queue.Queue  = (*Queue)(nil)
)

// New returns the queues in db, which stays the caller's to close.
func New(db *sqlite.DB) *Queues {
	db.Sweep(sweep)
	return &Queues{db: db}
}

// Open implements [queue.Opener]. The options are those of whoever receives.
func (q *Queues) Open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	if err := queue.ValidateOpen(name, options); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	for _, made := range [...]string{options.DeadLetter, name} {
		if made == "" {
			continue
		}
		if err := q.exists(ctx, made); err != nil {
			return nil, fmt.Errorf("open queue %s: %w", made, port(err))
		}
	}
	if options.Visibility == 0 {
		options.Visibility = queue.DefaultVisibility
	}
	return &Queue{db: q.db, name: name, options: options}, nil
}

// Depth implements [queue.Queue].
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	var depth queue.Depth
	err := q.db.Read(ctx, func(conn *sqlite.Conn) error {
		if err := mustExist(conn, q.name); err != nil {
			return err
		}
		all, _, err := conn.Int(`SELECT count(*) FROM message WHERE queue = ?`, q.name)
		if err != nil {
			return err
		}
		held, _, err := conn.Int(`SELECT count(*) FROM message WHERE queue = ? AND visible > 0 AND visible > ?`,
			q.name, q.db.Now().UnixMilli())
		depth = queue.Depth{Waiting: int(all - held), InFlight: int(held)}
		return err
	})
	if err != nil {
		return queue.Depth{}, fmt.Errorf("depth of queue %s: %w", q.name, port(err))
	}
	return depth, nil
}

// Purge implements [queue.Queue].
func (q *Queue) Purge(ctx context.Context) error {
	err := q.db.Write(ctx, func(tx *sqlite.Tx) error {
		if err := mustExist(tx.Conn, q.name); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM message WHERE queue = ?`, q.name); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM message_group WHERE queue = ?`, q.name)
		return err
	})
	if err != nil {
		return fmt.Errorf("purge queue %s: %w", q.name, port(err))
	}
	return nil
}

func topic(name string) sqlite.Topic { return sqlite.TopicOf("queue", name) }

func sweep(tx *sqlite.Tx, now time.Time) (int64, error) {
	return tx.Exec(`DELETE FROM deduplication WHERE (queue, message_group, deduplication) IN (
		SELECT queue, message_group, deduplication FROM deduplication WHERE expires <= ? LIMIT ? + 0)`,
		now.UnixMilli(), int64(sqlite.SweepLimit))
}

// port turns the database's classes of error into the port's.
func port(err error) error {
	return sqlite.Classify(err, queue.ErrUnknownOutcome, queue.ErrUnavailable)
}
