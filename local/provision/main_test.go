package main

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/emulator"
)

func TestNothingIsMadeOnAWS(t *testing.T) {
	t.Parallel()
	complete := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
		"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:1",
		"ROOST_TABLE": "roost", "ROOST_QUEUE_PREFIX": "roost-", "ROOST_BUCKET": "roost", "ROOST_KMS_KEY": "alias/roost",
	}
	for missing := range complete {
		_, err := namesFrom(func(name string) string {
			if name == missing {
				return ""
			}
			return complete[name]
		})
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	if _, err := namesFrom(func(name string) string { return complete[name] }); err != nil {
		t.Error(err)
	}
}

// TestProvision makes everything twice, and looks at what the emulators say of it.
func TestProvision(t *testing.T) {
	for _, service := range []emulator.Service{emulator.DynamoDB, emulator.SQS, emulator.S3, emulator.KMS} {
		emulator.Endpoint(t, service)
	}
	variables := map[string]string{"ROOST_TABLE": "provisioned", "ROOST_QUEUE_PREFIX": "provisioned-", "ROOST_BUCKET": "provisioned", "ROOST_KMS_KEY": "alias/provisioned"}
	getenv := func(name string) string {
		if value, ok := variables[name]; ok {
			return value
		}
		return os.Getenv(name)
	}
	for range 2 {
		var said strings.Builder
		if err := run(t.Context(), []string{"-template", "../../template.yaml"}, getenv, &said); err != nil {
			t.Fatalf("%v\n%s", err, &said)
		}
		if lines := strings.Count(said.String(), "\n"); lines != 10 { // a table, seven queues, a bucket, a key
			t.Errorf("made %d things:\n%s", lines, &said)
		}
	}
	table, err := dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB)).DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("provisioned")})
	if err != nil || aws.ToString(table.TimeToLiveDescription.AttributeName) != "expiry" {
		t.Errorf("time to live: %+v, %v", table, err)
	}
	queues := sqs.NewFromConfig(emulator.Config(t, emulator.SQS))
	events, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("provisioned-events.fifo")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: events.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Attributes["VisibilityTimeout"] != "180" || !strings.Contains(got.Attributes["RedrivePolicy"], "provisioned-events-dead.fifo") || !strings.Contains(got.Attributes["RedrivePolicy"], "10") {
		t.Errorf("the events queue is %v", got.Attributes)
	}
}
