package table

import (
	"context"
	"errors"
	"fmt"
)

// Table is the port. All methods may be called concurrently and from several
// processes. No adapter keeps or changes a slice or map it was given after the
// call returned, and the caller owns what it is handed.
//
// Each method names how DynamoDB keeps its promise.
type Table interface {
	// Get returns the item under key, or [ErrNotFound]. Strongly consistent
	// (GetItem with ConsistentRead).
	Get(ctx context.Context, key Key) (Item, error)

	// BatchGet returns the items that exist among keys, of which there may be
	// any number, repeated ones too; missing ones are absent from the map. Each
	// item is strongly consistent, the set is not a snapshot (BatchGetItem by
	// 100, unprocessed keys asked again).
	BatchGet(ctx context.Context, keys []Key) (map[Key]Item, error)

	// Put creates or replaces the whole item if condition holds, and returns
	// its new revision: 1 for one that was absent, the old one plus 1
	// otherwise. item.Revision is ignored. Durable and atomic on return.
	// Errors: [ErrConflict], [ErrTooLarge], [ErrInvalid], [ErrUnknownOutcome].
	//
	// A put under [Absent] leaves exactly 1 and one under [Revision](n) exactly
	// n+1. Over an expired item under any other condition the count may go on
	// instead of starting again (UpdateItem cannot tell in one step).
	Put(ctx context.Context, item Item, condition Condition) (int64, error)

	// Delete removes the item if condition holds. Removing what is not there
	// succeeds unless the condition asks for it. Durable on return.
	Delete(ctx context.Context, key Key, condition Condition) error

	// Write applies all operations or none (TransactWriteItems). Conditions see
	// the state before the transaction. A key may occur once only. A failed
	// condition is a [*ConflictError] that names the operation; when several
	// fail, the first. An empty call does nothing. Revisions move as in Put.
	Write(ctx context.Context, ops ...Op) error

	// BatchWrite puts and deletes without conditions and without atomicity:
	// after an error any part may be done, and doing it again is safe. It is
	// for bulk data that nobody guards: an item put this way is at revision 1
	// whatever it replaced (BatchWriteItem by 25, unprocessed ones sent again).
	// A key may occur once only.
	BatchWrite(ctx context.Context, puts []Item, deletes []Key) error

	// Query returns one page of a partition in the order of the sort key (bytes
	// of UTF-8). Strongly consistent. A page may hold fewer items than the
	// limit, even none, and still have a cursor: only an empty cursor ends the
	// range. [All] walks the pages.
	Query(ctx context.Context, query Query) (Page, error)

	// Increment adds delta to an int64 attribute, which counts as 0 when the
	// item or the attribute is absent, and returns the sum. The rest of the
	// item stays and its revision rises by 1. Atomic, durable on return. It
	// cannot be settled by reading back, so an unknown outcome may be counted
	// or not. An attribute of another type is [ErrInvalid] (UpdateItem ADD).
	Increment(ctx context.Context, key Key, attribute string, delta int64) (int64, error)
}

// Limits of one item and one transaction (DynamoDB developer guide, "Service,
// account, and table quotas").
const (
	MaxItemSize        = 400 << 10 // bytes, as [Size] counts
	MaxTransactionOps  = 100
	MaxTransactionSize = 4 << 20 // bytes, the sum of the items put
	MaxPartitionLength = 2048    // bytes
	MaxSortLength      = 1024    // bytes
	MaxPageSize        = 1 << 20 // bytes of items one query page may hold
)

// The classes of error. Compare with errors.Is.
var (
	// ErrNotFound: there is no such item, or it has expired.
	ErrNotFound = errors.New("item not found")
	// ErrConflict: a condition did not hold and nothing was written.
	ErrConflict = errors.New("condition not met")
	// ErrTooLarge: an item or a transaction is above its limit.
	ErrTooLarge = errors.New("item or transaction too large")
	// ErrInvalid: the request breaks the contract. A fault of the caller.
	ErrInvalid = errors.New("invalid table request")
	// ErrUnknownOutcome: the answer was lost; the write may have happened.
	ErrUnknownOutcome = errors.New("outcome of the write is unknown")
	// ErrUnavailable: the table could not serve now and nothing was written.
	ErrUnavailable = errors.New("table unavailable")
)

// ConflictError says which condition failed. It wraps [ErrConflict].
type ConflictError struct {
	Op  int // index among the operations of Write, 0 for a single write
	Key Key
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("operation %d on %s: %v", e.Op, e.Key, ErrConflict)
}

func (e *ConflictError) Unwrap() error { return ErrConflict }
