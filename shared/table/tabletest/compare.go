package tabletest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/shared/table"
)

// Compare does the same random things to two adapters and expects the same
// answers, faults included. It keeps to a partition that nobody else may have.
func Compare(t *testing.T, reference, subject table.Table, partition string, seed uint64, steps int) {
	t.Helper()
	c := &comparison{partition: partition, dice: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // reproducible on purpose
	for step := range steps {
		name, do := c.step()
		want := do(t.Context(), reference)
		got := do(t.Context(), subject)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Fatalf("seed %d, step %d, %s: the adapters differ (-reference +subject):\n%s", seed, step, name, diff)
		}
	}
}

// answer is what a step came to.
type answer struct {
	Fault    string // class of error, and the operation whose condition failed
	Number   int64
	Items    []table.Item
	ByKey    map[table.Key]table.Item
	HasEnded bool // the query has no further page
}

type comparison struct {
	partition string
	dice      *rand.Rand
}

// key is one of a few. Items under those that are mortal may be put as expired,
// and then adapters may count their revisions differently.
func (c *comparison) key() table.Key {
	return table.Key{Partition: c.partition, Sort: pick(c.dice, "a", "a#1", "a#2", "b", "ü", "mortal#1", "mortal#2")}
}

func (c *comparison) number() int64 { return c.dice.Int64N(4) }

func mortal(key table.Key) bool { return key.Sort > "m" && key.Sort < "n" }

func (c *comparison) item() table.Item {
	item := table.Item{Key: c.key(), Attributes: map[string]any{}}
	for _, name := range []string{"n", "state", "raw", "ready", "tags", "labels"} {
		if c.dice.IntN(2) == 0 {
			continue
		}
		item.Attributes[name] = pick[any](c.dice, c.number(), pick(c.dice, "", "x", "y"), []byte{byte(c.number())}, c.dice.IntN(2) == 0,
			[]string{"x", ""}, map[string]string{"k": "v"})
	}
	item.Body = make([]byte, c.dice.IntN(3)*c.dice.IntN(2000))
	switch {
	case mortal(item.Key) && c.dice.IntN(2) == 0:
		item.Expires = time.UnixMilli(1_700_000_000_123)
	case c.dice.IntN(3) == 0:
		item.Expires = time.UnixMilli(4_000_000_000_000 + c.number())
	}
	return item
}

func (c *comparison) condition(key table.Key) table.Condition {
	revision := table.Revision(1 + c.number())
	if mortal(key) {
		revision = table.Absent()
	}
	name := pick(c.dice, "n", "state", "raw", "ready")
	one := pick(c.dice, table.None(), table.Absent(), revision, table.AtMost(name, c.number()),
		table.Equals(name, pick[any](c.dice, c.number(), "x", []byte{byte(c.number())}, true)))
	if c.dice.IntN(4) == 0 {
		return table.And(one, table.AtMost("n", c.number()), revision)
	}
	return one
}

// step draws what to do next. All chance is spent before it is done.
func (c *comparison) step() (name string, do func(context.Context, table.Table) answer) {
	switch item := c.item(); c.dice.IntN(9) {
	case 0, 1:
		condition := c.condition(item.Key)
		return "put", func(ctx context.Context, t table.Table) answer {
			revision, err := t.Put(ctx, item, condition)
			if mortal(item.Key) {
				revision = 0
			}
			return answer{Fault: class(err), Number: revision}
		}
	case 2:
		condition := c.condition(item.Key)
		return "delete", func(ctx context.Context, t table.Table) answer {
			return answer{Fault: class(t.Delete(ctx, item.Key, condition))}
		}
	case 3, 4:
		ops := c.ops()
		return "write", func(ctx context.Context, t table.Table) answer {
			return answer{Fault: class(t.Write(ctx, ops...))}
		}
	case 5:
		attribute, delta := pick(c.dice, "n", "state"), c.number()-2
		return "increment", func(ctx context.Context, t table.Table) answer {
			sum, err := t.Increment(ctx, item.Key, attribute, delta)
			return answer{Fault: class(err), Number: sum}
		}
	case 6:
		other := c.key()
		return "batch write", func(ctx context.Context, t table.Table) answer {
			return answer{Fault: class(t.BatchWrite(ctx, []table.Item{item}, []table.Key{other}))}
		}
	case 7:
		other := c.key()
		return "batch get", func(ctx context.Context, t table.Table) answer {
			found, err := t.BatchGet(ctx, []table.Key{item.Key, other, item.Key})
			for key, one := range found {
				found[key] = unrevised(one)
			}
			return answer{Fault: class(err), ByKey: found}
		}
	default:
		return "query", c.query()
	}
}

func (c *comparison) ops() []table.Op {
	var ops []table.Op
	for range 1 + c.dice.IntN(4) {
		item := c.item()
		condition := c.condition(item.Key)
		ops = append(ops, pick(c.dice, table.PutOp(item, condition), table.DeleteOp(item.Key, condition), table.CheckOp(item.Key, condition)))
	}
	return ops
}

// query reads a whole range, in pages.
func (c *comparison) query() func(context.Context, table.Table) answer {
	query := table.Query{Partition: c.partition, Reverse: c.dice.IntN(2) == 0, Limit: c.dice.IntN(4)}
	if c.dice.IntN(2) == 0 {
		query.Prefix = pick(c.dice, "a", "a#", "mortal", "z")
	} else {
		query.From, query.To = pick(c.dice, "", "a", "b", "n"), pick(c.dice, "", "a#1", "b", "ü")
	}
	return func(ctx context.Context, t table.Table) answer {
		var a answer
		for item, err := range table.All(ctx, t, query) {
			if err != nil {
				return answer{Fault: class(err)}
			}
			a.Items = append(a.Items, unrevised(item))
		}
		a.HasEnded = true
		return a
	}
}

func unrevised(item table.Item) table.Item {
	if mortal(item.Key) {
		item.Revision = 0
	}
	return item
}

// class names the port's error that err wraps.
func class(err error) string {
	if err == nil {
		return ""
	}
	if conflict, ok := errors.AsType[*table.ConflictError](err); ok {
		return fmt.Sprintf("conflict on operation %d, %s", conflict.Op, conflict.Key)
	}
	for _, known := range []error{table.ErrNotFound, table.ErrConflict, table.ErrTooLarge, table.ErrInvalid, table.ErrUnknownOutcome, table.ErrUnavailable} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "other: " + err.Error()
}

func pick[T any](dice *rand.Rand, choices ...T) T { return choices[dice.IntN(len(choices))] }
