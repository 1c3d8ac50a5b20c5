package tabletest_test

import (
	"context"
	"errors"
	"testing"

	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func openTable(t *testing.T) table.Table {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	return tablesqlite.New(db)
}

// TestFaultPairs runs each kind of write as "failed" and as "failed but
// persisted", and settles it by reading back.
func TestFaultPairs(t *testing.T) {
	t.Parallel()
	key := table.Key{Partition: "p", Sort: "s"}
	item := table.Item{Key: key, Attributes: map[string]any{"n": int64(1)}}
	writes := map[string]func(ctx context.Context, f table.Table) error{
		"Put": func(ctx context.Context, f table.Table) error {
			_, err := f.Put(ctx, item, table.Absent())
			return err
		},
		"Write": func(ctx context.Context, f table.Table) error {
			return f.Write(ctx, table.PutOp(item, table.Absent()))
		},
		"BatchWrite": func(ctx context.Context, f table.Table) error {
			return f.BatchWrite(ctx, []table.Item{item}, nil)
		},
		"Increment": func(ctx context.Context, f table.Table) error {
			_, err := f.Increment(ctx, key, "n", 1)
			return err
		},
	}
	for name, write := range writes {
		for _, c := range []struct {
			fault     tabletest.Fault
			want      error
			persisted bool
		}{
			{tabletest.Works, nil, true},
			{tabletest.Refused, table.ErrUnavailable, false},
			{tabletest.Lost, table.ErrUnknownOutcome, false},
			{tabletest.Persisted, table.ErrUnknownOutcome, true},
			{tabletest.Slow, nil, true},
		} {
			inner := openTable(t)
			faulty := &tabletest.Faulty{Inner: inner, Plan: func(_ int, operation string, first table.Key) tabletest.Fault {
				if operation != name || first != key {
					t.Errorf("plan asked for %s of %s", operation, first)
				}
				return c.fault
			}}
			if err := write(t.Context(), faulty); !errors.Is(err, c.want) {
				t.Errorf("%s, fault %d: %v, want %v", name, c.fault, err, c.want)
			}
			_, err := inner.Get(t.Context(), key)
			if persisted := err == nil; persisted != c.persisted {
				t.Errorf("%s, fault %d: persisted %v, want %v", name, c.fault, persisted, c.persisted)
			}
		}
	}
}

func TestFaultDelete(t *testing.T) {
	t.Parallel()
	inner := openTable(t)
	item := table.Item{Key: table.Key{Partition: "p", Sort: "s"}}
	if _, err := inner.Put(t.Context(), item, table.None()); err != nil {
		t.Fatal(err)
	}
	faulty := &tabletest.Faulty{Inner: inner}
	for i, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		faulty.Plan = func(int, string, table.Key) tabletest.Fault { return fault }
		if err := faulty.Delete(t.Context(), item.Key, table.None()); err == nil {
			t.Errorf("fault %d: no error", fault)
		}
		_, err := inner.Get(t.Context(), item.Key)
		if gone := errors.Is(err, table.ErrNotFound); gone != (i == 2) {
			t.Errorf("fault %d: gone %v", fault, gone)
		}
		if _, err := faulty.Get(t.Context(), item.Key); !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("get under fault %d: %v", fault, err)
		}
	}
}

// TestFaultSeed: the same seed fails the same calls.
func TestFaultSeed(t *testing.T) {
	t.Parallel()
	inner := openTable(t)
	run := func(seed uint64) (pattern []bool) {
		faulty := &tabletest.Faulty{Inner: inner, Seed: seed, RefusedShare: 0.2, LostShare: 0.2, PersistedShare: 0.2, SlowShare: 0.2}
		for range 40 {
			_, err := faulty.Query(t.Context(), table.Query{Partition: "p"})
			pattern = append(pattern, err == nil)
		}
		return pattern
	}
	same := func(a, b []bool) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if !same(run(1), run(1)) || same(run(1), run(2)) {
		t.Error("the seed does not decide")
	}
}

// TestUnderFaults counts to a sum through a table that fails half of the time,
// settling each unknown outcome by reading back.
func TestUnderFaults(t *testing.T) {
	t.Parallel()
	const seed = 42
	inner := openTable(t)
	faulty := &tabletest.Faulty{Inner: inner, Seed: seed, RefusedShare: 0.2, LostShare: 0.15, PersistedShare: 0.15}
	key := table.Key{Partition: "p", Sort: "s"}
	read := func() table.Item {
		for {
			item, err := faulty.Get(t.Context(), key)
			if err == nil || errors.Is(err, table.ErrNotFound) {
				return item
			}
		}
	}
	for n := int64(1); n <= 30; n++ {
		for {
			item := read()
			if item.Revision == n {
				break // an unknown outcome that had happened
			}
			condition := table.Absent()
			if item.Revision > 0 {
				condition = table.Revision(item.Revision)
			}
			_, err := faulty.Put(t.Context(), table.Item{Key: key, Attributes: map[string]any{"n": n}}, condition)
			if err == nil {
				break
			}
		}
	}
	item, err := inner.Get(t.Context(), key)
	if err != nil || item.Revision != 30 || item.Attributes["n"] != int64(30) {
		t.Errorf("seed %d: %+v, %v, want 30 writes", seed, item, err)
	}
}

func TestCounting(t *testing.T) {
	t.Parallel()
	counting := table.NewCounting(openTable(t))
	tabletest.Run(t, func(*testing.T) table.Table { return table.NewCounting(counting) })
	counting.Reset()
	item := table.Item{Key: table.Key{Partition: "p", Sort: "s"}}
	if _, err := counting.Put(t.Context(), item, table.None()); err != nil {
		t.Fatal(err)
	}
	if err := counting.Write(t.Context(), table.CheckOp(item.Key, table.Absent()), table.DeleteOp(item.Key, table.None())); err == nil {
		t.Error("no conflict")
	}
	if got, want := counting.Counts()["Write"], (table.Count{Requests: 1, Items: 2, Bytes: 2 * table.Size(item), Errors: 1}); got != want {
		t.Errorf("write counted as %+v, want %+v", got, want)
	}
	if got := counting.Total(); got.Requests != 2 || got.Items != 3 {
		t.Errorf("total %+v", got)
	}
}
