package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/cloud"
	"roost/shared/queue"
)

// What one SendMessageBatch carries.
const (
	batchMessages = 10
	batchBytes    = queue.MaxBodySize
)

// Send implements [queue.Queue]. When a message could not be sent for a reason
// that may pass, the later ones of its group are not tried, so that sending the
// failed ones again keeps the order.
func (q *Queue) Send(ctx context.Context, messages ...queue.Message) error {
	s := &sending{queue: q, messages: messages, errs: make([]error, len(messages))}
	for i, m := range messages {
		if err := m.Validate(); err != nil {
			s.fail(i, err)
			continue
		}
		if len(s.batch) == batchMessages || s.bytes+len(m.Body) > batchBytes {
			s.flush(ctx)
		}
		s.batch = append(s.batch, i)
		s.bytes += len(m.Body)
	}
	s.flush(ctx)
	if s.failed {
		return &queue.SendError{Errors: s.errs}
	}
	return nil
}

// sending is one Send.
type sending struct {
	queue    *Queue
	messages []queue.Message
	errs     []error // one for each message
	failed   bool
	stopped  map[string]bool // groups with a message that may be sent again
	down     error           // why no more requests are made
	batch    []int           // messages of the next request
	bytes    int             // of their bodies
}

func (s *sending) fail(i int, err error) {
	s.errs[i], s.failed = err, true
	if errors.Is(err, queue.ErrInvalid) || errors.Is(err, queue.ErrTooLarge) {
		return // will never be sent, so nothing waits for it
	}
	if s.stopped == nil {
		s.stopped = make(map[string]bool)
	}
	s.stopped[s.messages[i].Group] = true
}

var errBehind = errors.New("an earlier message of the group was not sent")

// flush makes the request for what has gathered.
func (s *sending) flush(ctx context.Context) {
	entries := make([]types.SendMessageBatchRequestEntry, 0, len(s.batch))
	for _, i := range s.batch {
		m := &s.messages[i]
		switch {
		case s.down != nil:
			s.fail(i, fmt.Errorf("%w: not tried after: %w", queue.ErrUnavailable, s.down))
			continue
		case s.stopped[m.Group]:
			s.fail(i, fmt.Errorf("%w: %w", queue.ErrUnavailable, errBehind))
			continue
		}
		id, body := strconv.Itoa(i), string(m.Body)
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: &id, MessageBody: &body, MessageGroupId: &m.Group, MessageDeduplicationId: &m.Deduplication,
		})
	}
	s.batch, s.bytes = s.batch[:0], 0
	if len(entries) == 0 {
		return
	}
	called, call := cloud.Follow(ctx)
	answer, err := s.queue.client.SendMessageBatch(called, &sqs.SendMessageBatchInput{QueueUrl: &s.queue.url, Entries: entries})
	if err != nil {
		err = fmt.Errorf("send to queue %s: %w", s.queue.name, port(call, err))
		s.down = err
		for _, e := range entries {
			s.fail(index(e.Id), err)
		}
		return
	}
	s.settle(entries, answer)
}

// settle notes what became of each message of a request that was answered.
func (s *sending) settle(entries []types.SendMessageBatchRequestEntry, answer *sqs.SendMessageBatchOutput) {
	sent := make(map[string]bool, len(entries))
	for _, e := range answer.Successful {
		sent[text(e.Id)] = true
	}
	failed := make(map[string]error, len(answer.Failed))
	for _, e := range answer.Failed {
		failed[text(e.Id)] = entry(e)
	}
	for _, e := range entries {
		err := failed[*e.Id]
		if err == nil && !sent[*e.Id] {
			err = fmt.Errorf("%w: the answer does not name the message", queue.ErrUnknownOutcome)
		}
		if err != nil {
			s.fail(index(e.Id), fmt.Errorf("send to queue %s: %w", s.queue.name, err))
		}
	}
}

// index is the message that an entry's id stands for; the ids are ours.
func index(id *string) int {
	i, _ := strconv.Atoi(*id)
	return i
}
