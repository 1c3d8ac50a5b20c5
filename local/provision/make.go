package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/local/stack"
)

// emulators are where the template's resources are made.
type emulators struct {
	names    names
	template stack.Template
	tables   *dynamodb.Client
	queues   *sqs.Client
	buckets  *s3.Client
	keys     *kms.Client
}

// make makes everything and tells what there is then, a line each.
func (e emulators) make(ctx context.Context) ([]string, error) {
	var made []string
	for _, step := range []func(context.Context) ([]string, error){e.table, e.allQueues, e.bucket, e.key} {
		lines, err := step(ctx)
		made = append(made, lines...)
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

func (e emulators) table(ctx context.Context) ([]string, error) {
	declared, err := only[stack.Table](e.template, "AWS::DynamoDB::Table")
	if err != nil {
		return nil, err
	}
	in := &dynamodb.CreateTableInput{TableName: &e.names.table, BillingMode: dynamodbtypes.BillingMode(declared.BillingMode)}
	for _, a := range declared.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions, dynamodbtypes.AttributeDefinition{
			AttributeName: aws.String(a.AttributeName), AttributeType: dynamodbtypes.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, k := range declared.KeySchema {
		in.KeySchema = append(in.KeySchema, dynamodbtypes.KeySchemaElement{
			AttributeName: aws.String(k.AttributeName), KeyType: dynamodbtypes.KeyType(k.KeyType),
		})
	}
	if _, err := e.tables.CreateTable(ctx, in); err != nil {
		if _, exists := errors.AsType[*dynamodbtypes.ResourceInUseException](err); exists {
			return []string{"table " + e.names.table + " is there"}, nil
		}
		return nil, fmt.Errorf("make table %s: %w", e.names.table, err)
	}
	ttl := declared.TimeToLiveSpecification
	if _, err := e.tables.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &e.names.table,
		TimeToLiveSpecification: &dynamodbtypes.TimeToLiveSpecification{AttributeName: &ttl.AttributeName, Enabled: &ttl.Enabled},
	}); err != nil {
		return nil, fmt.Errorf("set the time to live of table %s: %w", e.names.table, err)
	}
	return []string{"table " + e.names.table}, nil
}

// allQueues makes dead letters first: the others name them.
func (e emulators) allQueues(ctx context.Context) ([]string, error) {
	declared, err := stack.All[stack.Queue](e.template, "AWS::SQS::Queue")
	if err != nil {
		return nil, err
	}
	var made []string
	arns := map[string]string{}
	for _, dead := range []bool{true, false} {
		for id, q := range declared {
			if (q.RedrivePolicy == nil) != dead {
				continue
			}
			name := e.names.prefix + q.Name() + ".fifo"
			arn, err := e.queue(ctx, name, q, arns)
			if err != nil {
				return made, err
			}
			arns[id+".Arn"] = arn
			made = append(made, "queue "+name)
		}
	}
	return made, nil
}

func (e emulators) queue(ctx context.Context, name string, q stack.Queue, arns map[string]string) (string, error) {
	attributes := map[string]string{
		"FifoQueue":          strconv.FormatBool(q.FifoQueue),
		"DeduplicationScope": q.DeduplicationScope, "FifoThroughputLimit": q.FifoThroughputLimit,
	}
	for attribute, seconds := range map[string]int{"VisibilityTimeout": q.VisibilityTimeout, "MessageRetentionPeriod": q.MessageRetentionPeriod} {
		if seconds > 0 {
			attributes[attribute] = strconv.Itoa(seconds)
		}
	}
	if r := q.RedrivePolicy; r != nil {
		policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": arns[string(r.DeadLetterTarget)], "maxReceiveCount": r.MaxReceiveCount})
		if err != nil {
			return "", fmt.Errorf("make queue %s: %w", name, err)
		}
		attributes["RedrivePolicy"] = string(policy)
	}
	created, err := e.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", fmt.Errorf("make queue %s: %w", name, err)
	}
	got, err := e.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: created.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	if err != nil {
		return "", fmt.Errorf("ask for queue %s: %w", name, err)
	}
	return got.Attributes["QueueArn"], nil
}

func (e emulators) bucket(ctx context.Context) ([]string, error) {
	if _, err := only[stack.Bucket](e.template, "AWS::S3::Bucket"); err != nil {
		return nil, err
	}
	in := &s3.CreateBucketInput{Bucket: &e.names.bucket}
	if region := e.buckets.Options().Region; region != "us-east-1" { // which must not be named
		in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	_, err := e.buckets.CreateBucket(ctx, in)
	if _, owned := errors.AsType[*s3types.BucketAlreadyOwnedByYou](err); owned {
		return []string{"bucket " + e.names.bucket + " is there"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("make bucket %s: %w", e.names.bucket, err)
	}
	return []string{"bucket " + e.names.bucket}, nil
}

func (e emulators) key(ctx context.Context) ([]string, error) {
	if _, err := e.keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &e.names.key}); err == nil {
		return []string{"key " + e.names.key + " is there"}, nil
	} else if _, missing := errors.AsType[*kmstypes.NotFoundException](err); !missing {
		return nil, fmt.Errorf("look for key %s: %w", e.names.key, err)
	}
	created, err := e.keys.CreateKey(ctx, &kms.CreateKeyInput{})
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if _, err := e.keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &e.names.key, TargetKeyId: created.KeyMetadata.KeyId}); err != nil {
		return nil, fmt.Errorf("name the key %s: %w", e.names.key, err)
	}
	return []string{"key " + e.names.key}, nil
}

// only is the one resource of a type.
func only[T any](t stack.Template, kind string) (T, error) {
	all, err := stack.All[T](t, kind)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("the template declares %d resources of type %s, not one", len(all), kind)
	}
	for _, one := range all {
		return one, err
	}
	var none T
	return none, err
}
