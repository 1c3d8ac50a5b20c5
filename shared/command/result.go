package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/table"
)

// resultLife is how long a result can be read: longer than any redelivery of
// its command.
const resultLife = 15 * time.Minute

func resultKey(id string) table.Key { return table.Key{Partition: "command#" + id, Sort: "result"} }

// Results is the hosts' side: what they have answered.
type Results struct {
	table table.Table
	now   func() time.Time
}

// NewResults keeps results on t.
func NewResults(t table.Table) *Results { return &Results{table: t, now: time.Now} }

// Put stores the answer to a command: a value, or err. The first answer stays.
func (r *Results) Put(ctx context.Context, id string, value any, err error) error {
	result := Result{ID: id}
	if err != nil {
		result.Fault = &Fault{Kind: fault.KindOf(err), Public: fault.PublicOf(err)}
		if e, ok := errors.AsType[*fault.Error](err); ok {
			result.Fault.Code = e.Code
		}
	} else if value != nil {
		body, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("marshal the answer to %s: %w", id, err)
		}
		result.Value = body
	}
	body, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("marshal result %s: %w", id, err)
	}
	_, err = r.table.Put(ctx, table.Item{Key: resultKey(id), Body: body, Expires: r.now().Add(resultLife)}, table.Absent())
	if err != nil && !errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("write result %s: %w", id, err)
	}
	return nil
}

// Answered reports whether a command has been answered before.
func (r *Results) Answered(ctx context.Context, id string) (bool, error) {
	_, err := r.table.Get(ctx, resultKey(id))
	if errors.Is(err, table.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read result %s: %w", id, err)
	}
	return true, nil
}
