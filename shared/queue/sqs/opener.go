package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/cloud"
	"roost/shared/queue"
)

const (
	suffix        = ".fifo"
	maxNameLength = 80                // of a queue, the suffix included (SQS quotas)
	retention     = 14 * 24 * 60 * 60 // seconds, the longest (SQS API, "CreateQueue")
)

// Opener opens the queues of one installation.
type Opener struct {
	client *sqs.Client
	prefix string
}

var _ queue.Opener = (*Opener)(nil)

// New opens queues with client, whose region and credentials it takes; how often
// requests are tried is [cloud.Default]. prefix keeps the queues of several
// installations in one account apart and may be empty; together with ".fifo" it
// takes its length from the 80 characters of a name.
func New(client *sqs.Client, prefix string) *Opener {
	policy := cloud.Default()
	retryer := policy.Retryer()
	options := client.Options()
	bounded := sqs.New(options, func(o *sqs.Options) {
		o.Retryer = retryer
		o.APIOptions = append(o.APIOptions, policy.Options(o.Credentials)...)
	})
	return &Opener{client: bounded, prefix: prefix}
}

// Open implements [queue.Opener]. It costs one request if the queue exists, whose
// attributes are then left as they are.
func (o *Opener) Open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	err := queue.ValidateOpen(name, options)
	if err == nil {
		err = o.fits(name)
	}
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	url, err := o.url(ctx, name)
	if errors.Is(err, queue.ErrNotFound) {
		url, err = o.create(ctx, name, options)
	}
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	return &Queue{client: o.client, name: name, url: url}, nil
}

// Drop implements [queue.Opener].
func (o *Opener) Drop(ctx context.Context, name string) error {
	err := queue.ValidateOpen(name, queue.Options{})
	if err == nil {
		err = o.fits(name)
	}
	if err != nil {
		return fmt.Errorf("drop queue: %w", err)
	}
	url, err := o.url(ctx, name)
	if err == nil {
		called, call := cloud.Follow(ctx)
		_, err = o.client.DeleteQueue(called, &sqs.DeleteQueueInput{QueueUrl: &url})
		err = port(call, err)
	}
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return fmt.Errorf("drop queue %s: %w", name, err)
	}
	return nil
}

func (o *Opener) fits(name string) error {
	if full := o.prefix + name + suffix; len(full) > maxNameLength {
		return fmt.Errorf("queue name %s has more than %d characters: %w", full, maxNameLength, queue.ErrInvalid)
	}
	return nil
}

func (o *Opener) url(ctx context.Context, name string) (string, error) {
	full := o.prefix + name + suffix
	ctx, call := cloud.Follow(ctx)
	answer, err := o.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &full})
	if err != nil {
		return "", read(call, err)
	}
	return *answer.QueueUrl, nil
}

// create makes a queue and first its dead-letter queue. Of several who race for
// it all get the same one.
func (o *Opener) create(ctx context.Context, name string, options queue.Options) (string, error) {
	if options.Visibility == 0 {
		options.Visibility = queue.DefaultVisibility
	}
	attributes := map[string]string{
		string(types.QueueAttributeNameFifoQueue):              "true",
		string(types.QueueAttributeNameDeduplicationScope):     "messageGroup",
		string(types.QueueAttributeNameFifoThroughputLimit):    "perMessageGroupId",
		string(types.QueueAttributeNameMessageRetentionPeriod): strconv.Itoa(retention),
		string(types.QueueAttributeNameVisibilityTimeout):      strconv.Itoa(int(seconds(options.Visibility))),
	}
	if options.DeadLetter != "" {
		policy, err := o.redrive(ctx, options)
		if err != nil {
			return "", fmt.Errorf("its dead-letter queue %s: %w", options.DeadLetter, err)
		}
		attributes[string(types.QueueAttributeNameRedrivePolicy)] = policy
	}
	full := o.prefix + name + suffix
	called, call := cloud.Follow(ctx)
	answer, err := o.client.CreateQueue(called, &sqs.CreateQueueInput{QueueName: &full, Attributes: attributes})
	if _, exists := errors.AsType[*types.QueueNameExists](err); exists {
		return o.url(ctx, name) // made meanwhile, with other attributes
	}
	if err != nil {
		return "", port(call, err)
	}
	return *answer.QueueUrl, nil
}

func (o *Opener) redrive(ctx context.Context, options queue.Options) (string, error) {
	url, err := o.url(ctx, options.DeadLetter)
	if errors.Is(err, queue.ErrNotFound) {
		url, err = o.create(ctx, options.DeadLetter, queue.Options{})
	}
	if err != nil {
		return "", err
	}
	called, call := cloud.Follow(ctx)
	answer, err := o.client.GetQueueAttributes(called, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", read(call, err)
	}
	policy, err := json.Marshal(struct {
		Target      string `json:"deadLetterTargetArn"`
		MaxReceives int    `json:"maxReceiveCount"`
	}{answer.Attributes[string(types.QueueAttributeNameQueueArn)], options.MaxReceives})
	return string(policy), err
}
