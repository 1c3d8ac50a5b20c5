package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"roost/shared/table"
)

// Write implements [table.Table]. Every try bears the same token, so one whose
// answer was lost may be sent again: for ten minutes DynamoDB answers what it has
// done already, and does nothing (API reference, ClientRequestToken).
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.ValidateOps(ops); err != nil {
		return fmt.Errorf("write items: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write items: %w", err)
	}
	if len(ops) == 0 {
		return nil
	}
	id := newWriteID()
	input := &dynamodb.TransactWriteItemsInput{
		TransactItems: make([]types.TransactWriteItem, len(ops)), ClientRequestToken: aws.String(uuid.NewString()),
	}
	for i, op := range ops {
		input.TransactItems[i] = t.encodeOp(op, id[:])
	}
	if err := t.transact(ctx, input, ops); err != nil {
		return fmt.Errorf("write items: %w", err)
	}
	return nil
}

func (t *Table) transact(ctx context.Context, input *dynamodb.TransactWriteItemsInput, ops []table.Op) error {
	var doubt error
	for try := 1; ; try++ {
		_, err := t.writes.TransactWriteItems(ctx, input)
		if err == nil {
			return nil
		}
		if conflict := conflictOf(err, ops); conflict != nil {
			return conflict
		}
		switch {
		case judge(err) == lost:
			doubt = err
			if try == resends || pause(ctx, try) != nil {
				return unknown(doubt)
			}
		case doubt != nil:
			return unknown(doubt)
		default:
			return writeFault(err)
		}
	}
}

// conflictOf names the first operation whose condition failed, nil if none did.
func conflictOf(err error, ops []table.Op) error {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return nil
	}
	for i, reason := range canceled.CancellationReasons {
		if aws.ToString(reason.Code) == reasonCondition && i < len(ops) {
			return &table.ConflictError{Op: i, Key: ops[i].Item.Key}
		}
	}
	return nil
}

func (t *Table) encodeOp(op table.Op, id []byte) types.TransactWriteItem {
	var e expression
	switch op.Kind {
	case table.OpDelete:
		guard := e.condition(op.Condition)
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.name, Key: encodeKey(op.Item.Key), ConditionExpression: guard,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	case table.OpCheck:
		guard := e.condition(op.Condition)
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &t.name, Key: encodeKey(op.Item.Key), ConditionExpression: guard,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	case table.OpPut:
	}
	if revision, known := successor(op.Condition); known {
		guard := e.condition(op.Condition)
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &t.name, Item: encodeItem(op.Item, revision, id), ConditionExpression: guard,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	}
	update, guard := e.replacement(op.Item, id), e.condition(op.Condition)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &t.name, Key: encodeKey(op.Item.Key), UpdateExpression: update, ConditionExpression: guard,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}
}

func isConflict(err error) bool { return errors.Is(err, table.ErrConflict) }
