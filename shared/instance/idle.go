package instance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/shared/table"
	"roost/shared/tenant"
)

// idleLife is how long the note of an idle instance lasts: longer than an
// instance that releases is idle, so that what a dead host has noted goes away.
const idleLife = time.Hour

// idleKey lists a tenant's idle instances that release, the oldest first:
//
//	idle#<tenant>   <idle since>#<id>
func idleKey(i Instance) table.Key {
	since := i.IdleSince.UTC().Format("2006-01-02T15:04:05.000Z") // of one width, to be in order
	return table.Key{Partition: "idle#" + string(i.Tenant), Sort: since + "#" + string(i.ID)}
}

// NoteIdle counts an instance among its tenant's idle ones.
func (r *Repository) NoteIdle(ctx context.Context, i Instance) error {
	item := table.Item{Key: idleKey(i), Attributes: map[string]any{"id": string(i.ID)}, Expires: r.now().Add(idleLife)}
	if _, err := r.table.Put(ctx, item, table.None()); err != nil {
		return fmt.Errorf("note that instance %s is idle: %w", i.ID, err)
	}
	return nil
}

// DropIdle ends what NoteIdle has begun; i is the instance as it was then.
func (r *Repository) DropIdle(ctx context.Context, i Instance) error {
	if err := r.table.Delete(ctx, idleKey(i), table.None()); err != nil {
		return fmt.Errorf("note that instance %s is no longer idle: %w", i.ID, err)
	}
	return nil
}

// Idle returns a tenant's idle instances that release, the oldest first. What
// was noted and is so no longer is left out, and forgotten.
func (r *Repository) Idle(ctx context.Context, t tenant.ID) ([]Instance, error) {
	noted := map[ID]table.Key{}
	var ids []ID
	for item, err := range table.All(ctx, r.table, table.Query{Partition: "idle#" + string(t)}) {
		if err != nil {
			return nil, fmt.Errorf("list the idle instances of %s: %w", t, err)
		}
		_, id, _ := strings.Cut(item.Sort, "#")
		if old, twice := noted[ID(id)]; twice { // only the later note can be true
			if err := r.table.Delete(ctx, old, table.None()); err != nil {
				return nil, fmt.Errorf("forget an old note: %w", err)
			}
		} else {
			ids = append(ids, ID(id))
		}
		noted[ID(id)] = item.Key
	}
	all, err := r.getMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	idle := all[:0]
	for _, i := range all {
		key := noted[i.ID]
		delete(noted, i.ID)
		if i.State == Idle && idleKey(i) == key {
			idle = append(idle, i)
			continue
		}
		if err := r.table.Delete(ctx, key, table.None()); err != nil {
			return nil, fmt.Errorf("forget an old note: %w", err)
		}
	}
	for _, key := range noted { // of instances that are gone
		if err := r.table.Delete(ctx, key, table.None()); err != nil {
			return nil, fmt.Errorf("forget an old note: %w", err)
		}
	}
	return idle, nil
}
