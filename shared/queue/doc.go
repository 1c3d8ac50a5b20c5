// Package queue is the port to Roost's queues: first in, first out within a
// group, each message delivered at least once. Commands, events and archive
// work travel on it, on SQS FIFO in the cloud and on one SQLite file on a single
// machine. The semantics are those of SQS FIFO.
//
// # What every adapter promises
//
//   - Durable on return: a message that Send accepted survives the death of
//     every process and machine, until it is deleted.
//   - Order by group: messages of a group are received in the order in which
//     their sends were accepted. A message in flight (received, neither deleted
//     nor visible again) blocks its group; other groups go on. One receive may
//     hand out several messages of a group, in order.
//   - At least once: what is not deleted before its visibility ends is received
//     again, as the first of its group. Consumers deduplicate.
//   - Deduplication: a second send with the same group and deduplication id
//     within [DeduplicationWindow] succeeds and adds nothing, even when the first
//     message is gone. Whether an id also counts across groups is open, so ids
//     should be unique in their queue.
//   - Dead letters: a message received MaxReceives times and not deleted goes to
//     the dead-letter queue at the next receive that would hand it out, with its
//     group, and the group goes on without it.
//
// Waits and visibilities may be rounded up to whole seconds, which is as fine as
// SQS counts.
//
// # Errors
//
// Every error wraps one of the Err values, the context's error, or neither when
// the fault is outside the contract. A send with [ErrUnknownOutcome] may be sent
// again with the same deduplication id without harm.
package queue
