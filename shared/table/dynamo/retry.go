package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	attempts       = 8 // of one request, the first included
	firstPause     = 25 * time.Millisecond
	longestPause   = time.Second
	attemptTimeout = 10 * time.Second // DynamoDB answers within milliseconds
	// retryBudget is how many retries a process may have under way at once, in
	// tokens of which each takes retryCost. Above it, calls fail at once.
	retryBudget, retryCost = 5000, 5
)

// verdict is what an error says about the request it ended.
type verdict int

const (
	rejected verdict = iota // not done, and never will be
	refused                 // not done; may be asked again
	lost                    // perhaps done
)

func newRetryer(credentials aws.CredentialsProvider, readOnly bool) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return delay(attempt), nil })
		o.RateLimiter = ratelimit.NewTokenRateLimit(retryBudget)
		o.RetryCost, o.ThrottlingRetryCost = retryCost, retryCost
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if expired(err) {
				forget(credentials)
			}
			v := judge(err)
			return aws.BoolTernary(v == refused || v == lost && readOnly)
		})}
	})
}

// delay draws the pause after attempt n, counted from 1.
func delay(n int) time.Duration {
	bound := longestPause
	if shift := n - 1; shift < 10 {
		bound = min(bound, firstPause<<shift)
	}
	return rand.N(bound) //nolint:gosec // jitter
}

// expired tells whether the request was signed with credentials that have ended.
func expired(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired":
		return true
	}
	return false
}

// forget makes the next attempt fetch credentials anew.
func forget(credentials aws.CredentialsProvider) {
	if cache, ok := credentials.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}

// lostError marks an attempt that was sent and has no readable answer.
type lostError struct{ cause error }

func (e *lostError) Error() string { return "answer lost: " + e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

// judge expects an error of a client that observes its attempts. What is neither
// an answer nor a lost one was never sent: no credentials, no connection.
func judge(err error) verdict {
	if _, gone := errors.AsType[*lostError](err); gone {
		return lost
	}
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return refused
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && response.HTTPStatusCode() >= 500 {
		return lost // "may have been done": the developer guide on InternalServerError
	}
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return judgeReasons(canceled.CancellationReasons)
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[api.ErrorCode()]; throttled || expired(err) {
		return refused
	}
	if api.ErrorCode() == "TransactionConflictException" {
		return refused
	}
	if skewed, ok := errors.AsType[interface {
		error
		RetryableError() bool
	}](err); ok && skewed.RetryableError() {
		return refused // a clock that is off, which the SDK then corrects
	}
	return rejected
}

func judgeReasons(reasons []types.CancellationReason) verdict {
	v := rejected
	for _, reason := range reasons {
		switch aws.ToString(reason.Code) {
		case reasonCondition, reasonInvalid, reasonCollection:
			return rejected
		case "None":
		default: // TransactionConflict, ThrottlingError, ProvisionedThroughputExceeded
			v = refused
		}
	}
	return v
}

// observe bounds each attempt in time and marks those whose answer was lost.
func observe(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("ObserveAttempt", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		out, metadata, err := next.HandleFinalize(ctx, in)
		if err != nil && sent(err) {
			err = &lostError{err}
		}
		return out, metadata, err
	}), middleware.After)
}

// sent tells whether a request without an answer may have reached DynamoDB.
func sent(err error) bool {
	if _, answered := errors.AsType[smithy.APIError](err); answered {
		return false
	}
	network, ok := errors.AsType[*net.OpError](err)
	return !ok || network.Op != "dial"
}
