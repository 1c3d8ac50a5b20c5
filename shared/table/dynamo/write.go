package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"roost/shared/table"
)

// resends is how often a write whose answer was lost is sent, where it may be.
const resends = 4

// Put implements [table.Table].
func (t *Table) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	if err := table.ValidateOps([]table.Op{table.PutOp(item, condition)}); err != nil {
		return 0, fmt.Errorf("put item: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("put item %s: %w", item.Key, err)
	}
	id := newWriteID()
	var revision int64
	var err error
	if next, known := successor(condition); known {
		revision = next
		err = t.putOnce(ctx, item, condition, next, id)
	} else {
		revision, err = t.replace(ctx, item, condition, id)
	}
	if err != nil {
		return 0, fmt.Errorf("put item %s: %w", item.Key, err)
	}
	return revision, nil
}

// putOnce puts an item under a condition that can hold for one try only.
func (t *Table) putOnce(ctx context.Context, item table.Item, condition table.Condition, revision int64, id writeID) error {
	var e expression
	input := &dynamodb.PutItemInput{
		TableName: &t.name, Item: encodeItem(item, revision, id[:]), ConditionExpression: e.condition(condition),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
	return resend(ctx, item.Key, id, func(again bool) error {
		if again {
			input.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
		_, err := t.writes.PutItem(ctx, input)
		return err
	})
}

// resend sends a write that cannot happen twice until its outcome is known. A
// condition that fails after an answer was lost may be failed by what was lost:
// the item says so by the name of its write, and when somebody else has written
// since, nobody can tell.
func resend(ctx context.Context, key table.Key, id writeID, send func(again bool) error) error {
	var doubt error
	for try := 1; ; try++ {
		err := send(doubt != nil)
		if err == nil {
			return nil
		}
		item, conflict := failedCondition(err)
		switch {
		case conflict && doubt == nil:
			return &table.ConflictError{Key: key}
		case conflict && written(item, id):
			return nil
		case conflict:
			return unknown(doubt)
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

// replace puts an item under a condition that may hold again and again.
func (t *Table) replace(ctx context.Context, item table.Item, condition table.Condition, id writeID) (int64, error) {
	var e expression
	update, guard := e.replacement(item, id[:]), e.condition(condition)
	out, err := t.writes.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: encodeKey(item.Key), UpdateExpression: update, ConditionExpression: guard,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values, ReturnValues: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		var left table.Item
		left, err = t.settle(ctx, item.Key, id, err)
		return left.Revision, err
	}
	revision, ok := out.Attributes[revisionName].(*number)
	if !ok {
		return 0, unknown(fmt.Errorf("no revision in the answer %v", out.Attributes))
	}
	return decodeNumber(revision)
}

// settle reads back after a failed write: the item if that write has left it so,
// or the fault in the port's words.
func (t *Table) settle(ctx context.Context, key table.Key, id writeID, err error) (table.Item, error) {
	if _, conflict := failedCondition(err); conflict {
		return table.Item{}, &table.ConflictError{Key: key}
	}
	if judge(err) != lost {
		return table.Item{}, writeFault(err)
	}
	encoded, readErr := t.readBack(ctx, key)
	if readErr != nil || !written(encoded, id) {
		return table.Item{}, unknown(err)
	}
	item, decodeErr := decodeItem(encoded)
	if decodeErr != nil {
		return table.Item{}, unknown(decodeErr)
	}
	return item, nil
}

func (t *Table) readBack(ctx context.Context, key table.Key) (map[string]value, error) {
	out, err := t.reads.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: encodeKey(key), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// Delete implements [table.Table].
func (t *Table) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	if err := table.ValidateOps([]table.Op{table.DeleteOp(key, condition)}); err != nil {
		return fmt.Errorf("delete item: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete item %s: %w", key, err)
	}
	var e expression
	input := &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: encodeKey(key), ConditionExpression: e.condition(condition),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
	send := func(bool) error {
		_, err := t.writes.DeleteItem(ctx, input)
		return err
	}
	var err error
	if _, once := successor(condition); once {
		err = resend(ctx, key, newWriteID(), send) // what was deleted bears no name
	} else if err = send(false); err != nil {
		err = t.settleDelete(ctx, key, condition, err)
	}
	if err != nil {
		return fmt.Errorf("delete item %s: %w", key, err)
	}
	return nil
}

// settleDelete looks whether an item is gone, which is all that an unconditional
// deletion asks for.
func (t *Table) settleDelete(ctx context.Context, key table.Key, condition table.Condition, err error) error {
	if _, conflict := failedCondition(err); conflict {
		return &table.ConflictError{Key: key}
	}
	if judge(err) == lost && len(condition.Terms) == 0 {
		if item, readErr := t.readBack(ctx, key); readErr == nil && len(item) == 0 {
			return nil
		}
	}
	return writeFault(err)
}

// Increment implements [table.Table]. An update adds to an item that lives, a put
// creates one that does not; whoever loses that race adds.
func (t *Table) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	counter := table.Item{Key: key, Attributes: map[string]any{attribute: delta}}
	if err := counter.Validate(); err != nil {
		return 0, fmt.Errorf("increment: %w", err)
	}
	for try := 1; try <= attempts; try++ {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("increment %s: %w", key, err)
		}
		sum, err := t.add(ctx, key, attribute, delta)
		if err == nil {
			return sum, nil
		}
		if !isConflict(err) {
			return 0, fmt.Errorf("increment %s: %w", key, err)
		}
		if _, err := t.Put(ctx, counter, table.Absent()); err == nil {
			return delta, nil
		} else if !isConflict(err) {
			return 0, fmt.Errorf("increment: %w", err)
		}
	}
	return 0, fmt.Errorf("increment %s: created and removed again %d times: %w", key, attempts, table.ErrUnavailable)
}

// add increments an attribute of an item that lives, or is a conflict.
func (t *Table) add(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	var e expression
	id := newWriteID()
	path := e.attribute(attribute)
	update := "SET " + path + " = if_not_exists(" + path + ", " + e.value(":none", encodeNumber(0)) + ") + " +
		e.value(":delta", encodeNumber(delta)) + ", " + revisionName + " = " + revisionName + " + " +
		e.value(":one", encodeNumber(1)) + ", " + writeIDName + " = " + e.value(":write_id", &blob{Value: id[:]})
	guard := "attribute_exists(" + partitionName + ") AND " + e.live()
	out, err := t.writes.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: encodeKey(key), UpdateExpression: &update, ConditionExpression: &guard,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values, ReturnValues: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		left, err := t.settle(ctx, key, id, err)
		return left.Number(attribute), err
	}
	if attributes, ok := out.Attributes[attributesName].(*object); ok {
		if sum, ok := attributes.Value[attribute].(*number); ok {
			return decodeNumber(sum)
		}
	}
	return 0, unknown(fmt.Errorf("no sum in the answer %v", out.Attributes))
}
