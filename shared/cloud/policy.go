package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Policy bounds the requests of one client. Between attempts it waits a random
// time up to Base, 2 Base, 4 Base ... and at most Longest; after a throttle up
// to 1, 2, 4 ... seconds, as the SDK's standard mode does. The SDK's budget of
// retries holds too: when most calls fail, retries end before Attempts.
type Policy struct {
	Attempts int           // the first included
	Base     time.Duration // of the waits
	Longest  time.Duration // of the waits
	Attempt  time.Duration // for one attempt, its whole answer included
	// Streams names operations whose answer outlives the attempt, which Attempt
	// therefore does not bound.
	Streams []string
}

// Default is the policy of all adapters: five attempts within some 12 s of
// waiting if all are throttled, and less than a second if the network fails.
func Default() Policy {
	return Policy{Attempts: 5, Base: 50 * time.Millisecond, Longest: 5 * time.Second, Attempt: 10 * time.Second}
}

// expired are the codes of credentials that have been good (AWS "Common error
// types"; S3 "List of error codes").
var expired = map[string]struct{}{
	"ExpiredToken":          {},
	"ExpiredTokenException": {},
	"TokenRefreshRequired":  {},
}

// Retryer is the policy as the SDK wants it. Clients that share one share the
// budget of retries.
func (p Policy) Retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.BaseDelay, o.MaxBackoff = p.Attempts, p.Base, p.Longest
		o.Retryables = slices.Concat([]retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: expired}}, o.Retryables)
	})
}

// Options are the API options that go with [Policy.Retryer]: they bound each
// attempt, ask the provider for new credentials when AWS says that these have
// expired, and make [Follow] work.
func (p Policy) Options(credentials aws.CredentialsProvider) []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		if _, tries := stack.Finalize.Get("Retry"); !tries {
			return nil // presigning, which sends nothing
		}
		if err := stack.Finalize.Insert(&attempt{p, credentials}, "Retry", middleware.After); err != nil {
			return fmt.Errorf("bound attempts: %w", err)
		}
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("RoostOutcome", note), middleware.Before)
	}}
}

// attempt is the middleware around each try.
type attempt struct {
	policy      Policy
	credentials aws.CredentialsProvider
}

// ID implements [middleware.FinalizeMiddleware].
func (*attempt) ID() string { return "RoostAttempt" }

// HandleFinalize implements [middleware.FinalizeMiddleware].
func (a *attempt) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	bounded := ctx
	if !slices.Contains(a.policy.Streams, awsmiddleware.GetOperationName(ctx)) {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, a.policy.Attempt+longer(ctx))
		defer cancel()
	}
	out, metadata, err = next.HandleFinalize(bounded, in)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		// No cause is wrapped: the SDK would take it for a call that was canceled.
		err = &timeoutError{a.policy.Attempt + longer(ctx)}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		_, old := expired[api.ErrorCode()]
		if cache, ok := a.credentials.(interface{ Invalidate() }); ok && old {
			cache.Invalidate()
		}
	}
	return out, metadata, err
}

// timeoutError is an attempt without an answer in time; it is tried again.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string      { return fmt.Sprintf("no answer within %v", e.after) }
func (*timeoutError) RetryableError() bool { return true }

type longerKey struct{}

// Wait gives each attempt of a call this much more time, for calls that wait.
func Wait(ctx context.Context, wait time.Duration) context.Context {
	return context.WithValue(ctx, longerKey{}, wait)
}

func longer(ctx context.Context) time.Duration {
	wait, _ := ctx.Value(longerKey{}).(time.Duration)
	return wait
}
