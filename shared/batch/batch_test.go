package batch_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/batch"
	"roost/shared/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func delivery(id, group string, receives int) queue.Delivery {
	return queue.Delivery{
		Message: queue.Message{Group: group, Deduplication: "d" + id, Body: []byte("body " + id)},
		ID:      id, Receipt: "r" + id, Receives: receives, Sent: time.Unix(7, 0),
	}
}

func TestFailuresTakeTheRestOfTheirGroup(t *testing.T) {
	t.Parallel()
	e := batch.Event(delivery("1", "a", 1), delivery("2", "b", 1), delivery("3", "a", 1), delivery("4", "b", 1), delivery("5", "a", 1))
	var mu sync.Mutex
	seen := map[string][]string{}
	response := batch.Run(t.Context(), slog.New(slog.DiscardHandler), e, func(_ context.Context, group []events.SQSMessage) int {
		mu.Lock()
		defer mu.Unlock()
		name := group[0].Attributes["MessageGroupId"]
		for _, record := range group {
			seen[name] = append(seen[name], record.MessageId)
		}
		if name == "a" {
			return 1
		}
		return len(group) + 1 // more than there are is all
	})
	if diff := cmp.Diff(map[string][]string{"a": {"1", "3", "5"}, "b": {"2", "4"}}, seen); diff != "" {
		t.Error(diff)
	}
	want := []events.SQSBatchItemFailure{{ItemIdentifier: "3"}, {ItemIdentifier: "5"}}
	if diff := cmp.Diff(want, response.BatchItemFailures); diff != "" {
		t.Error(diff)
	}
}

func TestGroupsRunTogether(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup
	both.Add(2)
	e := batch.Event(delivery("1", "a", 1), delivery("2", "b", 1))
	response := batch.Run(t.Context(), slog.New(slog.DiscardHandler), e, func(_ context.Context, group []events.SQSMessage) int {
		both.Done()
		both.Wait() // hangs unless the other is here too
		return len(group)
	})
	if len(response.BatchItemFailures) != 0 {
		t.Errorf("failures %v", response)
	}
}

func TestPanicFailsItsGroupOnly(t *testing.T) {
	t.Parallel()
	e := batch.Event(delivery("1", "a", 1), delivery("2", "b", 1))
	response := batch.Run(t.Context(), slog.New(slog.DiscardHandler), e, func(_ context.Context, group []events.SQSMessage) int {
		if group[0].MessageId == "1" {
			panic("oh")
		}
		return 1
	})
	if len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "1" {
		t.Errorf("failures %v", response)
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	record := batch.Event(delivery("1", "a", 3)).Records[0]
	if record.Body != "body 1" || record.ReceiptHandle != "r1" || batch.Receives(record) != 3 || record.Attributes["SentTimestamp"] != "7000" {
		t.Errorf("%+v", record)
	}
	if n := batch.Receives(events.SQSMessage{}); n != 1 {
		t.Errorf("receives of a record that does not say: %d", n)
	}
	if len(batch.Event().Records) != 0 {
		t.Error("no deliveries made records")
	}
}
