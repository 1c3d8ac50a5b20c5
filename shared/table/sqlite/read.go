package sqlite

import (
	"context"
	"fmt"
	"time"

	"roost/shared/sqlite"
	"roost/shared/table"
)

// The columns stand in the order that [decode] reads them.
const (
	selectItem       = `SELECT revision, expires, attributes, body FROM item WHERE partition = ? AND sort = ?`
	selectAttributes = `SELECT revision, expires, attributes, NULL FROM item WHERE partition = ? AND sort = ?`
	selectRevision   = `SELECT revision, expires, '', NULL FROM item WHERE partition = ? AND sort = ?`

	selectRange = `SELECT revision, expires, attributes, body, sort FROM item
		WHERE partition = ?1 AND sort >= ?2 AND sort <= ?3 AND sort > ?4 AND (+expires = 0 OR +expires > ?5)
		ORDER BY sort LIMIT ?6 + 0`
	selectRangeDown = `SELECT revision, expires, attributes, body, sort FROM item
		WHERE partition = ?1 AND sort >= ?2 AND sort <= ?3 AND sort < ?4 AND (+expires = 0 OR +expires > ?5)
		ORDER BY sort DESC LIMIT ?6 + 0`
)

// Get implements [table.Table].
func (t *Table) Get(ctx context.Context, key table.Key) (table.Item, error) {
	if err := key.Validate(); err != nil {
		return table.Item{}, fmt.Errorf("get item: %w", err)
	}
	var item *table.Item
	err := t.db.Read(ctx, func(conn *sqlite.Conn) error {
		var err error
		item, err = t.get(conn, key)
		return err
	})
	if err == nil && item == nil {
		err = table.ErrNotFound
	}
	if err != nil {
		return table.Item{}, fmt.Errorf("get item %s: %w", key, port(err))
	}
	return *item, nil
}

// BatchGet implements [table.Table].
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	for _, key := range keys {
		if err := key.Validate(); err != nil {
			return nil, fmt.Errorf("get batch: %w", err)
		}
	}
	items := make(map[table.Key]table.Item, len(keys))
	err := t.db.Read(ctx, func(conn *sqlite.Conn) error {
		for _, key := range keys {
			item, err := t.get(conn, key)
			if err != nil {
				return err
			}
			if item != nil {
				items[key] = *item
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get batch: %w", port(err))
	}
	return items, nil
}

// Query implements [table.Table].
func (t *Table) Query(ctx context.Context, query table.Query) (table.Page, error) {
	if err := query.Validate(); err != nil {
		return table.Page{}, fmt.Errorf("query: %w", err)
	}
	sql, args, err := t.rangeArgs(query)
	if err != nil {
		return table.Page{}, fmt.Errorf("query: %w", err)
	}
	var page table.Page
	err = t.db.Read(ctx, func(conn *sqlite.Conn) error {
		size := 0
		var decodeErr error
		queryErr := conn.Query(sql, func(r sqlite.Row) bool {
			if query.Limit > 0 && len(page.Items) == query.Limit || size > table.MaxPageSize {
				page.Cursor = table.EncodeCursor(page.Items[len(page.Items)-1].Sort)
				return false
			}
			item, err := decode(table.Key{Partition: query.Partition, Sort: r.Text(4)}, r)
			if err != nil {
				decodeErr = err
				return false
			}
			size += table.Size(item)
			page.Items = append(page.Items, item)
			return true
		}, args...)
		if queryErr != nil {
			return queryErr
		}
		return decodeErr
	})
	if err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", query.Partition, port(err))
	}
	return page, nil
}

// lastSort is above every valid sort key: a blob sorts after all text.
var lastSort = []byte{}

func (t *Table) rangeArgs(q table.Query) (string, []any, error) {
	var from, to any = q.From, q.To
	if q.To == "" {
		to = lastSort
	}
	if q.Prefix != "" {
		from = q.Prefix
		// Sort keys are UTF-8, in which no byte is 0xff.
		to = q.Prefix + "\xff"
	}
	sql := selectRange
	var after any = ""
	if q.Reverse {
		sql, after = selectRangeDown, lastSort
	}
	if q.Cursor != "" {
		sort, err := table.DecodeCursor(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		after = sort
	}
	// One row more than asked tells whether the range goes on.
	limit := int64(-1)
	if q.Limit > 0 {
		limit = int64(q.Limit) + 1
	}
	return sql, []any{q.Partition, from, to, after, t.db.Now().UnixMilli(), limit}, nil
}

func (t *Table) get(conn *sqlite.Conn, key table.Key) (*table.Item, error) {
	return t.scan(conn, selectItem, key)
}

// scan returns the item, or nil if it is absent or expired.
func (t *Table) scan(conn *sqlite.Conn, sql string, key table.Key) (*table.Item, error) {
	var found *table.Item
	var decodeErr error
	err := conn.Query(sql, func(r sqlite.Row) bool {
		item, err := decode(key, r)
		if decodeErr = err; err == nil && item.Live(t.db.Now()) {
			found = &item
		}
		return false
	}, key.Partition, key.Sort)
	if err == nil {
		err = decodeErr
	}
	return found, err
}

func decode(key table.Key, r sqlite.Row) (table.Item, error) {
	item := table.Item{Key: key, Revision: r.Int(0), Body: r.Blob(3)}
	if expires := r.Int(1); expires > 0 {
		item.Expires = time.UnixMilli(expires)
	}
	var err error
	if item.Attributes, err = decodeAttributes(r.Text(2)); err != nil {
		return table.Item{}, fmt.Errorf("item %s: %w", key, err)
	}
	return item, nil
}
