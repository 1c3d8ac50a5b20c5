package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"roost/shared/cloud"
	"roost/shared/queue"
)

// Delete implements [queue.Queue]. All receipts are tried, whatever becomes of
// the first ones.
func (q *Queue) Delete(ctx context.Context, receipts ...string) error {
	var errs []error
	for batch := range slices.Chunk(receipts, batchMessages) {
		errs = append(errs, q.remove(ctx, batch)...)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete from queue %s: %w", q.name, err)
	}
	return nil
}

func (q *Queue) remove(ctx context.Context, receipts []string) []error {
	entries := make([]types.DeleteMessageBatchRequestEntry, 0, len(receipts))
	for i := range receipts {
		id := strconv.Itoa(i)
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: &receipts[i]})
	}
	called, call := cloud.Follow(ctx)
	answer, err := q.client.DeleteMessageBatch(called, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err = port(call, err); err != nil {
		if errors.Is(err, queue.ErrNotFound) {
			return nil // its messages are gone with it
		}
		return []error{err}
	}
	var errs []error
	for _, failed := range answer.Failed {
		if !stale(text(failed.Code), text(failed.Message)) {
			errs = append(errs, entry(failed))
		}
	}
	return errs
}

// ChangeVisibility implements [queue.Queue].
func (q *Queue) ChangeVisibility(ctx context.Context, receipt string, visibility time.Duration) error {
	err := queue.ValidateVisibility(visibility)
	if err == nil {
		err = q.hide(ctx, receipt, visibility)
	}
	if err != nil {
		return fmt.Errorf("change visibility in queue %s: %w", q.name, err)
	}
	return nil
}

func (q *Queue) hide(ctx context.Context, receipt string, visibility time.Duration) error {
	called, call := cloud.Follow(ctx)
	_, err := q.client.ChangeMessageVisibility(called, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receipt, VisibilityTimeout: seconds(visibility),
	})
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case ok && stale(api.ErrorCode(), api.ErrorMessage()):
		return fmt.Errorf("%w: %w", queue.ErrStaleReceipt, err)
	case ok && plain(api.ErrorCode()) == "InvalidParameterValue":
		return fmt.Errorf("%w: %w", queue.ErrInvalid, err)
	}
	return port(call, err)
}
