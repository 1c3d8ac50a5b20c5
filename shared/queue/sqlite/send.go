package sqlite

import (
	"context"

	"roost/shared/queue"
	"roost/shared/sqlite"
)

const (
	// An id whose window has ended is taken over.
	remember = `INSERT INTO deduplication (queue, message_group, deduplication, expires, message)
		VALUES (?1, ?2, ?3, ?4, 0)
		ON CONFLICT DO UPDATE SET expires = ?4 WHERE expires <= ?5`
	add = `INSERT INTO message (queue, message_group, deduplication, body, sent) VALUES (?, ?, ?, ?, ?)`
	// A group that has messages keeps its head.
	addGroup = `INSERT INTO message_group (queue, message_group, head, blocked) VALUES (?, ?, ?, 0)
		ON CONFLICT DO NOTHING`
)

// sendBatch is how many messages go into one request, as on SQS.
const sendBatch = 10

// outgoing is a message in the form it is stored, owned by the request.
type outgoing struct{ group, deduplication, body string }

// Send implements [queue.Queue].
func (q *Queue) Send(ctx context.Context, messages ...queue.Message) error {
	failed := false
	errs := make([]error, len(messages))
	batch := make([]outgoing, 0, min(len(messages), sendBatch))
	indexes := make([]int, 0, cap(batch))
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if err := q.send(ctx, batch); err != nil {
			failed = true
			for _, i := range indexes {
				errs[i] = port(err)
			}
		}
		batch, indexes = make([]outgoing, 0, cap(batch)), indexes[:0]
	}
	for i, m := range messages {
		if errs[i] = m.Validate(); errs[i] != nil {
			failed = true
			continue
		}
		batch = append(batch, outgoing{m.Group, m.Deduplication, string(m.Body)})
		if indexes = append(indexes, i); len(batch) == sendBatch {
			flush()
		}
	}
	flush()
	if failed {
		return &queue.SendError{Errors: errs}
	}
	return nil
}

func (q *Queue) send(ctx context.Context, batch []outgoing) error {
	return q.db.Write(ctx, func(tx *sqlite.Tx) error {
		if err := mustExist(tx.Conn, q.name); err != nil {
			return err
		}
		now := q.db.Now()
		until := now.Add(queue.DeduplicationWindow).UnixMilli()
		for _, m := range batch {
			fresh, err := tx.Exec(remember, q.name, m.group, m.deduplication, until, now.UnixMilli())
			if err != nil {
				return err
			}
			if fresh == 0 {
				continue
			}
			id, err := tx.Insert(add, q.name, m.group, m.deduplication, m.body, now.UnixMilli())
			if err != nil {
				return err
			}
			if _, err := tx.Exec(addGroup, q.name, m.group, id); err != nil {
				return err
			}
		}
		tx.Touch(topic(q.name))
		return nil
	})
}
