package sqlite

import (
	"errors"
	"fmt"
)

// The classes of error beside those of a request's own function.
var (
	// ErrUnknownOutcome: the request was under way when the wait for it ended,
	// or its commit failed. It may have been written.
	ErrUnknownOutcome = errors.New("outcome of the commit is unknown")
	// ErrUnavailable: the request was not written and may be tried again.
	ErrUnavailable = errors.New("database unavailable")
	// ErrClosed: the database is closed; nothing was written.
	ErrClosed = errors.New("database closed")
)

// Classify wraps err in a port's words for its class: unknown when the request
// may have been written, unavailable when it was not and may be tried again.
// Any other error, and none, it returns as it is.
func Classify(err, unknown, unavailable error) error {
	switch {
	case errors.Is(err, ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", unknown, err)
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed):
		return fmt.Errorf("%w: %w", unavailable, err)
	}
	return err
}
