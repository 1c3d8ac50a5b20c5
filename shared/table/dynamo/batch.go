package dynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"roost/shared/table"
)

// What DynamoDB takes in one request.
const (
	batchGetSize   = 100
	batchWriteSize = 25
)

// BatchGet implements [table.Table].
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	wanted := make(map[table.Key]struct{}, len(keys)) // DynamoDB refuses one that is asked for twice
	for _, key := range keys {
		if err := key.Validate(); err != nil {
			return nil, fmt.Errorf("get batch: %w", err)
		}
		wanted[key] = struct{}{}
	}
	items := make(map[table.Key]table.Item, len(wanted))
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(wanted)), batchGetSize) {
		if err := t.getChunk(ctx, chunk, items); err != nil {
			return nil, fmt.Errorf("get batch: %w", err)
		}
	}
	return items, nil
}

// getChunk asks for what is left until nothing is. A round that brings nothing
// counts as a failed attempt.
func (t *Table) getChunk(ctx context.Context, keys []table.Key, items map[table.Key]table.Item) error {
	left := make([]map[string]value, len(keys))
	for i, key := range keys {
		left[i] = encodeKey(key)
	}
	for idle := 0; len(left) > 0; {
		out, err := t.reads.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{t.name: {Keys: left, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return readFault(ctx, err)
		}
		now := time.Now()
		for _, encoded := range out.Responses[t.name] {
			item, err := decodeItem(encoded)
			if err != nil {
				return err
			}
			if item.Live(now) {
				items[item.Key] = item
			}
		}
		rest := out.UnprocessedKeys[t.name].Keys
		if idle, err = stalled(ctx, idle, len(rest), len(left)); err != nil {
			return err
		}
		left = rest
	}
	return nil
}

// stalled paces the rounds of a batch: it pauses when something is left over,
// longer with every round in which nothing was done, and gives up after as many
// of these as a request has attempts.
func stalled(ctx context.Context, idle, left, asked int) (int, error) {
	if left == 0 {
		return 0, nil
	}
	if left < asked {
		idle = 0
	}
	idle++
	if idle == attempts {
		return idle, fmt.Errorf("%d of %d left over %d times: %w", left, asked, idle, table.ErrUnavailable)
	}
	return idle, pause(ctx, idle)
}

// BatchWrite implements [table.Table].
func (t *Table) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	if err := table.ValidateBatch(puts, deletes); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	requests := make([]types.WriteRequest, 0, batchWriteSize)
	flush := func() error {
		if err := t.writeChunk(ctx, requests); err != nil {
			return fmt.Errorf("write batch: %w", err)
		}
		requests = requests[:0]
		return nil
	}
	add := func(request types.WriteRequest) error {
		if requests = append(requests, request); len(requests) == batchWriteSize {
			return flush()
		}
		return nil
	}
	for _, item := range puts {
		if err := add(types.WriteRequest{PutRequest: &types.PutRequest{Item: encodeItem(item, 1, nil)}}); err != nil {
			return err
		}
	}
	for _, key := range deletes {
		if err := add(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: encodeKey(key)}}); err != nil {
			return err
		}
	}
	if len(requests) == 0 {
		return nil
	}
	return flush()
}

// writeChunk sends what is left until nothing is, also what was perhaps done.
func (t *Table) writeChunk(ctx context.Context, left []types.WriteRequest) error {
	var doubt error
	times := 0 // that an answer was lost
	for idle := 0; len(left) > 0; {
		out, err := t.writes.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{t.name: left},
		})
		if err != nil && judge(err) == lost {
			doubt = err
			if times++; times < resends && pause(ctx, times) == nil {
				continue
			}
		}
		switch {
		case err != nil && doubt != nil:
			return unknown(doubt)
		case err != nil:
			return writeFault(err)
		}
		rest := out.UnprocessedItems[t.name]
		if idle, err = stalled(ctx, idle, len(rest), len(left)); err != nil {
			return err
		}
		left = rest
	}
	return nil
}
