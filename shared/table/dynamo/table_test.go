package dynamo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/emulator"
	database "roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	"roost/shared/table/dynamo"
	"roost/shared/table/sqlite"
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

func open(t testing.TB) *dynamo.Table {
	t.Helper()
	client := dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB))
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

// TestSameAsSQLite: both adapters answer the same to whatever is done to them.
// TABLE_SEED repeats a run, TABLE_STEPS makes it longer.
func TestSameAsSQLite(t *testing.T) {
	t.Parallel()
	subject := open(t)
	reference := sqlite.New(sqlitetest.Open(t, database.Options{}))
	seed, steps := rand.Uint64(), 300
	if s := os.Getenv("TABLE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("TABLE_STEPS"); s != "" {
		steps, _ = strconv.Atoi(s)
	}
	tabletest.Compare(t, reference, subject, "compared", seed, steps)
}

// TestMeter counts requests and what they are billed, retries included.
func TestMeter(t *testing.T) {
	t.Parallel()
	var meter dynamo.Meter
	p, tbl, _ := through(t, "", meter.Attach)
	item := counted(table.Key{Partition: "p", Sort: "s"}, 1)
	other := counted(table.Key{Partition: "p", Sort: "t"}, 1)
	for _, c := range []struct {
		name string
		do   func() error
		want map[string]dynamo.Use
	}{
		{"put", func() error { _, err := tbl.Put(t.Context(), item, table.Absent()); return err }, map[string]dynamo.Use{"PutItem": {1, 1}}},
		{"replace", func() error { _, err := tbl.Put(t.Context(), item, table.None()); return err }, map[string]dynamo.Use{"UpdateItem": {1, 1}}},
		{"get", func() error { _, err := tbl.Get(t.Context(), item.Key); return err }, map[string]dynamo.Use{"GetItem": {1, 1}}},
		{"write", func() error {
			return tbl.Write(t.Context(), table.PutOp(item, table.None()), table.PutOp(other, table.Absent()))
		}, map[string]dynamo.Use{"TransactWriteItems": {1, 2}}},
		{"batch", func() error { return tbl.BatchWrite(t.Context(), []table.Item{item}, []table.Key{other.Key}) }, map[string]dynamo.Use{"BatchWriteItem": {1, 2}}},
		{"query", func() error {
			_, err := tbl.Query(t.Context(), table.Query{Partition: "p"})
			return err
		}, map[string]dynamo.Use{"Query": {1, 1}}},
		{"increment", func() error { _, err := tbl.Increment(t.Context(), item.Key, "n", 1); return err }, map[string]dynamo.Use{"UpdateItem": {1, 1}}},
		{"retried", func() error {
			p.obey(once("GetItem", refusal("ThrottlingException")))
			_, err := tbl.Get(t.Context(), item.Key)
			return err
		}, map[string]dynamo.Use{"GetItem": {2, 1}}},
	} {
		meter.Reset()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, meter.Used()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestTemplate: the deployment makes the table as Create does.
func TestTemplate(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"BillingMode: PAY_PER_REQUEST",
		"- {AttributeName: pk, AttributeType: S}", "- {AttributeName: sk, AttributeType: S}",
		"- {AttributeName: pk, KeyType: HASH}", "- {AttributeName: sk, KeyType: RANGE}",
		"TimeToLiveSpecification: {AttributeName: expiry, Enabled: true}",
	} {
		if !strings.Contains(string(template), line) {
			t.Errorf("template.yaml has no %q", line)
		}
	}
}
