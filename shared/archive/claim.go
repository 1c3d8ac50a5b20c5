package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

// Claim is a worker's right to a record, until it ends. Two workers at once
// could spoil an archive: one may remove the transcript that the other is still
// writing into the object.
type Claim struct {
	Record Record    // as stored
	Until  time.Time // the worker stops before

	owner string
}

// Claim takes the record for owner, a name that no other attempt uses, until
// [Term] from now. It is a Conflict while another has it.
func (r *Repository) Claim(ctx context.Context, i instance.ID, owner string) (Claim, error) {
	for range maxRaces {
		record, item, err := r.read(ctx, i)
		if err != nil {
			return Claim{}, err
		}
		now := r.now()
		holder := item.Text("claim")
		if holder != "" && holder != owner && now.Before(item.Time("claim_until")) {
			return Claim{}, fault.New(fault.Conflict, "the archive of instance %q is being written", i)
		}
		until := now.Add(Term)
		item.Attributes["claim"], item.Attributes["claim_until"] = owner, table.Stamp(until)
		_, err = r.table.Put(ctx, item, table.Revision(item.Revision))
		if err == nil {
			return Claim{Record: record, Until: until, owner: owner}, nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Claim{}, fmt.Errorf("claim archive of instance %s: %w", i, err)
		}
	}
	return Claim{}, fault.New(fault.Unavailable, "the archive is being changed by too many at once")
}

// Complete stores that the objects are in the bucket. It is a Conflict when
// another has the claim now.
func (r *Repository) Complete(ctx context.Context, c Claim, messages, bytes int64, sha256 string) (Record, error) {
	done := c.Record
	done.State, done.Messages, done.Bytes, done.SHA256 = Done, messages, bytes, sha256
	done.DoneAt = r.now().UTC().Truncate(time.Millisecond)
	item := encode(done)
	item.Attributes["claim"], item.Attributes["claim_until"] = c.owner, table.Stamp(c.Until)
	_, err := r.table.Put(ctx, item, table.Equals("claim", c.owner))
	if errors.Is(err, table.ErrUnknownOutcome) {
		if stored, getErr := r.Get(ctx, done.Instance); getErr == nil && stored.State == Done {
			return stored, nil
		}
	}
	if errors.Is(err, table.ErrConflict) {
		return Record{}, fault.New(fault.Conflict, "another worker has taken the archive of instance %q", done.Instance)
	}
	if err != nil {
		return Record{}, fmt.Errorf("complete archive of instance %s: %w", done.Instance, err)
	}
	return done, nil
}

// Release gives a claim back early, so that a retry need not wait for its end.
func (r *Repository) Release(ctx context.Context, c Claim) error {
	_, item, err := r.read(ctx, c.Record.Instance)
	if err != nil {
		return err
	}
	if item.Attributes["claim"] != c.owner {
		return nil
	}
	delete(item.Attributes, "claim")
	delete(item.Attributes, "claim_until")
	_, err = r.table.Put(ctx, item, table.Revision(item.Revision))
	if err != nil && !errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("release archive of instance %s: %w", c.Record.Instance, err)
	}
	return nil
}

// Finish says that nothing is left of the instance.
func (r *Repository) Finish(ctx context.Context, i instance.ID) error {
	if err := r.table.Delete(ctx, unfinishedKey(i), table.None()); err != nil {
		return fmt.Errorf("finish archive of instance %s: %w", i, err)
	}
	return nil
}
