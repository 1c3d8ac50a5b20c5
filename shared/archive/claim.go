package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
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
func (r *Repository) Claim(ctx context.Context, ref Ref, owner string) (Claim, error) {
	for range maxRaces {
		record, item, err := r.read(ctx, ref)
		if err != nil {
			return Claim{}, err
		}
		now := r.now()
		holder := item.Text("claim")
		if holder != "" && holder != owner && now.Before(item.Time("claim_until")) {
			return Claim{}, fault.New(fault.Conflict, "the archive of instance %q is being written", ref.Instance)
		}
		until := now.Add(Term)
		item.Attributes["claim"], item.Attributes["claim_until"] = owner, table.Stamp(until)
		_, err = r.table.Put(ctx, item, table.Revision(item.Revision))
		if err == nil {
			return Claim{Record: record, Until: until, owner: owner}, nil
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Claim{}, fmt.Errorf("claim archive of instance %s: %w", ref.Instance, err)
		}
	}
	return Claim{}, fault.New(fault.Unavailable, "the archive is being changed by too many at once")
}

// Advance stores how far the work has come and begins a new term. It is a
// Conflict when another has the claim now.
func (r *Repository) Advance(ctx context.Context, c Claim, p Progress) (Claim, error) {
	next := c
	next.Record.Progress, next.Until = p, r.now().Add(Term)
	item := next.encode()
	_, err := r.table.Put(ctx, item, table.Equals("claim", c.owner))
	if errors.Is(err, table.ErrUnknownOutcome) { // the same again does no harm
		_, err = r.table.Put(ctx, item, table.Equals("claim", c.owner))
	}
	if errors.Is(err, table.ErrConflict) {
		return c, taken(c)
	}
	if err != nil {
		return c, fmt.Errorf("advance archive of instance %s: %w", c.Record.Instance, err)
	}
	return next, nil
}

func (c Claim) encode() table.Item {
	item := encode(c.Record)
	item.Attributes["claim"], item.Attributes["claim_until"] = c.owner, table.Stamp(c.Until)
	return item
}

func taken(c Claim) error {
	return fault.New(fault.Conflict, "another worker has taken the archive of instance %q", c.Record.Instance)
}

// Result is what is known of an archive once its objects are stored.
type Result struct {
	Messages int64
	Files    int64
	Bytes    int64
	SHA256   string
	// Keep is how long the objects stay, 0 for ever.
	Keep time.Duration
}

// Complete stores that the objects are in the bucket, and begins a new term. It
// is a Conflict when another has the claim now.
func (r *Repository) Complete(ctx context.Context, c Claim, result Result) (Claim, error) {
	next := c
	done := &next.Record
	done.State, done.Messages, done.Files, done.Bytes, done.SHA256 = Done, result.Messages, result.Files, result.Bytes, result.SHA256
	done.DoneAt, next.Until = r.now().UTC().Truncate(time.Millisecond), r.now().Add(Term)
	ops := []table.Op{{}}
	if result.Keep > 0 {
		done.Expires = done.DoneAt.Add(result.Keep)
		ops = append(ops, table.PutOp(encodeExpiry(*done), table.None()))
	}
	ops[0] = table.PutOp(next.encode(), table.Equals("claim", c.owner))
	err := r.table.Write(ctx, ops...)
	if errors.Is(err, table.ErrUnknownOutcome) {
		if stored, getErr := r.get(ctx, c.Record.Ref()); getErr == nil && stored.State == Done {
			next.Record = stored
			return next, nil
		}
	}
	if errors.Is(err, table.ErrConflict) {
		return c, taken(c)
	}
	if err != nil {
		return c, fmt.Errorf("complete archive of instance %s: %w", done.Instance, err)
	}
	return next, nil
}

// Release gives a claim back early, so that a retry need not wait for its end.
func (r *Repository) Release(ctx context.Context, c Claim) error {
	_, item, err := r.read(ctx, c.Record.Ref())
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

// Finish says that nothing is left to do.
func (r *Repository) Finish(ctx context.Context, ref Ref) error {
	if err := r.table.Delete(ctx, unfinishedKey(ref), table.None()); err != nil {
		return fmt.Errorf("finish archive of instance %s: %w", ref.Instance, err)
	}
	return nil
}
