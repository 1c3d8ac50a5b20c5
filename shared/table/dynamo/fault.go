package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"roost/shared/table"
)

// Why a transaction was canceled, as the API reference of TransactWriteItems
// names it for each operation.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonInvalid    = "ValidationError"
	reasonCollection = "ItemCollectionSizeLimitExceeded"
)

// readFault says a failed read in the port's words.
func readFault(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return port(err)
}

// writeFault says a failed write in the port's words.
func writeFault(err error) error {
	if judge(err) == lost {
		return unknown(err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err // before it was sent
	}
	return port(err)
}

// unknown has the cause in words only: an error of the port wraps one class.
func unknown(cause error) error {
	return fmt.Errorf("%w: %s", table.ErrUnknownOutcome, cause.Error())
}

func port(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if canceled := new(types.TransactionCanceledException); errors.As(err, &canceled) {
			for _, reason := range canceled.CancellationReasons {
				if code := aws.ToString(reason.Code); code == reasonInvalid || code == reasonCollection {
					return invalid(err, code, aws.ToString(reason.Message))
				}
			}
		}
		if code := api.ErrorCode(); code == "ValidationException" || code == "ItemCollectionSizeLimitExceededException" {
			return invalid(err, code, api.ErrorMessage())
		}
	}
	return fmt.Errorf("%w: %w", table.ErrUnavailable, err)
}

// invalid tells what is too large from what is wrong, which DynamoDB does in
// words only ("Item size has exceeded the maximum allowed size").
func invalid(err error, code, message string) error {
	if strings.HasPrefix(code, reasonCollection) || strings.Contains(message, "size") && strings.Contains(message, "exceed") {
		return fmt.Errorf("%w: %w", table.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", table.ErrInvalid, err)
}

// failedCondition returns the item that a condition met, if that is what err is.
func failedCondition(err error) (item map[string]types.AttributeValue, ok bool) {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, false
	}
	return failed.Item, true
}
