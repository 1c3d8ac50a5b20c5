package table

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Key names one item. Both parts are non-empty UTF-8 without NUL.
type Key struct {
	Partition string // at most [MaxPartitionLength] bytes
	Sort      string // at most [MaxSortLength] bytes
}

func (k Key) String() string { return k.Partition + "/" + k.Sort }

// Validate reports a key that no adapter may accept, as [ErrInvalid].
func (k Key) Validate() error {
	if err := validateKeyPart("partition", k.Partition, MaxPartitionLength); err != nil {
		return err
	}
	return validateKeyPart("sort", k.Sort, MaxSortLength)
}

// Item is one row of the table.
type Item struct {
	Key
	// Revision is set by the table: 1 on creation, 1 more with every write.
	Revision int64
	// Expires is when the item stops to exist, kept to the millisecond (the
	// rest is cut off). Zero is never.
	Expires time.Time
	// Attributes are what a person reads in a table browser. Names are a
	// letter and then letters, digits and underscores, at most 64. Values are
	// string, int64, bool, []byte, []string or map[string]string. An empty map
	// reads back as nil, an empty []byte or []string with its length only.
	Attributes map[string]any
	// Body is the opaque part: key material, message bodies. Empty reads back
	// as nil.
	Body []byte
}

// Live reports whether the item exists at now.
func (i Item) Live(now time.Time) bool {
	return i.Expires.IsZero() || i.Expires.UnixMilli() > now.UnixMilli()
}

// Validate reports an item that no adapter may accept: [ErrInvalid] or
// [ErrTooLarge].
func (i Item) Validate() error {
	if err := i.Key.Validate(); err != nil {
		return err
	}
	if !i.Expires.IsZero() && i.Expires.UnixMilli() <= 0 {
		return fmt.Errorf("item %s: expiry before 1970: %w", i.Key, ErrInvalid)
	}
	for name, value := range i.Attributes {
		if err := validateAttribute(name, value); err != nil {
			return fmt.Errorf("item %s: %w", i.Key, err)
		}
	}
	if size := Size(i); size > MaxItemSize {
		return fmt.Errorf("item %s of %d bytes: %w", i.Key, size, ErrTooLarge)
	}
	return nil
}

// Size is the item's size in bytes as DynamoDB would bill it, rounded up: names
// and UTF-8 values, 21 bytes for a number, 3 for a list or map and 1 for each
// of its elements ("DynamoDB item sizes and formats"), and 128 for the names
// and values that an adapter adds.
func Size(i Item) int {
	size := 128 + len(i.Partition) + len(i.Sort) + len(i.Body)
	for name, value := range i.Attributes {
		size += len(name) + 1
		switch v := value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		case int64:
			size += 21
		case bool:
			size++
		case []string:
			size += 3
			for _, s := range v {
				size += len(s) + 1
			}
		case map[string]string:
			size += 3
			for k, s := range v {
				size += len(k) + len(s) + 1
			}
		}
	}
	return size
}

func validateKeyPart(part, value string, limit int) error {
	switch {
	case value == "":
		return fmt.Errorf("empty %s key: %w", part, ErrInvalid)
	case len(value) > limit:
		return fmt.Errorf("%s key of %d bytes, at most %d: %w", part, len(value), limit, ErrInvalid)
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		return fmt.Errorf("%s key %q: not UTF-8 text without NUL: %w", part, value, ErrInvalid)
	}
	return nil
}

func validateAttribute(name string, value any) error {
	if !validName(name) {
		return fmt.Errorf("attribute name %q: %w", name, ErrInvalid)
	}
	text := true
	switch v := value.(type) {
	case string:
		text = utf8.ValidString(v)
	case []string:
		for _, s := range v {
			text = text && utf8.ValidString(s)
		}
	case map[string]string:
		for k, s := range v {
			if k == "" {
				return fmt.Errorf("attribute %s: empty name inside: %w", name, ErrInvalid)
			}
			text = text && utf8.ValidString(k) && utf8.ValidString(s)
		}
	case int64, bool, []byte:
	default:
		return fmt.Errorf("attribute %s of type %T: %w", name, value, ErrInvalid)
	}
	if !text {
		return fmt.Errorf("attribute %s: not UTF-8: %w", name, ErrInvalid)
	}
	return nil
}

func validName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
