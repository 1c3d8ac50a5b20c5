package sqs

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/cloud"
	"roost/shared/queue"
)

// Queue is one FIFO queue.
type Queue struct {
	client *sqs.Client
	name   string // without prefix and suffix, for errors
	url    string
}

var _ queue.Queue = (*Queue)(nil)

// Depth implements [queue.Queue]. SQS's numbers are right about a minute after
// the last change (SQS API, "GetQueueAttributes").
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	waiting, delayed, held := types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	ctx, call := cloud.Follow(ctx)
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{waiting, delayed, held},
	})
	if err != nil {
		return queue.Depth{}, fmt.Errorf("depth of queue %s: %w", q.name, read(call, err))
	}
	var numbers [3]int
	for i, name := range []types.QueueAttributeName{waiting, delayed, held} {
		if numbers[i], err = strconv.Atoi(answer.Attributes[string(name)]); err != nil {
			return queue.Depth{}, fmt.Errorf("depth of queue %s: %s: %w", q.name, name, err)
		}
	}
	return queue.Depth{Waiting: numbers[0] + numbers[1], InFlight: numbers[2]}, nil
}

// Purge implements [queue.Queue]. SQS purges once a minute; a second time within
// it is [queue.ErrUnavailable].
func (q *Queue) Purge(ctx context.Context) error {
	ctx, call := cloud.Follow(ctx)
	if _, err := q.client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &q.url}); err != nil {
		return fmt.Errorf("purge queue %s: %w", q.name, port(call, err))
	}
	return nil
}

// seconds rounds up, as fine as SQS counts.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second)
}
