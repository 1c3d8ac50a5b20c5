package cloud_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// source is an event source mapping: it hands a queue's messages to a function
// in batches of at most size, takes off what was handled and leaves what failed
// to its visibility (AWS: "Using Lambda with Amazon SQS", ReportBatchItemFailures).
type source struct {
	t     *testing.T
	sqs   *sqs.Client
	queue string // URL
	to    *function
	size  int32
}

// run polls until ctx ends. Several may run at once: the queue sees to the order
// within a group.
func (s *source) run(ctx context.Context) {
	for ctx.Err() == nil {
		got, err := s.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &s.queue, MaxNumberOfMessages: s.size, WaitTimeSeconds: 20,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.t.Errorf("receive for %s: %v", s.to.name, err)
			return
		case len(got.Messages) > 0:
			s.handle(ctx, got.Messages)
		}
	}
}

func (s *source) handle(ctx context.Context, messages []types.Message) {
	var e events.SQSEvent
	for _, m := range messages {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Attributes: m.Attributes, EventSource: "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:" + s.queue[len(s.queue)-1:], AWSRegion: "us-east-1",
		})
	}
	event, err := json.Marshal(e)
	if err != nil {
		s.t.Errorf("marshal an event: %v", err)
		return
	}
	answer, err := s.to.invoke(ctx, event)
	var response events.SQSEventResponse
	if err == nil {
		err = json.Unmarshal(answer, &response)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.t.Errorf("function %s has failed: %v", s.to.name, err)
		}
		return
	}
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var done []types.DeleteMessageBatchRequestEntry
	for _, m := range messages {
		if !failed[*m.MessageId] {
			done = append(done, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
		}
	}
	if len(done) == 0 {
		return
	}
	// What was handled goes off the queue even when the test ends meanwhile.
	if _, err := s.sqs.DeleteMessageBatch(context.WithoutCancel(ctx), &sqs.DeleteMessageBatchInput{QueueUrl: &s.queue, Entries: done}); err != nil {
		s.t.Errorf("delete for %s: %v", s.to.name, err)
	}
}
