package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"roost/shared/table"
)

// Get implements [table.Table].
func (t *Table) Get(ctx context.Context, key table.Key) (table.Item, error) {
	if err := key.Validate(); err != nil {
		return table.Item{}, fmt.Errorf("get item: %w", err)
	}
	out, err := t.reads.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: encodeKey(key), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return table.Item{}, fmt.Errorf("get item %s: %w", key, readFault(ctx, err))
	}
	if len(out.Item) == 0 {
		return table.Item{}, fmt.Errorf("get item %s: %w", key, table.ErrNotFound)
	}
	item, err := decodeItem(out.Item)
	if err == nil && !item.Live(time.Now()) {
		err = table.ErrNotFound
	}
	if err != nil {
		return table.Item{}, fmt.Errorf("get item %s: %w", key, err)
	}
	return item, nil
}

// Query implements [table.Table].
func (t *Table) Query(ctx context.Context, query table.Query) (table.Page, error) {
	if err := query.Validate(); err != nil {
		return table.Page{}, fmt.Errorf("query: %w", err)
	}
	input := &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!query.Reverse),
	}
	if query.Limit > 0 {
		input.Limit = aws.Int32(int32(min(query.Limit, 1<<30)))
	}
	if query.Cursor != "" {
		sort, err := table.DecodeCursor(query.Cursor)
		if err != nil {
			return table.Page{}, fmt.Errorf("query: %w", err)
		}
		input.ExclusiveStartKey = encodeKey(table.Key{Partition: query.Partition, Sort: sort})
	}
	if query.From != "" && query.To != "" && query.From > query.To {
		return table.Page{}, ctx.Err() // which DynamoDB does not take for an empty range
	}
	var e expression
	input.KeyConditionExpression = aws.String(e.keys(query))
	input.ExpressionAttributeValues = e.values
	out, err := t.reads.Query(ctx, input)
	if err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", query.Partition, readFault(ctx, err))
	}
	return page(out)
}

// keys is the condition on partition and sort key.
func (e *expression) keys(query table.Query) string {
	condition := partitionName + " = " + e.value(":partition", &text{Value: query.Partition})
	switch {
	case query.Prefix != "":
		condition += " AND begins_with(" + sortName + ", " + e.value(":prefix", &text{Value: query.Prefix}) + ")"
	case query.From != "" && query.To != "":
		condition += " AND " + sortName + " BETWEEN " + e.value(":from", &text{Value: query.From}) +
			" AND " + e.value(":to", &text{Value: query.To})
	case query.From != "":
		condition += " AND " + sortName + " >= " + e.value(":from", &text{Value: query.From})
	case query.To != "":
		condition += " AND " + sortName + " <= " + e.value(":to", &text{Value: query.To})
	}
	return condition
}

func page(out *dynamodb.QueryOutput) (table.Page, error) {
	answer := table.Page{Items: make([]table.Item, 0, len(out.Items))}
	now := time.Now()
	for _, encoded := range out.Items {
		item, err := decodeItem(encoded)
		if err != nil {
			return table.Page{}, fmt.Errorf("query: %w", err)
		}
		if item.Live(now) {
			answer.Items = append(answer.Items, item)
		}
	}
	if last, ok := out.LastEvaluatedKey[sortName].(*text); ok {
		answer.Cursor = table.EncodeCursor(last.Value)
	}
	return answer, nil
}
