// Package sqlite keeps Roost's table in the embedded database. It makes the
// promises of package table, and watches besides.
package sqlite

import (
	"context"
	"time"

	"roost/shared/sqlite"
	"roost/shared/table"
)

// Table is the item table of one database file.
type Table struct {
	db *sqlite.DB
}

var (
	_ table.Table   = (*Table)(nil)
	_ table.Watcher = (*Table)(nil)
)

// New returns the table in db, which stays the caller's to close.
func New(db *sqlite.DB) *Table {
	db.Sweep(sweep)
	return &Table{db: db}
}

// Watch implements [table.Watcher].
func (t *Table) Watch(key table.Key) (<-chan struct{}, func()) {
	return t.db.Watch(topic(key))
}

// write runs a request, durable unless its caller can do it again.
func (t *Table) write(ctx context.Context, fn func(*sqlite.Tx) error) error {
	if table.IsUnsynced(ctx) {
		return t.db.WriteUnsynced(ctx, fn)
	}
	return t.db.Write(ctx, fn)
}

func topic(key table.Key) sqlite.Topic {
	return sqlite.TopicOf("item", key.Partition, key.Sort)
}

func sweep(tx *sqlite.Tx, now time.Time) (int64, error) {
	return tx.Exec(`DELETE FROM item WHERE (partition, sort) IN (
		SELECT partition, sort FROM item WHERE expires > 0 AND expires <= ? LIMIT ? + 0)`,
		now.UnixMilli(), int64(sqlite.SweepLimit))
}

// port turns the database's classes of error into the port's.
func port(err error) error {
	return sqlite.Classify(err, table.ErrUnknownOutcome, table.ErrUnavailable)
}
