package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// creation bounds the wait for a table that is being made.
const creation = 2 * time.Minute

// Create makes a table as the deployment's template does: keys pk and sk, paid by
// request, items removed some time after their expiry. One that is there already
// is left as it is, but for that removal.
func Create(ctx context.Context, client *dynamodb.Client, name string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(partitionName), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(sortName), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(partitionName), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sortName), KeyType: types.KeyTypeRange},
		},
	})
	if exists := new(types.ResourceInUseException); err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 200*time.Millisecond, 5*time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, creation); err != nil {
		return fmt.Errorf("await table %s: %w", name, err)
	}
	ttl, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return fmt.Errorf("read the time to live of table %s: %w", name, err)
	}
	switch d := ttl.TimeToLiveDescription; {
	case d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling):
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(expiryName), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("set the time to live of table %s: %w", name, err)
	}
	return nil
}
