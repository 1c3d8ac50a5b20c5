package cloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Call is one call of the SDK with all its attempts.
type Call struct {
	open atomic.Bool // an attempt may have been carried out although it failed
}

type callKey struct{}

// Follow makes a context for one call of a client that has [Policy.Options], and
// what is known of it afterwards.
func Follow(ctx context.Context) (context.Context, *Call) {
	call := new(Call)
	return context.WithValue(ctx, callKey{}, call), call
}

// Classify wraps the error of a call in a port's word for its class: unknown
// when AWS may have done what was asked, unavailable when it has not and may be
// asked again. Any other error, and none, it returns as it is. An earlier attempt
// counts: if its answer was lost and the last one was refused, that is unknown.
func (c *Call) Classify(err, unknown, unavailable error) error {
	switch {
	case err == nil:
		return nil
	case c.open.Load():
		return fmt.Errorf("%w: %w", unknown, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case temporary(err):
		return fmt.Errorf("%w: %w", unavailable, err)
	}
	return err
}

// note looks at each attempt that came to the transport.
func note(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if call, ok := ctx.Value(callKey{}).(*Call); ok && err != nil && !refused(err) {
		call.open.Store(true)
	}
	return out, metadata, err
}

// refused tells whether AWS has certainly not done what was asked.
func refused(err error) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	if throttled(err) {
		return true
	}
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	_, modeled := errors.AsType[smithy.APIError](err)
	return ok && modeled && response.HTTPStatusCode() >= http.StatusBadRequest && response.HTTPStatusCode() < http.StatusInternalServerError
}

// temporary tells whether the same call may go through later.
func temporary(err error) bool {
	api, modeled := errors.AsType[smithy.APIError](err)
	if !modeled {
		return true // credentials or connections that cannot be had now
	}
	if _, old := expired[api.ErrorCode()]; old || throttled(err) {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}
