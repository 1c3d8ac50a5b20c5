package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"go.uber.org/goleak"

	"roost/shared/emulator"
	"roost/shared/table"
	"roost/shared/table/dynamo"
	"roost/shared/table/tabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// create makes a table of the test's own.
func create(t testing.TB, client *dynamodb.Client) string {
	t.Helper()
	name := fmt.Sprintf("roost-test-%d", time.Now().UnixNano())
	if err := dynamo.Create(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, options ...func(*dynamodb.Options)) *dynamo.Table {
	t.Helper()
	client := dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB), options...)
	return dynamo.New(client, create(t, client))
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tbl := open(t)
	tabletest.Run(t, func(*testing.T) table.Table { return tbl })
}

func TestCreateAgain(t *testing.T) {
	t.Parallel()
	client := dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB))
	name := create(t, client)
	tbl := dynamo.New(client, name)
	item := table.Item{Key: table.Key{Partition: "p", Sort: "s"}}
	if _, err := tbl.Put(t.Context(), item, table.Absent()); err != nil {
		t.Fatal(err)
	}
	if err := dynamo.Create(t.Context(), client, name); err != nil {
		t.Errorf("create again: %v", err)
	}
	if _, err := tbl.Get(t.Context(), item.Key); err != nil {
		t.Errorf("after creating again: %v", err)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil || ttl.TimeToLiveDescription.AttributeName == nil || *ttl.TimeToLiveDescription.AttributeName != "expiry" {
		t.Errorf("time to live %+v, %v", ttl, err)
	}
}
