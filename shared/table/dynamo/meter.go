package dynamo

import (
	"context"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"roost/shared/cloud"
)

// Use is what one operation of DynamoDB's API has used.
type Use struct {
	Requests int // over HTTP, retries included
	// Units are read or write request units as the endpoint reports them. AWS
	// counts those of a transaction twice, DynamoDB Local once.
	Units float64
}

// Meter counts what a client uses, by the name of the operation ("GetItem",
// "TransactWriteItems" ...). The zero value is ready:
//
//	client := dynamodb.NewFromConfig(cfg, meter.Attach)
type Meter struct {
	requests cloud.Meter

	mu    sync.Mutex // guards units
	units map[string]float64
}

// Attach is an option of a client that is to be counted.
func (m *Meter) Attach(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, m.requests.Option, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("MeterUnits", m.measure), middleware.Before)
	})
}

// Used returns what was used since the start or the last Reset.
func (m *Meter) Used() map[string]Use {
	used := make(map[string]Use)
	for operation, n := range m.requests.Counts() {
		used[operation.Name] = Use{Requests: n.Requests}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, units := range m.units {
		used[name] = Use{Requests: used[name].Requests, Units: units}
	}
	return used
}

// Reset starts again from zero.
func (m *Meter) Reset() {
	m.requests.Reset()
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.units)
}

func (m *Meter) add(operation string, units float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.units == nil {
		m.units = make(map[string]float64)
	}
	m.units[operation] += units
}

// measure asks to be told the units, and sums them.
func (m *Meter) measure(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	const total = types.ReturnConsumedCapacityTotal
	switch input := in.Parameters.(type) {
	case *dynamodb.GetItemInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.QueryInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.PutItemInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		input.ReturnConsumedCapacity = total
	case *dynamodb.BatchWriteItemInput:
		input.ReturnConsumedCapacity = total
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	for _, capacity := range consumed(out.Result) {
		if capacity.CapacityUnits != nil {
			m.add(awsmiddleware.GetOperationName(ctx), *capacity.CapacityUnits)
		}
	}
	return out, metadata, err
}

func consumed(result any) []types.ConsumedCapacity {
	var one *types.ConsumedCapacity
	switch out := result.(type) {
	case *dynamodb.GetItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.QueryOutput:
		one = out.ConsumedCapacity
	case *dynamodb.PutItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.UpdateItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.DeleteItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.BatchGetItemOutput:
		return out.ConsumedCapacity
	case *dynamodb.TransactWriteItemsOutput:
		return out.ConsumedCapacity
	case *dynamodb.BatchWriteItemOutput:
		return out.ConsumedCapacity
	}
	if one == nil {
		return nil
	}
	return []types.ConsumedCapacity{*one}
}
