package instance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"roost/shared/bounded"
	"roost/shared/fault"
	"roost/shared/table"
	"roost/shared/tenant"
)

// Repository keeps instances on the table.
//
//	instance#<id>        record          the instance
//	instance#<id>        offer           what it shows while it is linked
//	tenant#<tenant>      name#<name>     id
//	token#<sha-256>      <id>            id
//	held#<host>, unheld  <id>            id (owner.go)
type Repository struct {
	table table.Table
	names *bounded.Map[named, ID] // whose they were when they were looked up last
	now   func() time.Time
}

// named is a name of a tenant's.
type named struct {
	tenant tenant.ID
	name   string
}

// maxNames is how many names a repository remembers.
const maxNames = 20_000

// NewRepository keeps instances on t.
func NewRepository(t table.Table) *Repository {
	return &Repository{table: t, names: bounded.New[named, ID](maxNames), now: time.Now}
}

// Over is the same repository over another table, such as a unit of work.
func (r *Repository) Over(t table.Table) *Repository {
	other := *r
	other.table = t
	return &other
}

// Key is where an instance's record is, to be read with other items.
func Key(id ID) table.Key { return recordKey(id) }

// maxRaces is how often Update starts over when others write the same record.
const maxRaces = 10

func recordKey(id ID) table.Key {
	return table.Key{Partition: "instance#" + string(id), Sort: "record"}
}

func offerKey(id ID) table.Key { return table.Key{Partition: "instance#" + string(id), Sort: "offer"} }

func nameKey(t tenant.ID, name string) table.Key {
	return table.Key{Partition: "tenant#" + string(t), Sort: "name#" + name}
}

func tokenKey(hash []byte, id ID) table.Key {
	return table.Key{Partition: "token#" + hex.EncodeToString(hash), Sort: string(id)}
}

// HashToken is how a token is stored and found.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Create stores a new instance. A name that the tenant uses already is a
// Conflict.
func (r *Repository) Create(ctx context.Context, i Instance) (Instance, error) {
	i.CreatedAt = r.now().UTC().Truncate(time.Millisecond)
	i.UpdatedAt = i.CreatedAt
	item, err := encode(i)
	if err != nil {
		return Instance{}, err
	}
	index := map[string]any{"id": string(i.ID)}
	err = r.table.Write(ctx,
		table.PutOp(table.Item{Key: nameKey(i.Tenant, i.Name), Attributes: index}, table.Absent()),
		table.PutOp(item, table.Absent()),
		table.PutOp(table.Item{Key: tokenKey(i.TokenHash, i.ID), Attributes: index}, table.None()),
	)
	if errors.Is(err, table.ErrUnknownOutcome) { // settled by who has the name now
		if settled, lookErr := r.ByName(ctx, i.Tenant, i.Name); lookErr == nil && settled.ID == i.ID {
			return settled, nil
		}
	}
	if errors.Is(err, table.ErrConflict) {
		return Instance{}, fault.Coded(fault.Conflict, "name_taken", "This name %q is already in use.", i.Name)
	}
	if err != nil {
		return Instance{}, fmt.Errorf("create instance %s: %w", i.ID, err)
	}
	i.Revision = 1
	return i, nil
}

// Get returns an instance, or NotFound.
func (r *Repository) Get(ctx context.Context, id ID) (Instance, error) {
	item, err := r.table.Get(ctx, recordKey(id))
	if errors.Is(err, table.ErrNotFound) {
		return Instance{}, fault.New(fault.NotFound, "The %q instance does not exist", id)
	}
	if err != nil {
		return Instance{}, fmt.Errorf("read instance %s: %w", id, err)
	}
	return decode(item)
}

// ByName returns the tenant's instance of that name, or NotFound. Whose a name is
// it remembers: an instance has it until it is deleted, as its record says.
func (r *Repository) ByName(ctx context.Context, t tenant.ID, name string) (Instance, error) {
	missing := fault.New(fault.NotFound, "The %q instance does not exist", name)
	if err := nameKey(t, name).Validate(); err != nil {
		return Instance{}, missing
	}
	id, known := r.names.Get(named{t, name})
	if known {
		i, err := r.Get(ctx, id)
		if err == nil && i.has(t, name) {
			return i, nil
		}
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return Instance{}, err
		}
		r.names.Forget(named{t, name})
	}
	item, err := r.table.Get(ctx, nameKey(t, name))
	if errors.Is(err, table.ErrNotFound) {
		return Instance{}, missing
	}
	if err != nil {
		return Instance{}, fmt.Errorf("read instance name: %w", err)
	}
	i, err := r.Get(ctx, ID(item.Text("id")))
	if fault.KindOf(err) == fault.NotFound {
		return Instance{}, missing
	}
	if err == nil && i.has(t, name) {
		r.names.Put(named{t, name}, i.ID)
	}
	return i, err
}

