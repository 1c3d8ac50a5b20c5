package sqs

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/cloud"
	"roost/shared/queue"
)

// attributes are what a delivery tells besides the body.
var attributes = []types.MessageSystemAttributeName{
	types.MessageSystemAttributeNameMessageGroupId,
	types.MessageSystemAttributeNameMessageDeduplicationId,
	types.MessageSystemAttributeNameApproximateReceiveCount,
	types.MessageSystemAttributeNameSentTimestamp,
}

// Receive implements [queue.Queue].
func (q *Queue) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]queue.Delivery, error) {
	if err := queue.ValidateReceive(limit, wait, visibility); err != nil {
		return nil, fmt.Errorf("receive from queue %s: %w", q.name, err)
	}
	attempt := rand.Text()
	called, call := cloud.Follow(cloud.Wait(ctx, wait))
	answer, err := q.client.ReceiveMessage(called, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(limit), WaitTimeSeconds: seconds(wait), VisibilityTimeout: seconds(visibility),
		MessageSystemAttributeNames: attributes, ReceiveRequestAttemptId: &attempt,
	})
	if err != nil {
		return nil, fmt.Errorf("receive from queue %s: %w", q.name, read(call, err))
	}
	deliveries := make([]queue.Delivery, 0, len(answer.Messages))
	for _, m := range answer.Messages {
		d, err := delivery(m)
		if err != nil {
			return nil, fmt.Errorf("receive from queue %s: message %s: %w", q.name, text(m.MessageId), err)
		}
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

func delivery(m types.Message) (queue.Delivery, error) {
	receives, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return queue.Delivery{}, fmt.Errorf("number of receives: %w", err)
	}
	sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return queue.Delivery{}, fmt.Errorf("time of sending: %w", err)
	}
	return queue.Delivery{
		Message: queue.Message{
			Group:         m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
			Deduplication: m.Attributes[string(types.MessageSystemAttributeNameMessageDeduplicationId)],
			Body:          []byte(text(m.Body)),
		},
		ID: text(m.MessageId), Receipt: text(m.ReceiptHandle), Receives: receives, Sent: time.UnixMilli(sent),
	}, nil
}
