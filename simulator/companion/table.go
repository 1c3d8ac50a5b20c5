package companion

import (
	"iter"
	"maps"
)

// table is one kind of row. Stacked on another table it is that table with
// changes, which is all a transaction is: reads see its own writes, nobody else
// does, and settle makes them count. Rows are never changed in place, so tables
// may share them. The zero value is empty.
type table[K comparable, V any] struct {
	below *table[K, V]
	rows  map[K]V
	gone  map[K]struct{} // hides rows of below
}

// one is the key of a table that holds a single row.
type one struct{}

func (t *table[K, V]) get(key K) (V, bool) {
	for ; t != nil; t = t.below {
		if v, ok := t.rows[key]; ok {
			return v, true
		}
		if _, ok := t.gone[key]; ok {
			break
		}
	}
	var zero V
	return zero, false
}

// value is get for callers to whom a missing row and a zero one are the same.
func (t *table[K, V]) value(key K) V {
	v, _ := t.get(key)
	return v
}

func (t *table[K, V]) put(key K, v V) {
	if t.rows == nil {
		t.rows = make(map[K]V)
	}
	t.rows[key] = v
}

func (t *table[K, V]) remove(key K) {
	delete(t.rows, key)
	if t.below == nil {
		return
	}
	if t.gone == nil {
		t.gone = make(map[K]struct{})
	}
	t.gone[key] = struct{}{}
}

// all yields every row, in no order. The row at hand may be removed and others
// put while it runs; whether those are still visited is open.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range t.rows {
			if !yield(k, v) {
				return
			}
		}
		if t.below == nil {
			return
		}
		for k, v := range t.below.all() {
			_, changed := t.rows[k]
			_, gone := t.gone[k]
			if !changed && !gone && !yield(k, v) {
				return
			}
		}
	}
}

// layer is what a state does with each of its tables, whatever their rows.
type layer interface {
	stackOn(below layer) // below must be of the same type
	settle()
	copyFrom(other layer)
	clear()
}

func (t *table[K, V]) stackOn(below layer) { t.below = below.(*table[K, V]) }

// settle moves the changes into the table below.
func (t *table[K, V]) settle() {
	for k := range t.gone {
		t.below.remove(k)
	}
	for k, v := range t.rows {
		t.below.put(k, v)
	}
}

func (t *table[K, V]) copyFrom(other layer) { t.rows = maps.Clone(other.(*table[K, V]).rows) }

func (t *table[K, V]) clear() {
	for k := range t.all() {
		t.remove(k)
	}
}
