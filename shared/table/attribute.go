package table

import "time"

// Stamp writes a time as attributes hold it: RFC 3339 in UTC, to the nanosecond.
// [Item.Time] reads it back.
func Stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// Text returns an attribute that is text; "" when there is none.
func (i Item) Text(name string) string { return attribute[string](i, name) }

// Number returns an attribute that is a number; 0 when there is none.
func (i Item) Number(name string) int64 { return attribute[int64](i, name) }

// Flag returns an attribute that is true or false; false when there is none.
func (i Item) Flag(name string) bool { return attribute[bool](i, name) }

// Bytes returns an attribute that is binary; nil when there is none.
func (i Item) Bytes(name string) []byte { return attribute[[]byte](i, name) }

// List returns an attribute that is a list of texts; nil when there is none.
func (i Item) List(name string) []string { return attribute[[]string](i, name) }

// Time returns a time that [Stamp] wrote, in UTC. One that is missing or garbled
// is zero: it is for times on which nothing but display depends.
func (i Item) Time(name string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, i.Text(name))
	if err != nil {
		return time.Time{}
	}
	return at
}

func attribute[T any](i Item, name string) T {
	value, _ := i.Attributes[name].(T)
	return value
}
