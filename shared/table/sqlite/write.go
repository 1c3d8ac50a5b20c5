package sqlite

import (
	"context"
	"fmt"

	"roost/shared/sqlite"
	"roost/shared/table"
)

const (
	// An item that expired is replaced as if it were not there.
	insertAbsent = `INSERT INTO item (partition, sort, revision, expires, attributes, body)
		VALUES (?1, ?2, 1, ?3, ?4, ?5)
		ON CONFLICT DO UPDATE SET revision = 1, expires = ?3, attributes = ?4, body = ?5
		WHERE expires > 0 AND expires <= ?6`
	updateRevision = `UPDATE item SET revision = revision + 1, expires = ?3, attributes = ?4, body = ?5
		WHERE partition = ?1 AND sort = ?2 AND revision = ?7 AND (+expires = 0 OR +expires > ?6)`
	replace = `INSERT INTO item (partition, sort, revision, expires, attributes, body)
		VALUES (?1, ?2, ?6, ?3, ?4, ?5)
		ON CONFLICT DO UPDATE SET revision = ?6, expires = ?3, attributes = ?4, body = ?5`
	remove = `DELETE FROM item WHERE partition = ?1 AND sort = ?2`

	// table.TermAtMost: ?6 is the time, ?7 the attribute's path, ?8 the number.
	// What is no integer is a conflict.
	atMost = ` WHERE CASE WHEN expires > 0 AND expires <= ?6 OR attributes = '' THEN 1
		ELSE coalesce(json_type(attributes, ?7), 'integer') = 'integer' AND coalesce(json_extract(attributes, ?7) <= ?8, 1) END`
	replaceAtMost = `INSERT INTO item (partition, sort, revision, expires, attributes, body)
		VALUES (?1, ?2, 1, ?3, ?4, ?5)
		ON CONFLICT DO UPDATE SET revision = CASE WHEN expires > 0 AND expires <= ?6 THEN 1 ELSE revision + 1 END,
		expires = ?3, attributes = ?4, body = ?5` + atMost
)

// row is an item in the form it is stored, owned by the request: the caller may
// change its slices while an abandoned request still runs.
type row struct {
	key        table.Key
	expires    int64
	attributes string
	body       []byte
}

func newRow(item table.Item) row {
	r := row{key: item.Key, attributes: encodeAttributes(item.Attributes)}
	if !item.Expires.IsZero() {
		r.expires = item.Expires.UnixMilli()
	}
	if len(item.Body) > 0 {
		r.body = append(r.body, item.Body...)
	}
	return r
}

// Put implements [table.Table].
func (t *Table) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	if err := table.ValidateOps([]table.Op{table.PutOp(item, condition)}); err != nil {
		return 0, fmt.Errorf("put item: %w", err)
	}
	r := newRow(item)
	// A result of its own, because an abandoned request may still write to it.
	revision := new(int64)
	err := t.write(ctx, func(tx *sqlite.Tx) error {
		var err error
		*revision, err = t.put(tx, r, condition, 0)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("put item %s: %w", item.Key, port(err))
	}
	return *revision, nil
}

// Delete implements [table.Table].
func (t *Table) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	if err := table.ValidateOps([]table.Op{table.DeleteOp(key, condition)}); err != nil {
		return fmt.Errorf("delete item: %w", err)
	}
	err := t.write(ctx, func(tx *sqlite.Tx) error {
		return t.delete(tx, key, condition, 0)
	})
	if err != nil {
		return fmt.Errorf("delete item %s: %w", key, port(err))
	}
	return nil
}

