package instance

import (
	"context"
	"errors"
	"fmt"

	"roost/shared/fault"
	"roost/shared/table"
)

// ErrTaken means that an instance is not, or no longer, this owner's: another
// host has taken it, or it was released. Its old owner must not write it.
var ErrTaken = errors.New("the instance belongs to another host")

// Take gives the instance to a host, with a higher epoch. A connection that the
// record tells of belonged to a host that is gone: one of a linked phone is to
// be opened again, a pairing has died with it, perhaps a moment after the phone
// had agreed (Doubtful). NotFound for one that is deleted.
func (i *Instance) Take(host string) error {
	if i.State == Deleted {
		return fault.New(fault.NotFound, "The %q instance does not exist", i.Name)
	}
	i.Host = host
	i.Epoch++
	return i.disconnect(Reason{Code: ReasonHostLost, Sentence: "The host of the connection has ended and another one opens it again."})
}

// Release gives the instance back. Its epoch stays: whoever takes it next has a
// higher one.
func (i *Instance) Release() error {
	i.Host = ""
	return i.disconnect(Reason{Code: ReasonHandedOver, Sentence: "The host has closed the connection and another one opens it again."})
}

// disconnect takes a connected instance to where it stands without a host.
func (i *Instance) disconnect(reason Reason) error {
	switch {
	case !i.State.Connected():
		return nil
	case i.Wanted && i.State == Connecting:
		return nil // and keeps saying why
	case i.Wanted:
		return i.Move(Connecting, reason)
	default:
		i.Wanted = true
		return i.Move(Closed, lostPairing)
	}
}

var lostPairing = Reason{Code: ReasonHostLost, Sentence: "The host that linked the phone has ended.", Action: "Connect again for new codes."}

// Doubtful reports whether the instance lost its host while that was linking or
// opening it, and nobody has looked since. The keys are written before the
// record, so only they know whether a phone has agreed: the next host looks, and
// either connects the instance as if the record had said so, or settles that it
// is closed. What was closed by its user, logged out, replaced or refused was
// not connected when its host ended, and is never in doubt.
func (i Instance) Doubtful() bool {
	return i.Wanted && i.State == Closed && i.Reason.Code == ReasonHostLost
}

// Owned reports whether this record is still of the owner that another one,
// read before, tells of.
func (i Instance) Owned(before Instance) bool {
	return i.Host == before.Host && i.Epoch == before.Epoch
}

// The index of owners: an instance stands in one of these partitions, or in
// none while nobody holds it and nobody needs to.
//
//	held#<host>    <id>
//	unheld         <id>    wanted, and no host has it
const unheld = "unheld"

func ownerPartition(host string) string {
	if host == "" {
		return unheld
	}
	return "held#" + host
}

// ownerKey is where the index names an instance, zero for nowhere.
func ownerKey(i Instance) table.Key {
	if i.Host == "" && (!i.Wanted || i.State == Deleting || i.State == Deleted) {
		return table.Key{}
	}
	return table.Key{Partition: ownerPartition(i.Host), Sort: string(i.ID)}
}

// moveOwner are the operations that bring the index from before to after.
func moveOwner(before, after Instance) []table.Op {
	from, to := ownerKey(before), ownerKey(after)
	if from == to {
		return nil
	}
	var ops []table.Op
	if from != (table.Key{}) {
		ops = append(ops, table.DeleteOp(from, table.None()))
	}
	if to != (table.Key{}) {
		ops = append(ops, table.PutOp(table.Item{Key: to, Attributes: map[string]any{"id": to.Sort}}, table.None()))
	}
	return ops
}

// Held returns a page of the instances that name a host, or with "" of those
// that should be connected and that nobody holds, by id, and the cursor of the
// next page, "" at the end. It reads the index, never all instances.
func (r *Repository) Held(ctx context.Context, host, cursor string, limit int) ([]Instance, string, error) {
	page, err := r.table.Query(ctx, table.Query{Partition: ownerPartition(host), Cursor: cursor, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("list instances of %s: %w", ownerPartition(host), err)
	}
	if len(page.Items) == 0 {
		return nil, page.Cursor, nil
	}
	ids := make([]ID, len(page.Items))
	for n, item := range page.Items {
		ids[n] = ID(item.Sort)
	}
	all, err := r.getMany(ctx, ids)
	return all, page.Cursor, err
}
