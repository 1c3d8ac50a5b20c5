// Package batch is how Roost's consumers take what a FIFO queue hands them: the
// groups of a batch at the same time, each in its order, and after the first
// failure of a group everything behind it comes again as well. That is what SQS
// asks of consumers that report partial failures; the embedded queue is
// consumed through the same handlers.
package batch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"roost/shared/queue"
)

// Names of message attributes (SQS API reference, "ReceiveMessage").
const (
	groupAttribute    = "MessageGroupId"
	receivesAttribute = "ApproximateReceiveCount"
)

// Run hands each group of e to handle, in goroutines of their own that end
// before it returns. handle answers how many records it has done from the front
// of its group; the others are reported as failed. A panic of handle fails its
// group.
func Run(ctx context.Context, log *slog.Logger, e events.SQSEvent, handle func(ctx context.Context, group []events.SQSMessage) int) events.SQSEventResponse {
	groups := Split(e.Records)
	done := make([]int, len(groups))
	var running sync.WaitGroup
	for n, group := range groups {
		running.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					log.ErrorContext(ctx, "consumer panicked", "err", fmt.Sprint(cause), "stack", string(debug.Stack()))
					done[n] = 0
				}
			}()
			done[n] = min(max(handle(ctx, group), 0), len(group))
		})
	}
	running.Wait()
	var response events.SQSEventResponse
	for n, group := range groups {
		for _, record := range group[done[n]:] {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response
}

// Split puts records into their groups, in the order in which groups appear.
func Split(records []events.SQSMessage) [][]events.SQSMessage {
	var groups [][]events.SQSMessage
	index := map[string]int{}
	for _, record := range records {
		name := record.Attributes[groupAttribute]
		n, ok := index[name]
		if !ok {
			n = len(groups)
			index[name] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], record)
	}
	return groups
}

// Receives is how often a record was received, this time included; 1 when the
// queue does not say.
func Receives(record events.SQSMessage) int {
	n, err := strconv.Atoi(record.Attributes[receivesAttribute])
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// Event is what Lambda would make of these deliveries, for consumers of the
// embedded queue. Message ids are the queue's, receipts the deliveries'.
func Event(deliveries ...queue.Delivery) events.SQSEvent {
	var e events.SQSEvent
	for _, d := range deliveries {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: d.ID, ReceiptHandle: d.Receipt, Body: string(d.Body), EventSource: "aws:sqs",
			Attributes: map[string]string{
				groupAttribute: d.Group, receivesAttribute: strconv.Itoa(d.Receives),
				"MessageDeduplicationId": d.Deduplication, "SentTimestamp": strconv.FormatInt(d.Sent.UnixMilli(), 10),
			},
		})
	}
	return e
}
