package keys

import (
	"context"
	"fmt"

	"roost/shared/table"
)

// removeAll removes everything but the fence. From its first transaction on
// there is no device, no data key, and a mark that makes whoever opens the keys
// go on. Memory is stale afterwards. io is held.
func (k *Keys) removeAll(ctx context.Context) error {
	mark := table.Item{Key: k.key(sortPurge), Attributes: map[string]any{attributeEpoch: k.epoch}}
	err := k.write(ctx, []table.Op{
		table.PutOp(mark, k.condition()),
		table.DeleteOp(k.key(sortDevice), k.condition()),
		table.DeleteOp(k.key(sortDataKey), k.condition()),
	})
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.reset()
	k.pending, k.owed, k.kept = make(map[string]edit), false, kept{}
	k.sealer, k.wrapped, k.keySaved = nil, nil, false
	k.stale = true
	k.mu.Unlock()
	return k.purge(ctx)
}

// purge removes what a mark has condemned, and the mark at last.
func (k *Keys) purge(ctx context.Context) error {
	var ops []table.Op
	for item, err := range table.All(ctx, k.table, table.Query{Partition: k.partition}) {
		if err != nil {
			return fmt.Errorf("delete keys: %w", err)
		}
		if item.Sort == sortFence || item.Sort == sortPurge {
			continue
		}
		ops = append(ops, table.DeleteOp(item.Key, k.condition()))
		if len(ops) == table.MaxTransactionOps-1 {
			if err := k.write(ctx, ops); err != nil {
				return err
			}
			ops = nil
		}
	}
	return k.write(ctx, append(ops, table.DeleteOp(k.key(sortPurge), k.condition())))
}
