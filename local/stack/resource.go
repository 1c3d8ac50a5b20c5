package stack

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Function is an AWS::Serverless::Function.
type Function struct {
	CodeURI     Text `json:"CodeUri"`
	Role        Text
	Timeout     int // seconds
	Environment struct {
		Variables map[string]Text
	}
	LoggingConfig struct{ LogGroup Text }
	Events        map[string]struct {
		Type       string
		Properties struct {
			Queue                 Text
			BatchSize             any
			FunctionResponseTypes []string
			Schedule              string
		}
	}
}

// Queue is an AWS::SQS::Queue.
type Queue struct {
	QueueName              Text
	FifoQueue              bool
	DeduplicationScope     string
	FifoThroughputLimit    string
	SqsManagedSseEnabled   bool
	VisibilityTimeout      int // seconds
	MessageRetentionPeriod int // seconds
	RedrivePolicy          *struct {
		DeadLetterTarget Text `json:"deadLetterTargetArn"`
		MaxReceiveCount  int  `json:"maxReceiveCount"`
	}
}

// Name is the queue's without the stack's prefix and ".fifo".
func (q Queue) Name() string {
	name, _ := strings.CutPrefix(string(q.QueueName), "${AWS::StackName}-")
	return strings.TrimSuffix(name, ".fifo")
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	BillingMode             string
	AttributeDefinitions    []struct{ AttributeName, AttributeType string }
	KeySchema               []struct{ AttributeName, KeyType string }
	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
}

// Bucket is an AWS::S3::Bucket.
type Bucket struct {
	LifecycleConfiguration struct {
		Rules []struct {
			ID               string `json:"Id"`
			Status, Prefix   string
			ExpirationInDays int
		}
	}
}

// All decodes the resources of a type, such as "AWS::SQS::Queue", by their
// logical names.
func All[T any](t Template, kind string) (map[string]T, error) {
	all := map[string]T{}
	for name, r := range t.Resources {
		if r.Type != kind {
			continue
		}
		var one T
		if err := json.Unmarshal(r.Properties, &one); err != nil {
			return nil, fmt.Errorf("read resource %s: %w", name, err)
		}
		all[name] = one
	}
	return all, nil
}
