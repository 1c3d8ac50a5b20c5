// Package fault is what Roost answers when something cannot be done: a kind
// that callers act on, a sentence for the user, and the cause for the log.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is what a caller can do about a fault. The list is append-only: kinds
// cross queues and tables.
type Kind string

// The kinds. Only Unavailable and RateLimited invite a retry.
const (
	Invalid      Kind = "invalid"      // the request is wrong and will stay wrong
	NotFound     Kind = "notFound"     // what it names does not exist
	Conflict     Kind = "conflict"     // it does not fit the present state
	Unauthorized Kind = "unauthorized" // no key, or one that is unknown
	Forbidden    Kind = "forbidden"    // a key that may not do this
	TooLarge     Kind = "tooLarge"     // a body above its limit
	RateLimited  Kind = "rateLimited"  // too often; later it will work
	Unavailable  Kind = "unavailable"  // something Roost needs does not answer now
	Internal     Kind = "internal"     // a fault of Roost itself
)

// Error is a fault on its way to the user.
type Error struct {
	Kind   Kind
	Code   string // machine code for programs, "" when the kind says it all
	Public string // a sentence that may leave Roost
	Err    error  // the cause, for the log only
}

// New makes a fault. The format's arguments must be fit for the user's eyes;
// an error among them that is wrapped with %w is the cause.
func New(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Public: err.Error(), Err: errors.Unwrap(err)}
}

// Wrap makes a fault whose cause the user does not see.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...), Err: cause}
}

// Coded is New with a machine code.
func Coded(kind Kind, code, format string, args ...any) *Error {
	e := New(kind, format, args...)
	e.Code = code
	return e
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Public
	}
	return e.Public + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first fault in err's chain. What is no fault is
// Internal; an ended context is Unavailable.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// PublicOf is the sentence for the user. What is no fault has none that may
// leave Roost.
func PublicOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Public
	}
	if KindOf(err) == Unavailable {
		return "the request took too long"
	}
	return "internal error"
}
