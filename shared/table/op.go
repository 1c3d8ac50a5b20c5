package table

import "fmt"

// Op is one operation of a transaction; made by [PutOp], [DeleteOp] and
// [CheckOp].
type Op struct {
	Kind      OpKind
	Item      Item // of OpPut; of the others only its Key
	Condition Condition
}

// OpKind tells what an [Op] does.
type OpKind int

// The kinds of operation.
const (
	OpPut OpKind = iota + 1
	OpDelete
	OpCheck
)

// PutOp creates or replaces item.
func PutOp(item Item, condition Condition) Op { return Op{OpPut, item, condition} }

// DeleteOp removes the item under key.
func DeleteOp(key Key, condition Condition) Op { return Op{OpDelete, Item{Key: key}, condition} }

// CheckOp writes nothing and only asks that condition holds.
func CheckOp(key Key, condition Condition) Op { return Op{OpCheck, Item{Key: key}, condition} }

// ValidateOps reports a transaction that no adapter may accept: [ErrInvalid] or
// [ErrTooLarge].
func ValidateOps(ops []Op) error {
	if len(ops) > MaxTransactionOps {
		return fmt.Errorf("transaction of %d operations: %w", len(ops), ErrTooLarge)
	}
	total := 0
	seen := make(map[Key]struct{}, len(ops))
	for i, op := range ops {
		if err := op.validate(); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
		if _, again := seen[op.Item.Key]; again {
			return fmt.Errorf("operation %d: key %s twice: %w", i, op.Item.Key, ErrInvalid)
		}
		seen[op.Item.Key] = struct{}{}
		total += Size(op.Item)
	}
	if total > MaxTransactionSize {
		return fmt.Errorf("transaction of %d bytes: %w", total, ErrTooLarge)
	}
	return nil
}

// ValidateBatch is [ValidateOps] for the arguments of BatchWrite.
func ValidateBatch(puts []Item, deletes []Key) error {
	seen := make(map[Key]struct{}, len(puts)+len(deletes))
	once := func(key Key) error {
		if _, again := seen[key]; again {
			return fmt.Errorf("key %s twice in a batch: %w", key, ErrInvalid)
		}
		seen[key] = struct{}{}
		return nil
	}
	for _, item := range puts {
		if err := item.Validate(); err != nil {
			return err
		}
		if err := once(item.Key); err != nil {
			return err
		}
	}
	for _, key := range deletes {
		if err := key.Validate(); err != nil {
			return err
		}
		if err := once(key); err != nil {
			return err
		}
	}
	return nil
}

func (o Op) validate() error {
	if err := o.Condition.Validate(); err != nil {
		return err
	}
	switch o.Kind {
	case OpPut:
		return o.Item.Validate()
	case OpDelete:
		return o.Item.Key.Validate()
	case OpCheck:
		if len(o.Condition.Terms) == 0 {
			return fmt.Errorf("check without a condition: %w", ErrInvalid)
		}
		return o.Item.Key.Validate()
	}
	return fmt.Errorf("kind %d: %w", o.Kind, ErrInvalid)
}
