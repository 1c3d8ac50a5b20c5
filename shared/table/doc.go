// Package table is the port to Roost's one table: items under a partition key
// and a sort key, each with a revision, an expiry, readable attributes and an
// opaque body. Every repository is written once on it and runs on DynamoDB in
// the cloud and on one SQLite file on a single machine.
//
// # What every adapter promises
//
//   - Durable on return: a write that returned nil survives the death of the
//     process and of the machine.
//   - Serializable by item: writes to one item happen one after another, and a
//     condition is evaluated in the same step as the write it guards.
//   - Atomic transactions: [Table.Write] applies all of its operations or none.
//   - Strongly consistent reads: a read that starts after a write returned sees
//     that write or a later one, from any process. Pages of one query and keys
//     of one batch are separate reads, not a snapshot.
//   - Expired items are gone: no read shows them and every condition counts
//     them as absent, however late the adapter removes them from disk.
//
// # Errors
//
// Every error wraps exactly one of the Err values of this package, the
// context's error, or neither when the fault is outside the contract (treat it
// as [ErrUnavailable]). A write whose answer was lost wraps [ErrUnknownOutcome]:
// it may have happened, so settle it by reading back before deciding. All other
// errors mean that nothing was written, but for [Table.BatchWrite].
//
// # Limits
//
// They are DynamoDB's, checked by every adapter before any input or output, so
// that what passes on a laptop passes in the cloud: see [MaxItemSize],
// [MaxTransactionOps] and [MaxTransactionSize].
package table
