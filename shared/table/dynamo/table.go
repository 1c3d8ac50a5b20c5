// Package dynamo keeps Roost's table in one table of DynamoDB.
//
// # Layout
//
// An item is pk and sk, its revision, a map "attributes" that reads well in a
// table browser and that one update can replace, the binary "body", and, where it
// expires, "expiry_ms" and "expiry": the same moment in milliseconds, which every
// read and condition looks at, and in seconds rounded up, by which DynamoDB's
// time to live removes the item some day. "write_id" names the write that left
// the item as it is.
//
// # Retries
//
// Each request is tried up to 8 times, after pauses drawn from 0 to 25, 50, 100
// ... at most 1000 ms, and is given up as lost after 10 s. What DynamoDB refused
// (throttled, in conflict with a transaction, with credentials that had expired)
// was not done and is always tried again; reads also when the answer was lost. A
// write whose answer was lost is tried again only where it cannot happen twice:
// a transaction carries a token by which DynamoDB knows it again, a put or delete
// that asks for a revision or for absence cannot succeed twice, and batches may.
// Then write_id tells whether a failed condition was failed by the first try.
// What stays in doubt is [table.ErrUnknownOutcome], never a false conflict.
//
// # Cost
//
// A read costs as a strongly consistent one, a transaction twice its writes.
// Nothing scans. A put under a condition other than Absent and Revision is
// answered with the item, because DynamoDB returns no less with the new revision.
// [Meter] counts what a client sends and is billed for.
package dynamo

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"roost/shared/table"
)

// Table is the item table, or a part of one: others may share it under keys of
// their own.
type Table struct {
	name string
	// Two clients that differ in what they try again.
	reads, writes *dynamodb.Client
}

var _ table.Table = (*Table)(nil)

// New returns the table of that name, which [Create] or the deployment has made.
// Of the client it keeps everything but the retryer; see the package comment.
func New(client *dynamodb.Client, name string) *Table {
	options := client.Options()
	credentials := options.Credentials
	// TLS guards the answers. Emulators leave checksums out, which the SDK would
	// complain about in its own log.
	options.DisableValidateResponseChecksum = true
	return &Table{
		name: name,
		reads: dynamodb.New(options, func(o *dynamodb.Options) {
			o.Retryer = newRetryer(credentials, true)
			o.APIOptions = append(o.APIOptions, observe)
		}),
		writes: dynamodb.New(options, func(o *dynamodb.Options) {
			o.Retryer = newRetryer(credentials, false)
			o.APIOptions = append(o.APIOptions, observe)
		}),
	}
}

// writeID names one call of a method that writes.
type writeID [8]byte

func newWriteID() (id writeID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // told apart, not guarded, by it
	return id
}

// pause waits before try number n, counted from 1, of a write that was lost.
func pause(ctx context.Context, n int) error {
	timer := time.NewTimer(delay(n))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
