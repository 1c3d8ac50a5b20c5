package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
)

const (
	// firstLook and longestLook bound the back-off of Await where the table
	// cannot be watched.
	firstLook   = 20 * time.Millisecond
	longestLook = time.Second
	// maxRaces is how often a change starts over when others write the record.
	maxRaces = 10
)

// Repository keeps records on the table.
//
//	archive#<instance>        record       the record
//	archives#<tenant>         <instance>   the tenant's archives, for ever
//	archives-unfinished       <instance>   those whose instance is not removed yet
type Repository struct {
	table table.Table
	now   func() time.Time
}

// NewRepository keeps records on t.
func NewRepository(t table.Table) *Repository { return &Repository{table: t, now: time.Now} }

const unfinished = "archives-unfinished"

func recordKey(i instance.ID) table.Key {
	return table.Key{Partition: "archive#" + string(i), Sort: "record"}
}

func tenantKey(t tenant.ID, i instance.ID) table.Key {
	return table.Key{Partition: "archives#" + string(t), Sort: string(i)}
}

func unfinishedKey(i instance.ID) table.Key {
	return table.Key{Partition: unfinished, Sort: string(i)}
}

// Begin stores the record of a job, pending. When there is one already it
// stays, with the names it gave, and is returned.
func (r *Repository) Begin(ctx context.Context, j Job) (Record, error) {
	record := newRecord(j)
	at := map[string]any{"at": table.Stamp(record.At)}
	err := r.table.Write(ctx,
		table.PutOp(encode(record), table.Absent()),
		table.PutOp(table.Item{Key: tenantKey(j.Tenant, j.Instance), Attributes: at}, table.None()),
		table.PutOp(table.Item{Key: unfinishedKey(j.Instance), Attributes: at}, table.None()),
	)
	if errors.Is(err, table.ErrConflict) || errors.Is(err, table.ErrUnknownOutcome) {
		stored, getErr := r.Get(ctx, j.Instance)
		if getErr == nil {
			return stored, nil
		}
		err = errors.Join(err, getErr)
	}
	if err != nil {
		return Record{}, fmt.Errorf("begin archive of instance %s: %w", j.Instance, err)
	}
	return record, nil
}

// Get returns an instance's record, or NotFound.
func (r *Repository) Get(ctx context.Context, i instance.ID) (Record, error) {
	record, _, err := r.read(ctx, i)
	return record, err
}

func (r *Repository) read(ctx context.Context, i instance.ID) (Record, table.Item, error) {
	missing := fault.New(fault.NotFound, "there is no archive of instance %q", i)
	if recordKey(i).Validate() != nil {
		return Record{}, table.Item{}, missing
	}
	item, err := r.table.Get(ctx, recordKey(i))
	if errors.Is(err, table.ErrNotFound) {
		return Record{}, table.Item{}, missing
	}
	if err != nil {
		return Record{}, table.Item{}, fmt.Errorf("read archive of instance %s: %w", i, err)
	}
	return decode(item), item, nil
}

// Put replaces a record, whatever is stored. Workers use [Repository.Claim].
func (r *Repository) Put(ctx context.Context, record Record) error {
	if _, err := r.table.Put(ctx, encode(record), table.None()); err != nil {
		return fmt.Errorf("write archive of instance %s: %w", record.Instance, err)
	}
	return nil
}

// Await returns the record once it is done. When ctx ends before, it returns
// the record as it was last seen and an Unavailable fault with code
// "archive_pending".
func (r *Repository) Await(ctx context.Context, i instance.ID) (Record, error) {
	changed, stop := table.Watch(r.table, recordKey(i))
	defer stop()
	var last Record
	for pause := firstLook; ; pause = min(pause*2, longestLook) {
		record, err := r.Get(ctx, i)
		switch {
		case err == nil && record.State == Done:
			return record, nil
		case err == nil:
			last = record
		case ctx.Err() == nil && fault.KindOf(err) != fault.NotFound:
			return last, err
		}
		if err := table.Wait(ctx, changed, pause); err != nil {
			return last, fault.Coded(fault.Unavailable, "archive_pending", "the archive is not ready yet")
		}
	}
}

// List returns the tenant's archives, in no particular order.
func (r *Repository) List(ctx context.Context, t tenant.ID) ([]Record, error) {
	return r.list(ctx, tenantKey(t, "").Partition)
}

// Unfinished returns the archives whose instance has not been removed yet: what
// is old among them has lost its job.
func (r *Repository) Unfinished(ctx context.Context) ([]Record, error) {
	return r.list(ctx, unfinished)
}

func (r *Repository) list(ctx context.Context, partition string) ([]Record, error) {
	var keys []table.Key
	for item, err := range table.All(ctx, r.table, table.Query{Partition: partition}) {
		if err != nil {
			return nil, fmt.Errorf("list archives: %w", err)
		}
		keys = append(keys, recordKey(instance.ID(item.Sort)))
	}
	items, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read archives: %w", err)
	}
	out := make([]Record, 0, len(keys))
	for _, key := range keys {
		if item, ok := items[key]; ok {
			out = append(out, decode(item))
		}
	}
	return out, nil
}
