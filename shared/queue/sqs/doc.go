// Package sqs keeps Roost's queues on SQS, one FIFO queue each, named
// <prefix><name>.fifo. It makes the promises of package queue as far as SQS does.
//
// Queues are made by the template; [Opener.Open] makes those it does not know,
// such as the queue of a host that has just started, and [Opener.Drop] removes
// them. Whoever calls these two needs sqs:CreateQueue and sqs:DeleteQueue.
//
// # What it leans on
//
//   - Queues are of high throughput: DeduplicationScope messageGroup and
//     FifoThroughputLimit perMessageGroupId. Deduplication ids therefore count
//     within their group; on a queue that the template made otherwise they
//     count in all of it. The port leaves this open.
//   - Requests are tried as [cloud.Default] says. A send whose answer was lost
//     is sent again under the same deduplication ids, which adds nothing. A
//     receive is tried again under the same attempt id, for which SQS hands out
//     the same messages, so that a lost answer does not block their groups
//     (SQS API, "ReceiveRequestAttemptId").
//   - Messages stay for 14 days, the longest that SQS has.
//   - A queue has at most 120,000 messages in flight; the 120,001st receive is
//     refused (OverLimit) and reported as [queue.ErrUnavailable].
//   - Waits and visibilities are rounded up to seconds.
package sqs
