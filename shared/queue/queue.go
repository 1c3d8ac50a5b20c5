package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Opener opens queues by name, letters, digits, "-" and "_", at most 75 (SQS adds
// ".fifo" to reach its 80), and makes those that are missing.
type Opener interface {
	// Open returns the queue called name. One that is missing it makes with
	// these options, its dead-letter queue too; one that exists keeps its own,
	// so all who open a queue pass the same. A name dropped less than a minute
	// ago may be [ErrUnavailable].
	Open(ctx context.Context, name string, options Options) (Queue, error)

	// Drop removes a queue with all it holds, deduplication ids too. Dropping
	// what is not there succeeds. Who still holds the queue gets [ErrNotFound]
	// from then on, receivers that wait included; SQS takes up to a minute,
	// within which what is sent is lost.
	Drop(ctx context.Context, name string) error
}

// Options of a queue.
type Options struct {
	// MaxReceives is how often a message is received before it goes to
	// DeadLetter; 0 for no end. SQS: maxReceiveCount, at most 1000.
	MaxReceives int
	// DeadLetter names the queue for what MaxReceives gave up, a queue like any
	// other. Set together with MaxReceives.
	DeadLetter string
	// Visibility is how long a received message is hidden when Receive names
	// no time of its own; 0 means 30 s, as on SQS.
	Visibility time.Duration
}

// Queue is the port. All methods may be called concurrently and from several
// processes; no adapter keeps a slice it was given after the call returned.
type Queue interface {
	// Send adds messages in order, any number of them (SendMessageBatch by 10
	// and 256 KiB). Durable on return. It is not atomic: when some are refused
	// the error is a [*SendError] that tells which, and the others are sent.
	// After the first failure of a group within one call later messages of the
	// group may or may not be sent.
	// Errors of a message: [ErrTooLarge], [ErrInvalid], [ErrNotFound],
	// [ErrUnavailable], [ErrUnknownOutcome].
	Send(ctx context.Context, messages ...Message) error

	// Receive takes up to limit messages (1 to 10), waiting for the first one up
	// to wait (0 to 20 s). It hides them for visibility (up to 12 h, 0 for the
	// queue's own). No messages and no error means that the wait ended. When
	// ctx ends during the wait it returns ctx's error; messages that were being
	// taken at that moment come back when their visibility ends.
	Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]Delivery, error)

	// Delete removes received messages for good, by receipt. A receipt whose
	// message is gone, became visible or was received again since does
	// nothing, and is no error. Durable on return.
	Delete(ctx context.Context, receipts ...string) error

	// ChangeVisibility hides a received message until visibility from now (up
	// to 12 h); 0 gives it back at once. A receipt that no longer holds its
	// message is [ErrStaleReceipt]: another consumer may have it.
	ChangeVisibility(ctx context.Context, receipt string, visibility time.Duration) error

	// Depth counts messages, approximately: for metrics, not for decisions.
	Depth(ctx context.Context) (Depth, error)

	// Purge removes all messages, in flight or not. What is sent meanwhile may
	// go too (SQS takes up to 60 s). Deduplication ids may stay remembered.
	Purge(ctx context.Context) error
}

// Depth is how many messages a queue holds.
type Depth struct {
	Waiting  int // not in flight; those whose group is blocked are among them
	InFlight int
}

// The classes of error. Compare with errors.Is.
var (
	// ErrTooLarge: a body above [MaxBodySize].
	ErrTooLarge = errors.New("message too large")
	// ErrInvalid: the request breaks the contract. A fault of the caller.
	ErrInvalid = errors.New("invalid queue request")
	// ErrNotFound: the queue was dropped; nothing was done. All methods but
	// Delete and ChangeVisibility, to which its messages are gone, return it.
	ErrNotFound = errors.New("queue not found")
	// ErrStaleReceipt: the receipt no longer holds its message.
	ErrStaleReceipt = errors.New("receipt is stale")
	// ErrUnknownOutcome: the answer was lost; it may have happened.
	ErrUnknownOutcome = errors.New("outcome of the queue request is unknown")
	// ErrUnavailable: the queue could not serve now and nothing was done.
	ErrUnavailable = errors.New("queue unavailable")
)

// SendError tells which messages of a Send failed. errors.Is looks into all.
type SendError struct {
	// Errors has one entry for each message of the call, nil for those sent.
	Errors []error
}

func (e *SendError) Error() string {
	failed, first := 0, error(nil)
	for _, err := range e.Errors {
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	return fmt.Sprintf("%d of %d messages not sent, the first: %v", failed, len(e.Errors), first)
}

func (e *SendError) Unwrap() []error {
	var errs []error
	for _, err := range e.Errors {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
