package cloud

import (
	"context"
	"maps"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Operation is one of a service, by AWS's names: "SQS", "SendMessageBatch".
type Operation struct{ Service, Name string }

// Count is how often an operation went over the wire.
type Count struct {
	Requests int   // HTTP requests, each retry one more
	Failures int   // those without an answer or with an error
	Bytes    int64 // of the requests' bodies, as far as they told their length
}

// Meter counts the HTTP requests that AWS clients really make, for metrics and
// for tests that hold what a flow costs. The zero value is ready; it may be used
// concurrently.
type Meter struct {
	mu     sync.Mutex // guards counts
	counts map[Operation]Count
}

// Attach makes the clients built from cfg afterwards count here.
func (m *Meter) Attach(cfg *aws.Config) { cfg.APIOptions = append(cfg.APIOptions, m.Option) }

// Option is the API option that makes a client count here.
func (m *Meter) Option(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("RoostMeter", m.count), middleware.Before)
}

// Counts returns what was counted since the start or the last Reset.
func (m *Meter) Counts() map[Operation]Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := maps.Clone(m.counts)
	if counts == nil {
		counts = map[Operation]Count{}
	}
	return counts
}

// Total sums the operations of a service.
func (m *Meter) Total(service string) Count {
	var total Count
	for operation, n := range m.Counts() {
		if operation.Service == service {
			total.Requests += n.Requests
			total.Failures += n.Failures
			total.Bytes += n.Bytes
		}
	}
	return total
}

// Reset starts again from zero.
func (m *Meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.counts)
}

// count is the middleware. It stands in the step of answers, through which each
// attempt goes, and which presigning, that sends nothing, leaves out.
func (m *Meter) count(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	size := int64(0)
	if request, ok := in.Request.(*smithyhttp.Request); ok && request.ContentLength > 0 {
		size = request.ContentLength
	}
	out, metadata, err := next.HandleDeserialize(ctx, in)
	operation := Operation{awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[Operation]Count{}
	}
	n := m.counts[operation]
	n.Requests++
	n.Bytes += size
	if err != nil {
		n.Failures++
	}
	m.counts[operation] = n
	return out, metadata, err
}
