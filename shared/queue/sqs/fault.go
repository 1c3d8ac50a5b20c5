package sqs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"roost/shared/cloud"
	"roost/shared/queue"
)

// passing are the codes that are no fault of ours and mean that nothing was done,
// beside throttling.
var passing = []string{"OverLimit", "QueueDeletedRecently", "PurgeQueueInProgress"}

// plain is a code without what protocols put before it: a namespace in JSON,
// "AWS.SimpleQueueService." for the sake of the older one.
func plain(code string) string {
	return strings.TrimPrefix(code[strings.LastIndexByte(code, '#')+1:], "AWS.SimpleQueueService.")
}

// port turns the errors of a call into the port's.
func port(call *cloud.Call, err error) error { return classify(call, err, queue.ErrUnknownOutcome) }

// read does so for calls that change nothing, of which a lost answer is no more
// than unavailable.
func read(call *cloud.Call, err error) error { return classify(call, err, queue.ErrUnavailable) }

func classify(call *cloud.Call, err, lost error) error {
	if err == nil {
		return nil
	}
	api, ok := errors.AsType[smithy.APIError](err)
	_, gone := errors.AsType[*types.QueueDoesNotExist](err)
	switch {
	case gone:
		return fmt.Errorf("%w: %w", queue.ErrNotFound, err)
	case ok && slices.Contains(passing, plain(api.ErrorCode())):
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, err)
	}
	return call.Classify(err, lost, queue.ErrUnavailable)
}

// stale tells whether SQS refused a receipt because it no longer holds its
// message. For the expired one of a FIFO queue that is an InvalidParameterValue,
// told from others by its text ("Value ... for parameter ReceiptHandle is
// invalid. Reason: The receipt handle has expired"). One that never was a receipt
// is not told apart.
func stale(code, message string) bool {
	switch plain(code) {
	case "MessageNotInflight", "NonExistentQueue", "QueueDoesNotExist", "ReceiptHandleIsInvalid":
		return true
	case "InvalidParameterValue":
		return strings.Contains(message, "ReceiptHandle is invalid")
	}
	return false
}

// entry is the port's error for one message that a batch did not take.
func entry(failed types.BatchResultErrorEntry) error {
	code, message := plain(text(failed.Code)), text(failed.Message)
	class := queue.ErrUnknownOutcome // a fault of SQS's own: nobody knows
	switch {
	case strings.Contains(code, "Throttl"), slices.Contains(passing, code):
		class = queue.ErrUnavailable
	case strings.Contains(code, "TooLong"), strings.Contains(message, "must be shorter than"):
		class = queue.ErrTooLarge
	case failed.SenderFault:
		class = queue.ErrInvalid
	}
	return fmt.Errorf("%w: %s: %s", class, code, message)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
