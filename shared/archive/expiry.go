package archive

import (
	"context"
	"fmt"
	"time"

	"roost/shared/blob"
	"roost/shared/fault"
	"roost/shared/table"
)

const expiring = "archives-expiring"

// encodeExpiry is what remembers that a record's objects are to go: apart from
// the record, since the next export replaces that.
func encodeExpiry(r Record) table.Item {
	item := encode(r)
	item.Key = table.Key{Partition: expiring, Sort: table.Stamp(r.Expires.Truncate(time.Second)) + "#" + r.Stem()}
	return item
}

// Expired returns the archives whose time is over, at most limit.
func (r *Repository) Expired(ctx context.Context, limit int) ([]Record, error) {
	query := table.Query{Partition: expiring, To: table.Stamp(r.now().Truncate(time.Second)) + "~"}
	var out []Record
	for item, err := range table.All(ctx, r.table, query) {
		if err != nil {
			return nil, fmt.Errorf("list archives whose time is over: %w", err)
		}
		if out = append(out, decode(item)); len(out) == limit {
			break
		}
	}
	return out, nil
}

// Expire removes the objects of an archive and then all that is known of it; of
// a deleted instance all its objects, media too. It can be done again after a
// fault.
func (r *Repository) Expire(ctx context.Context, b blob.Bucket, record Record) error {
	prefixes := []string{record.Stem() + "."}
	if !record.Live {
		prefixes = []string{Prefix(record.Tenant, record.Instance), MediaPrefix(record.Tenant, record.Instance)}
	}
	for _, prefix := range prefixes {
		if err := RemoveObjects(ctx, b, prefix); err != nil {
			return err
		}
	}
	stored, item, err := r.read(ctx, record.Ref())
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	ops := []table.Op{table.DeleteOp(encodeExpiry(record).Key, table.None())}
	if err == nil && stored.Key == record.Key { // not of a newer export
		ops = append(ops, table.DeleteOp(item.Key, table.Revision(item.Revision)))
		if !record.Live {
			ops = append(ops, table.DeleteOp(tenantKey(record.Tenant, record.Instance), table.None()))
		}
	}
	if err := r.table.Write(ctx, ops...); err != nil {
		return fmt.Errorf("forget archive of instance %s: %w", record.Instance, err)
	}
	return nil
}

// RemoveObjects deletes every object whose key begins with prefix.
func RemoveObjects(ctx context.Context, b blob.Bucket, prefix string) error {
	for {
		page, err := b.List(ctx, prefix, "")
		if err != nil {
			return fmt.Errorf("list objects to be removed: %w", err)
		}
		for _, object := range page.Objects {
			if err := b.Delete(ctx, object.Key); err != nil {
				return fmt.Errorf("remove an object: %w", err)
			}
		}
		if page.Cursor == "" {
			return nil
		}
	}
}
