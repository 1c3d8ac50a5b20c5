package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/table"
)

// Repository keeps the hosts on the table.
//
//	hosts    <name>    the record
type Repository struct {
	table table.Table
	now   func() time.Time
}

// NewRepository keeps hosts on t.
func NewRepository(t table.Table) *Repository { return &Repository{table: t, now: time.Now} }

const partition = "hosts"

func key(name string) table.Key { return table.Key{Partition: partition, Sort: name} }

// ErrEnded means that the term of a host is over, whatever the host believes.
var ErrEnded = errors.New("the host's lease has been ended")

// List returns all hosts, also those that have ended and are not yet cleared
// away, in order of their names. One request for a thousand hosts and more.
func (r *Repository) List(ctx context.Context) ([]Host, error) {
	var all []Host
	for item, err := range table.All(ctx, r.table, table.Query{Partition: partition}) {
		if err != nil {
			return nil, fmt.Errorf("list session hosts: %w", err)
		}
		all = append(all, decode(item))
	}
	return all, nil
}

// Join begins a term of h under its name. A Conflict means that another term of
// that name has not ended.
func (r *Repository) Join(ctx context.Context, h Host) error {
	err := r.put(ctx, h, table.Absent())
	if errors.Is(err, table.ErrConflict) {
		err = r.put(ctx, h, table.Equals("ended", true))
	}
	if err == nil || !uncertain(err) {
		return r.named(err, h.Name)
	}
	item, readErr := r.table.Get(ctx, key(h.Name)) // settled by who has the name now
	if readErr == nil && item.Text("term") == h.Term {
		return nil
	}
	return fmt.Errorf("join the session hosts as %s: %w", h.Name, err)
}

func (r *Repository) named(err error, name string) error {
	if errors.Is(err, table.ErrConflict) {
		return fault.Wrap(fault.Conflict, err, "another session host is called %s", name)
	}
	return err
}

// Renew writes what h says of itself. It may be repeated. [ErrEnded] when the
// term is over.
func (r *Repository) Renew(ctx context.Context, h Host) error {
	err := r.put(ctx, h, current(h))
	if errors.Is(err, table.ErrConflict) {
		return ErrEnded
	}
	if err != nil {
		return fmt.Errorf("renew the lease of %s: %w", h.Name, err)
	}
	return nil
}

// End ends the term of a host that has not renewed since h was read. A Conflict
// means that it has, or that it was ended by somebody else.
func (r *Repository) End(ctx context.Context, h Host) error {
	ended := h
	ended.Ended = true
	err := r.put(ctx, ended, table.And(current(h), table.Equals("beat", h.Beat)))
	if errors.Is(err, table.ErrConflict) {
		return fault.Wrap(fault.Conflict, err, "the session host %s is alive or was ended already", h.Name)
	}
	if err != nil {
		return fmt.Errorf("end the lease of %s: %w", h.Name, err)
	}
	return nil
}

// EndAll ends every term. Only who knows that no host runs may call it: one
// that has just locked a data folder.
func (r *Repository) EndAll(ctx context.Context) error {
	all, err := r.List(ctx)
	if err != nil {
		return err
	}
	for _, h := range all {
		if h.Ended {
			continue
		}
		if err := r.End(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// Remove clears away a host that has ended, unless its name has a new term.
func (r *Repository) Remove(ctx context.Context, h Host) error {
	err := r.table.Delete(ctx, key(h.Name), table.And(table.Equals("term", h.Term), table.Equals("ended", true)))
	if err != nil && !errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("remove the session host %s: %w", h.Name, err)
	}
	return nil
}

func current(h Host) table.Condition {
	return table.And(table.Equals("term", h.Term), table.Equals("ended", false))
}

func (r *Repository) put(ctx context.Context, h Host, condition table.Condition) error {
	a := map[string]any{
		"term": h.Term, "beat": h.Beat, "lease_ms": h.Lease.Milliseconds(), "ended": h.Ended, "leaving": h.Leaving,
		"capacity": int64(h.Capacity), "sessions": int64(h.Sessions), "since": table.Stamp(h.Since), "renewed_at": table.Stamp(r.now()),
	}
	if h.Ended {
		a["renewed_at"] = table.Stamp(h.RenewedAt)
	}
	_, err := r.table.Put(ctx, table.Item{Key: key(h.Name), Attributes: a}, condition)
	return err
}

func decode(item table.Item) Host {
	return Host{
		Name: item.Sort, Term: item.Text("term"), Beat: item.Number("beat"),
		Lease: time.Duration(item.Number("lease_ms")) * time.Millisecond,
		Ended: item.Flag("ended"), Leaving: item.Flag("leaving"),
		Capacity: int(item.Number("capacity")), Sessions: int(item.Number("sessions")),
		Since: item.Time("since"), RenewedAt: item.Time("renewed_at"),
	}
}

// uncertain tells whether a write may have happened.
func uncertain(err error) bool {
	for _, certain := range [...]error{table.ErrConflict, table.ErrTooLarge, table.ErrInvalid, table.ErrUnavailable} {
		if errors.Is(err, certain) {
			return false
		}
	}
	return true
}
