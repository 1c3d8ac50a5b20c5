package dynamo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"roost/shared/table"
	"roost/shared/table/tabletest"
)

// TestUnprocessed: what a batch leaves over is sent again until nothing is left,
// and given up when nothing moves.
func TestUnprocessed(t *testing.T) {
	t.Parallel()
	p, faulty, direct := through(t, "")
	var items []table.Item
	var keys []table.Key
	for i := range 60 {
		item := counted(table.Key{Partition: "p", Sort: fmt.Sprintf("%03d", i)}, int64(i))
		items, keys = append(items, item), append(keys, item.Key)
	}
	halves := func(call int, _ string) fault { return fault{half: call%3 != 2, forward: true} }
	p.obey(halves)
	if err := faulty.BatchWrite(t.Context(), items, nil); err != nil {
		t.Fatal(err)
	}
	if n := p.seen("BatchWriteItem"); n < 6 {
		t.Errorf("%d requests: nothing was left over", n)
	}
	p.obey(halves)
	found, err := faulty.BatchGet(t.Context(), keys)
	if err != nil || len(found) != len(items) || p.seen("BatchGetItem") < 2 {
		t.Errorf("found %d of %d in %d requests, %v", len(found), len(items), p.seen("BatchGetItem"), err)
	}
	for _, item := range items {
		if found[item.Key].Number("n") != item.Number("n") {
			t.Errorf("%s is %+v", item.Key, found[item.Key])
		}
	}

	p.obey(always(fault{whole: true}))
	if _, err := faulty.BatchGet(t.Context(), keys[:3]); !errors.Is(err, table.ErrUnavailable) || p.seen("") != 8 {
		t.Errorf("never processed: %v after %d requests", err, p.seen(""))
	}
	p.obey(always(fault{whole: true}))
	if err := faulty.BatchWrite(t.Context(), nil, keys[:3]); !errors.Is(err, table.ErrUnavailable) || p.seen("") != 8 {
		t.Errorf("never processed: %v after %d requests", err, p.seen(""))
	}
	if _, err := direct.Get(t.Context(), keys[0]); err != nil {
		t.Errorf("deleted after all: %v", err)
	}
}

// TestConformanceOverBadNetwork: the port's suite does not notice what is safe to
// try again.
func TestConformanceOverBadNetwork(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	p, faulty, _ := through(t, "")
	p.obey(func(_ int, operation string) fault {
		chance := dice.Float64()
		switch operation {
		case "PutItem", "UpdateItem", "DeleteItem": // which may end in doubt
		default:
			if chance < 0.03 {
				return fault{forward: chance < 0.015, status: 200, cut: true}
			}
		}
		if chance > 0.95 {
			return refusal("ThrottlingException")
		}
		return passes
	})
	tabletest.Run(t, func(*testing.T) table.Table { return faulty })
}