// has reports whether a name is the instance's for as long as its record stays as
// it is.
func (i Instance) has(t tenant.ID, name string) bool {
	return i.Tenant == t && i.Name == name && i.State != Deleting && i.State != Deleted
}

// ByToken returns the instances that have this token, none when nobody has.
func (r *Repository) ByToken(ctx context.Context, token string) ([]Instance, error) {
	var ids []ID
	for item, err := range table.All(ctx, r.table, table.Query{Partition: tokenKey(HashToken(token), "").Partition}) {
		if err != nil {
			return nil, fmt.Errorf("look up a token: %w", err)
		}
		ids = append(ids, ID(item.Sort))
	}
	return r.getMany(ctx, ids)
}

// List returns the tenant's instances in order of their names.
func (r *Repository) List(ctx context.Context, t tenant.ID) ([]Instance, error) {
	var ids []ID
	query := table.Query{Partition: nameKey(t, "").Partition, Prefix: "name#"}
	for item, err := range table.All(ctx, r.table, query) {
		if err != nil {
			return nil, fmt.Errorf("list instances of %s: %w", t, err)
		}
		ids = append(ids, ID(item.Text("id")))
	}
	return r.getMany(ctx, ids)
}

func (r *Repository) getMany(ctx context.Context, ids []ID) ([]Instance, error) {
	keys := make([]table.Key, len(ids))
	for n, id := range ids {
		keys[n] = recordKey(id)
	}
	items, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read %d instances: %w", len(ids), err)
	}
	out := make([]Instance, 0, len(ids))
	for _, key := range keys {
		item, ok := items[key]
		if !ok {
			continue // deleted since
		}
		i, err := decode(item)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// Update changes an instance: change gets the stored record and edits it, and
// may refuse with an error, which Update returns as it is. When others write
// the record at the same time change is called again with theirs.
func (r *Repository) Update(ctx context.Context, id ID, change func(*Instance) error) (Instance, error) {
	before, err := r.Get(ctx, id)
	if err != nil {
		return Instance{}, err
	}
	return r.UpdateFrom(ctx, before, change)
}

// UpdateFrom is Update for a record that was just read: it saves a read unless
// somebody has written since.
func (r *Repository) UpdateFrom(ctx context.Context, before Instance, change func(*Instance) error) (Instance, error) {
	for n := range maxRaces {
		if n > 0 {
			var err error
			if before, err = r.Get(ctx, before.ID); err != nil {
				return Instance{}, err
			}
		}
		after := before
		if err := change(&after); err != nil {
			return Instance{}, err
		}
		after.UpdatedAt = r.now().UTC().Truncate(time.Millisecond)
		item, err := encode(after)
		if err != nil {
			return Instance{}, err
		}
		if index := moveOwner(before, after); len(index) > 0 {
			err = r.table.Write(ctx, append(index, table.PutOp(item, table.Revision(before.Revision)))...)
			after.Revision = before.Revision + 1
		} else {
			after.Revision, err = r.table.Put(ctx, item, table.Revision(before.Revision))
		}
		if err == nil {
			return after, nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Instance{}, fmt.Errorf("write instance %s: %w", before.ID, err)
		}
	}
	return Instance{}, fault.New(fault.Unavailable, "the instance is being changed by too many at once")
}

// Remove deletes the record, its offer, its name and its token from the table.
// What is gone already stays gone.
func (r *Repository) Remove(ctx context.Context, i Instance) error {
	ops := []table.Op{
		table.DeleteOp(recordKey(i.ID), table.None()),
		table.DeleteOp(offerKey(i.ID), table.None()),
		table.DeleteOp(tokenKey(i.TokenHash, i.ID), table.None()),
		table.DeleteOp(table.Key{Partition: unheld, Sort: string(i.ID)}, table.None()),
	}
	if i.Host != "" {
		ops = append(ops, table.DeleteOp(table.Key{Partition: ownerPartition(i.Host), Sort: string(i.ID)}, table.None()))
	}
	err := r.table.Write(ctx, append(ops, table.DeleteOp(nameKey(i.Tenant, i.Name), table.Equals("id", string(i.ID))))...)
	if errors.Is(err, table.ErrConflict) { // the name was given to another instance
		err = r.table.Write(ctx, ops...)
	}
	if err != nil {
		return fmt.Errorf("remove instance %s: %w", i.ID, err)
	}
	return nil
}

// ReleaseName gives the instance's name free for a new one while the record
// stays. It does nothing when another has the name.
func (r *Repository) ReleaseName(ctx context.Context, i Instance) error {
	err := r.table.Delete(ctx, nameKey(i.Tenant, i.Name), table.Equals("id", string(i.ID)))
	if err != nil && !errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("release the name of instance %s: %w", i.ID, err)
	}
	return nil
}
