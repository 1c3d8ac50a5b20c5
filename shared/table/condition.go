package table

import (
	"bytes"
	"fmt"
)

// Condition guards a write: all of its terms must hold for the item as it is at
// the moment of the write. The zero value always holds. Terms are flat on
// purpose: each is one clause of a DynamoDB condition expression.
type Condition struct {
	Terms []Term
}

// Term is one clause of a [Condition]; made by the functions below and read by
// adapters.
type Term struct {
	Kind      TermKind
	Attribute string // of TermEquals and TermAtMost
	Value     any    // of TermEquals: string, int64, bool or []byte
	Number    int64  // of TermRevision and TermAtMost
}

// TermKind tells what a [Term] asks.
type TermKind int

// The kinds of term.
const (
	TermAbsent TermKind = iota + 1
	TermRevision
	TermEquals
	TermAtMost
)

// None always holds.
func None() Condition { return Condition{} }

// Absent holds if there is no such item, or it has expired.
func Absent() Condition { return Condition{[]Term{{Kind: TermAbsent}}} }

// Revision holds if the item exists at exactly revision n, which is 1 or more.
// Revisions start again when an item is deleted and created anew.
func Revision(n int64) Condition {
	return Condition{[]Term{{Kind: TermRevision, Number: n}}}
}

// Equals holds if the item exists and the attribute has this value: a string,
// int64, bool or []byte of the same type.
func Equals(attribute string, value any) Condition {
	return Condition{[]Term{{Kind: TermEquals, Attribute: attribute, Value: value}}}
}

// AtMost holds if the attribute is an int64 no greater than n, or if item or
// attribute is missing. It is the fence: a writer that holds epoch n never
// overwrites what a later epoch wrote.
func AtMost(attribute string, n int64) Condition {
	return Condition{[]Term{{Kind: TermAtMost, Attribute: attribute, Number: n}}}
}

// And holds if all conditions hold.
func And(conditions ...Condition) Condition {
	var all Condition
	for _, c := range conditions {
		all.Terms = append(all.Terms, c.Terms...)
	}
	return all
}

// Met evaluates the condition; item is nil when it is absent or expired. It is
// the meaning that every adapter must keep.
func (c Condition) Met(item *Item) bool {
	for _, term := range c.Terms {
		if !term.met(item) {
			return false
		}
	}
	return true
}

// Validate reports, as [ErrInvalid], terms that cannot be expressed.
func (c Condition) Validate() error {
	for _, term := range c.Terms {
		switch term.Kind {
		case TermAbsent:
			continue
		case TermRevision:
			if term.Number < 1 {
				return fmt.Errorf("condition on revision %d: %w", term.Number, ErrInvalid)
			}
			continue
		case TermEquals:
			switch term.Value.(type) {
			case string, int64, bool, []byte:
			default:
				return fmt.Errorf("condition on %s of type %T: %w", term.Attribute, term.Value, ErrInvalid)
			}
		case TermAtMost:
		default:
			return fmt.Errorf("condition of kind %d: %w", term.Kind, ErrInvalid)
		}
		if !validName(term.Attribute) {
			return fmt.Errorf("condition on attribute %q: %w", term.Attribute, ErrInvalid)
		}
	}
	return nil
}

func (t Term) met(item *Item) bool {
	switch t.Kind {
	case TermAbsent:
		return item == nil
	case TermRevision:
		return item != nil && item.Revision == t.Number
	case TermEquals:
		if item == nil {
			return false
		}
		have, ok := item.Attributes[t.Attribute]
		if want, isBytes := t.Value.([]byte); isBytes {
			b, same := have.([]byte)
			return same && bytes.Equal(b, want)
		}
		switch have.(type) {
		case string, int64, bool:
			return ok && have == t.Value
		}
		return false
	case TermAtMost:
		if item == nil {
			return true
		}
		have, ok := item.Attributes[t.Attribute]
		n, isNumber := have.(int64)
		return !ok || isNumber && n <= t.Number
	}
	return false
}
