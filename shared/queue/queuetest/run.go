// Package queuetest holds the conformance suite of package queue, which every
// adapter must pass.
package queuetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/shared/queue"
)

// Run holds an adapter to the contract of [queue.Queue]. open returns an opener
// that makes the queues it is asked for; their names are new in every run.
// Visibilities are whole seconds, so a run takes a few of them.
func Run(t *testing.T, open func(t *testing.T) queue.Opener) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Order", testOrder},
		{"Fields", testFields},
		{"GroupBlocks", testGroupBlocks},
		{"SeveralOfAGroup", testSeveralOfAGroup},
		{"VisibilityEnds", testVisibilityEnds},
		{"GiveBack", testGiveBack},
		{"Extend", testExtend},
		{"Deduplication", testDeduplication},
		{"DeadLetter", testDeadLetter},
		{"LongPoll", testLongPoll},
		{"LongPollVisibility", testLongPollVisibility},
		{"LongPollFreed", testLongPollFreed},
		{"WaitEnds", testWaitEnds},
		{"Canceled", testCanceled},
		{"Limits", testLimits},
		{"Invalid", testInvalid},
		{"DepthAndPurge", testDepthAndPurge},
		{"QueuesApart", testQueuesApart},
		{"Drop", testDrop},
		{"DropWakes", testDropWakes},
		{"Concurrent", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &suite{T: t, opener: open(t), name: fmt.Sprintf("%s-%d", c.name, time.Now().UnixNano())}
			s.queue = s.open(s.name, queue.Options{})
			c.run(s)
		})
	}
}

// suite is one case with a queue of its own.
type suite struct {
	*testing.T
	opener queue.Opener
	name   string
	queue  queue.Queue
}

func (s *suite) open(name string, options queue.Options) queue.Queue {
	s.Helper()
	q, err := s.opener.Open(s.Context(), name, options)
	if err != nil {
		s.Fatalf("open %s: %v", name, err)
	}
	return q
}

// message makes one whose body and id tell it apart.
func message(group, body string) queue.Message {
	return queue.Message{Group: group, Deduplication: group + "/" + body, Body: []byte(body)}
}

func (s *suite) send(messages ...queue.Message) {
	s.Helper()
	if err := s.queue.Send(s.Context(), messages...); err != nil {
		s.Fatalf("send: %v", err)
	}
}

// receive expects these bodies, in order, within the wait.
func (s *suite) receive(limit int, wait, visibility time.Duration, want ...string) []queue.Delivery {
	s.Helper()
	return s.receiveFrom(s.queue, limit, wait, visibility, want...)
}

func (s *suite) receiveFrom(q queue.Queue, limit int, wait, visibility time.Duration, want ...string) []queue.Delivery {
	s.Helper()
	deliveries, err := q.Receive(s.Context(), limit, wait, visibility)
	if err != nil {
		s.Fatalf("receive: %v", err)
	}
	got := make([]string, 0, len(deliveries))
	for _, d := range deliveries {
		got = append(got, string(d.Body))
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		s.Fatalf("received (-want +got):\n%s", diff)
	}
	return deliveries
}

func (s *suite) remove(deliveries ...queue.Delivery) {
	s.Helper()
	receipts := make([]string, len(deliveries))
	for i, d := range deliveries {
		receipts[i] = d.Receipt
	}
	if err := s.queue.Delete(s.Context(), receipts...); err != nil {
		s.Fatalf("delete: %v", err)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error %v, want %v", err, want)
	}
}
