package seal

import (
	"context"
	"errors"
	"fmt"

	"roost/shared/table"
)

// DataKey returns the sealer of the data key called name, which is on the table
// in the wrapped form only (key#<name>/wrapped). The first caller makes it;
// however many race for that, all get the same. It is for values that belong to
// no single owner, such as the secrets of webhooks; what it costs is one read
// and one Unwrap, so keep the sealer.
func DataKey(ctx context.Context, t table.Table, w Wrapper, name string) (*Sealer, error) {
	key := table.Key{Partition: "key#" + name, Sort: "wrapped"}
	item, err := t.Get(ctx, key)
	if errors.Is(err, table.ErrNotFound) {
		wrapped, wrapErr := w.Wrap(ctx, NewKey())
		if wrapErr != nil {
			return nil, fmt.Errorf("wrap data key %s: %w", name, wrapErr)
		}
		// Whatever became of the write, the table now says which key counts.
		_, putErr := t.Put(ctx, table.Item{Key: key, Body: wrapped}, table.Absent())
		if item, err = t.Get(ctx, key); err != nil {
			err = errors.Join(err, putErr)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read data key %s: %w", name, err)
	}
	plain, err := w.Unwrap(ctx, item.Body)
	if err != nil {
		return nil, fmt.Errorf("unwrap data key %s: %w", name, err)
	}
	return New(plain)
}
