package tabletest_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"roost/shared/table"
	"roost/shared/table/tabletest"
)

// TestUnitIsTheTable does the same by chance on a table and in units of work on
// another, and compares all that can be seen, in the unit and after it.
func TestUnitIsTheTable(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	plain, behind := openTable(t), openTable(t)
	ctx := t.Context()
	keys := make([]table.Key, 6)
	for n := range keys {
		keys[n] = table.Key{Partition: "p", Sort: string(rune('a' + n))}
	}
	// Both callers make their conditions of what they have read themselves.
	condition := func(on table.Table, key table.Key, kind int) table.Condition {
		item, err := on.Get(ctx, key)
		switch kind {
		case 0:
			return table.Absent()
		case 1:
			if err == nil {
				return table.Revision(item.Revision)
			}
			return table.Absent()
		case 2:
			return table.Equals("n", int64(1))
		case 3:
			return table.AtMost("n", 2)
		}
		return table.None()
	}
	see := func(on table.Table) map[string]int64 {
		out := map[string]int64{}
		for item, err := range table.All(ctx, on, table.Query{Partition: "p", Prefix: ""}) {
			if err != nil {
				t.Fatal(err)
			}
			out[item.Sort] = item.Number("n")
		}
		got, err := on.BatchGet(ctx, keys)
		if err != nil || len(got) != len(out) {
			t.Errorf("seed %d: %d items got of %d listed: %v", seed, len(got), len(out), err)
		}
		return out
	}
	conflicts := 0
	for range 400 {
		unit := table.NewUnit(behind)
		if dice.IntN(2) == 0 {
			if _, err := unit.BatchGet(ctx, keys[:dice.IntN(len(keys))]); err != nil {
				t.Fatal(err)
			}
		}
		for range 1 + dice.IntN(4) {
			var one, two []table.Op
			for _, n := range dice.Perm(len(keys))[:1+dice.IntN(3)] {
				key, kind, value := keys[n], dice.IntN(6), int64(dice.IntN(4))
				item := table.Item{Key: key, Attributes: map[string]any{"n": value}}
				act := dice.IntN(3)
				for _, side := range []struct {
					on  table.Table
					ops *[]table.Op
				}{{plain, &one}, {unit, &two}} {
					c := condition(side.on, key, kind)
					switch {
					case act == 0:
						*side.ops = append(*side.ops, table.DeleteOp(key, c))
					case act == 1 && len(c.Terms) > 0:
						*side.ops = append(*side.ops, table.CheckOp(key, c))
					default:
						*side.ops = append(*side.ops, table.PutOp(item, c))
					}
				}
			}
			err1, err2 := plain.Write(ctx, one...), unit.Write(ctx, two...)
			if (err1 == nil) != (err2 == nil) || errors.Is(err1, table.ErrConflict) != errors.Is(err2, table.ErrConflict) {
				t.Fatalf("seed %d: %v on the table, %v in the unit", seed, err1, err2)
			}
			if err1 != nil {
				conflicts++
			}
			if diff := cmp.Diff(see(plain), see(unit)); diff != "" {
				t.Fatalf("seed %d, in the unit: %s", seed, diff)
			}
		}
		if err := unit.Commit(ctx); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(see(plain), see(behind)); diff != "" {
			t.Fatalf("seed %d, after the unit: %s", seed, diff)
		}
	}
	if conflicts < 50 {
		t.Errorf("seed %d: only %d conflicts", seed, conflicts)
	}
}

// TestUnitConflicts are changes by others between the first read and the commit.
func TestUnitConflicts(t *testing.T) {
	t.Parallel()
	ctx, behind := t.Context(), openTable(t)
	key := func(name string) table.Key { return table.Key{Partition: "p", Sort: name} }
	put := func(name string) {
		t.Helper()
		if _, err := behind.Put(ctx, table.Item{Key: key(name)}, table.None()); err != nil {
			t.Fatal(err)
		}
	}
	for name, meanwhile := range map[string]string{"what was read has changed": "read", "what was not there is": "absent", "what was not read does not hold": "unread", "nothing": ""} {
		put("read")
		for _, gone := range []string{"absent", "unread", "late"} {
			if err := behind.Delete(ctx, key(gone), table.None()); err != nil {
				t.Fatal(err)
			}
		}
		journal := &tabletest.Journal{Inner: behind}
		unit := table.NewUnit(journal)
		items, err := unit.BatchGet(ctx, []table.Key{key("read"), key("absent")})
		if err != nil || len(items) != 1 {
			t.Fatal(items, err)
		}
		if meanwhile != "" {
			put(meanwhile)
		}
		err = unit.Write(ctx, table.PutOp(table.Item{Key: key("read")}, table.Revision(items[key("read")].Revision)), table.CheckOp(key("absent"), table.Absent()))
		if err == nil {
			err = unit.Write(ctx, table.PutOp(table.Item{Key: key("unread")}, table.Absent()))
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := unit.Get(ctx, key("unread"))
		if err == nil {
			_, err = unit.Put(ctx, again, table.Revision(again.Revision))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := unit.Commit(ctx); (err != nil) != (meanwhile != "") || err != nil && !errors.Is(err, table.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if got := journal.Requests(); len(got) != 2 {
			t.Errorf("%s: asked %v", name, got)
		}
	}
}

func TestUnitRefusesWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	ctx, unit := t.Context(), table.NewUnit(openTable(t))
	if _, err := unit.Increment(ctx, table.Key{Partition: "p", Sort: "a"}, "n", 1); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("increment: %v", err)
	}
	for _, name := range []string{"b", "a", "c"} {
		if _, err := unit.Put(ctx, table.Item{Key: table.Key{Partition: "p", Sort: name}}, table.None()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := unit.Query(ctx, table.Query{Partition: "p", Limit: 1}); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("a page: %v", err)
	}
	if page, err := unit.Query(ctx, table.Query{Partition: "p", To: "b", Reverse: true}); err != nil || len(page.Items) != 2 || page.Items[0].Sort != "b" {
		t.Errorf("a range: %v %v", page, err)
	}
	page, err := unit.Query(ctx, table.Query{Partition: "p"})
	if err != nil || !slices.IsSortedFunc(page.Items, func(a, b table.Item) int { return strings.Compare(a.Sort, b.Sort) }) || len(page.Items) != 3 {
		t.Errorf("all: %v %v", page, err)
	}
}
