package table

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// Query asks for a range of one partition. From and To are inclusive and may be
// empty for an open end; Prefix stands alone (DynamoDB takes one condition on
// the sort key: BETWEEN or begins_with).
type Query struct {
	Partition string
	From, To  string
	Prefix    string
	Reverse   bool   // from the greatest sort key down
	Limit     int    // items a page, 0 for as many as fit
	Cursor    string // of the page before
}

// Page is one answer to a [Query].
type Page struct {
	Items  []Item
	Cursor string // empty at the end of the range
}

// Validate reports a query that no adapter may accept, as [ErrInvalid].
func (q Query) Validate() error {
	if err := validateKeyPart("partition", q.Partition, MaxPartitionLength); err != nil {
		return err
	}
	if q.Prefix != "" && (q.From != "" || q.To != "") {
		return fmt.Errorf("query by prefix and by range: %w", ErrInvalid)
	}
	for _, bound := range []string{q.From, q.To, q.Prefix} {
		if len(bound) > MaxSortLength || !utf8.ValidString(bound) || strings.IndexByte(bound, 0) >= 0 {
			return fmt.Errorf("query bound %q: %w", bound, ErrInvalid)
		}
	}
	if q.Limit < 0 {
		return fmt.Errorf("query limit %d: %w", q.Limit, ErrInvalid)
	}
	return nil
}

// EncodeCursor makes a cursor, which is opaque to callers: it holds the sort key of the last item looked
// at, which together with the query's partition is all that any adapter needs.
func EncodeCursor(sort string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(sort))
}

// DecodeCursor undoes [EncodeCursor]; what was not made by it is [ErrInvalid].
func DecodeCursor(cursor string) (string, error) {
	sort, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", fmt.Errorf("cursor %q: %w", cursor, ErrInvalid)
	}
	if err := validateKeyPart("cursor", string(sort), MaxSortLength); err != nil {
		return "", err
	}
	return string(sort), nil
}

// All walks every page of a query. It stops after the first error. Limit is the
// size of a page here, not of the walk.
func All(ctx context.Context, t Table, query Query) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			page, err := t.Query(ctx, query)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Cursor == "" {
				return
			}
			query.Cursor = page.Cursor
		}
	}
}