// Write implements [table.Table]. No key occurs twice, so running the operations
// one after another shows each condition the state before all of them.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.ValidateOps(ops); err != nil {
		return fmt.Errorf("write items: %w", err)
	}
	if len(ops) == 0 {
		return nil
	}
	rows := make([]row, len(ops))
	conditions := make([]table.Condition, len(ops))
	kinds := make([]table.OpKind, len(ops))
	for i, op := range ops {
		rows[i], conditions[i], kinds[i] = newRow(op.Item), op.Condition, op.Kind
	}
	err := t.write(ctx, func(tx *sqlite.Tx) error {
		for i, r := range rows {
			var err error
			switch kinds[i] {
			case table.OpPut:
				err = t.putBlind(tx, r, conditions[i], i)
			case table.OpDelete:
				err = t.delete(tx, r.key, conditions[i], i)
			case table.OpCheck:
				_, err = t.check(tx.Conn, r.key, conditions[i], i)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write items: %w", port(err))
	}
	return nil
}

// batchSize is how many of a BatchWrite go into one request, as on DynamoDB.
const batchSize = 25

// BatchWrite implements [table.Table].
func (t *Table) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	if err := table.ValidateBatch(puts, deletes); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	for len(puts)+len(deletes) > 0 {
		rows := make([]row, min(len(puts), batchSize))
		for i := range rows {
			rows[i] = newRow(puts[i])
		}
		keys := append([]table.Key(nil), deletes[:min(len(deletes), batchSize-len(rows))]...)
		puts, deletes = puts[len(rows):], deletes[len(keys):]
		err := t.write(ctx, func(tx *sqlite.Tx) error {
			for _, r := range rows {
				if err := t.replace(tx, r, 1); err != nil {
					return err
				}
			}
			for _, key := range keys {
				if err := t.delete(tx, key, table.None(), 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write batch: %w", port(err))
		}
	}
	return nil
}

// Increment implements [table.Table].
func (t *Table) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	if err := (table.Item{Key: key, Attributes: map[string]any{attribute: delta}}).Validate(); err != nil {
		return 0, fmt.Errorf("increment: %w", err)
	}
	sum := new(int64)
	err := t.write(ctx, func(tx *sqlite.Tx) error {
		item, err := t.get(tx.Conn, key)
		if err != nil {
			return err
		}
		if item == nil {
			item = &table.Item{Key: key}
		}
		if item.Attributes == nil {
			item.Attributes = make(map[string]any, 1)
		}
		have, isSet := item.Attributes[attribute]
		n, isNumber := have.(int64)
		if isSet && !isNumber {
			return fmt.Errorf("attribute %s is of type %T: %w", attribute, have, table.ErrInvalid)
		}
		*sum = n + delta
		item.Attributes[attribute] = *sum
		return t.replace(tx, newRow(*item), item.Revision+1)
	})
	if err != nil {
		return 0, fmt.Errorf("increment %s: %w", key, port(err))
	}
	return *sum, nil
}

// putBlind is put for who does not ask for the revision: what guards the writes
// of an owner is a single statement as well.
func (t *Table) putBlind(tx *sqlite.Tx, r row, condition table.Condition, op int) error {
	if len(condition.Terms) != 1 || condition.Terms[0].Kind != table.TermAtMost {
		_, err := t.put(tx, r, condition, op)
		return err
	}
	term := condition.Terms[0]
	changed, err := tx.Exec(replaceAtMost, r.key.Partition, r.key.Sort, r.expires, r.attributes, r.body,
		t.db.Now().UnixMilli(), path(term.Attribute), term.Number)
	if err != nil {
		return err
	}
	if changed == 0 {
		return &table.ConflictError{Op: op, Key: r.key}
	}
	tx.Touch(topic(r.key))
	return nil
}

// path names an attribute to SQLite's JSON functions.
func path(attribute string) string { return `$."` + attribute + `"` }

// put writes one row if the condition holds. The two conditions that guard
// nearly all writes are a single statement.
func (t *Table) put(tx *sqlite.Tx, r row, condition table.Condition, op int) (int64, error) {
	if len(condition.Terms) == 1 {
		term := condition.Terms[0]
		var changed int64
		var err error
		switch term.Kind {
		case table.TermAbsent:
			changed, err = tx.Exec(insertAbsent, r.key.Partition, r.key.Sort, r.expires, r.attributes, r.body,
				t.db.Now().UnixMilli())
		case table.TermRevision:
			changed, err = tx.Exec(updateRevision, r.key.Partition, r.key.Sort, r.expires, r.attributes, r.body,
				t.db.Now().UnixMilli(), term.Number)
		default:
			changed = -1
		}
		switch {
		case err != nil:
			return 0, err
		case changed == 0:
			return 0, &table.ConflictError{Op: op, Key: r.key}
		case changed > 0:
			tx.Touch(topic(r.key))
			return term.Number + 1, nil // Number is 0 for Absent
		}
	}
	revision, err := t.check(tx.Conn, r.key, condition, op)
	if err != nil {
		return 0, err
	}
	return revision + 1, t.replace(tx, r, revision+1)
}

func (t *Table) replace(tx *sqlite.Tx, r row, revision int64) error {
	tx.Touch(topic(r.key))
	_, err := tx.Exec(replace, r.key.Partition, r.key.Sort, r.expires, r.attributes, r.body, revision)
	return err
}

func (t *Table) delete(tx *sqlite.Tx, key table.Key, condition table.Condition, op int) error {
	if len(condition.Terms) > 0 {
		if _, err := t.check(tx.Conn, key, condition, op); err != nil {
			return err
		}
	}
	tx.Touch(topic(key))
	_, err := tx.Exec(remove, key.Partition, key.Sort)
	return err
}

// check returns the item's revision, 0 if it is absent, or a conflict.
func (t *Table) check(conn *sqlite.Conn, key table.Key, condition table.Condition, op int) (int64, error) {
	item, err := t.guard(conn, key, condition)
	if err != nil {
		return 0, err
	}
	if !condition.Met(item) {
		return 0, &table.ConflictError{Op: op, Key: key}
	}
	if item == nil {
		return 0, nil
	}
	return item.Revision, nil
}

// guard reads as much of an item as the condition looks at.
func (t *Table) guard(conn *sqlite.Conn, key table.Key, condition table.Condition) (*table.Item, error) {
	for _, term := range condition.Terms {
		if term.Attribute != "" {
			return t.scan(conn, selectAttributes, key)
		}
	}
	return t.scan(conn, selectRevision, key)
}
