package sqlite

import (
	"context"
	"fmt"

	"roost/shared/sqlite"
)

const (
	release       = `UPDATE message SET visible = 0, receives = receives - 1, receipt = receipt + 1 WHERE visible > 0`
	releaseGroups = `UPDATE message_group SET blocked = 0 WHERE blocked > 0`
)

// Release gives back at once every message that is in flight, in all queues, as
// if it had not been received, and says how many there were. Only a process
// that knows that all receivers are dead may call it: one that has just locked
// the data folder of a process that was killed. Receipts given out before are
// stale.
func (q *Queues) Release(ctx context.Context) (int64, error) {
	var released int64
	err := q.db.Write(ctx, func(tx *sqlite.Tx) error {
		n, err := tx.Exec(release)
		if err != nil {
			return err
		}
		released = n
		_, err = tx.Exec(releaseGroups)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("release messages in flight: %w", port(err))
	}
	return released, nil
}
