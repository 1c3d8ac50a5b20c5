package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
//	archive#<instance>        record, export       of its end, of its latest export
//	archives#<tenant>         <instance>           the tenant's archives of deleted instances
//	archives-unfinished       <instance>[#export]  those with work left
//	archives-expiring         <time>#<stem>        objects that go then
type Repository struct {
	table table.Table
	now   func() time.Time
}

// NewRepository keeps records on t.
func NewRepository(t table.Table) *Repository { return &Repository{table: t, now: time.Now} }

const unfinished = "archives-unfinished"

func recordKey(ref Ref) table.Key {
	key := table.Key{Partition: "archive#" + string(ref.Instance), Sort: "record"}
	if ref.Live {
		key.Sort = "export"
	}
	return key
}

func tenantKey(t tenant.ID, i instance.ID) table.Key {
	return table.Key{Partition: "archives#" + string(t), Sort: string(i)}
}

const liveSuffix = "#export"

func unfinishedKey(ref Ref) table.Key {
	key := table.Key{Partition: unfinished, Sort: string(ref.Instance)}
	if ref.Live {
		key.Sort += liveSuffix
	}
	return key
}

// Begin stores the record of a job, pending. When there is one already it
// stays, with the names it gave, and is returned; but a live job begins a new
// export when the one before is done and older.
func (r *Repository) Begin(ctx context.Context, j Job) (Record, error) {
	record, before := newRecord(j), table.Absent()
	for range maxRaces {
		at := map[string]any{"at": table.Stamp(record.At)}
		ops := []table.Op{
			table.PutOp(encode(record), before),
			table.PutOp(table.Item{Key: unfinishedKey(j.Ref()), Attributes: at}, table.None()),
		}
		if !j.Live {
			ops = append(ops, table.PutOp(table.Item{Key: tenantKey(j.Tenant, j.Instance), Attributes: at}, table.None()))
		}
		err := r.table.Write(ctx, ops...)
		if err == nil {
			return record, nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Record{}, fmt.Errorf("begin archive of instance %s: %w", j.Instance, err)
		}
		stored, item, getErr := r.read(ctx, j.Ref())
		switch {
		case getErr == nil && (!j.Live || stored.State != Done || !stored.At.Before(record.At)):
			return stored, nil
		case getErr == nil:
			before = table.Revision(item.Revision)
		default: // an answer that was lost, or a table that does not serve
			return Record{}, fmt.Errorf("begin archive of instance %s: %w", j.Instance, errors.Join(err, getErr))
		}
	}
	return Record{}, fault.New(fault.Unavailable, "the archive is being changed by too many at once")
}

// Get returns the record of an instance's end, or NotFound.
func (r *Repository) Get(ctx context.Context, i instance.ID) (Record, error) {
	return r.get(ctx, Ref{Instance: i})
}

// Export returns the record of an instance's latest export, or NotFound.
func (r *Repository) Export(ctx context.Context, i instance.ID) (Record, error) {
	return r.get(ctx, Ref{i, true})
}

func (r *Repository) get(ctx context.Context, ref Ref) (Record, error) {
	record, _, err := r.read(ctx, ref)
	return record, err
}

func (r *Repository) read(ctx context.Context, ref Ref) (Record, table.Item, error) {
	missing := fault.New(fault.NotFound, "there is no archive of instance %q", ref.Instance)
	if recordKey(ref).Validate() != nil {
		return Record{}, table.Item{}, missing
	}
	item, err := r.table.Get(ctx, recordKey(ref))
	if errors.Is(err, table.ErrNotFound) {
		return Record{}, table.Item{}, missing
	}
	if err != nil {
		return Record{}, table.Item{}, fmt.Errorf("read archive of instance %s: %w", ref.Instance, err)
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
func (r *Repository) Await(ctx context.Context, ref Ref) (Record, error) {
	changed, stop := table.Watch(r.table, recordKey(ref))
	defer stop()
	var last Record
	for pause := firstLook; ; pause = min(pause*2, longestLook) {
		record, err := r.get(ctx, ref)
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

// List returns the tenant's archives of deleted instances, in no particular order.
func (r *Repository) List(ctx context.Context, t tenant.ID) ([]Record, error) {
	return r.list(ctx, tenantKey(t, "").Partition)
}

// Unfinished returns the archives with work left: what is old among them has
// lost its job.
func (r *Repository) Unfinished(ctx context.Context) ([]Record, error) {
	return r.list(ctx, unfinished)
}

func (r *Repository) list(ctx context.Context, partition string) ([]Record, error) {
	var keys []table.Key
	for item, err := range table.All(ctx, r.table, table.Query{Partition: partition}) {
		if err != nil {
			return nil, fmt.Errorf("list archives: %w", err)
		}
		id, live := strings.CutSuffix(item.Sort, liveSuffix)
		keys = append(keys, recordKey(Ref{instance.ID(id), live}))
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
