package queue

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Limits (SQS developer guide, "Amazon SQS message quotas").
const (
	MaxBodySize         = 256 << 10 // bytes
	MaxReceive          = 10        // messages a receive
	MaxWait             = 20 * time.Second
	MaxVisibility       = 12 * time.Hour
	DefaultVisibility   = 30 * time.Second
	DeduplicationWindow = 5 * time.Minute
	maxIDLength         = 128
	maxNameLength       = 75
	maxReceivesLimit    = 1000
)

// Message is what is sent.
type Message struct {
	// Group orders: 1 to 128 printable ASCII characters without space.
	Group string
	// Deduplication identifies the message for [DeduplicationWindow]; the same
	// alphabet as Group.
	Deduplication string
	// Body is text, JSON as a rule: UTF-8 of the characters that XML 1.0 has
	// (SQS refuses others), 1 byte to [MaxBodySize]. Larger things go through
	// the bucket.
	Body []byte
}

// Delivery is a message as received.
type Delivery struct {
	Message
	// ID is the queue's name of the message, the same at every receive and in
	// the dead-letter queue.
	ID string
	// Receipt is the right to delete, of this receive only.
	Receipt string
	// Receives counts receives, this one included.
	Receives int
	// Sent is when the queue accepted the message.
	Sent time.Time
}

// Validate reports a message that no adapter may accept: [ErrInvalid] or
// [ErrTooLarge].
func (m Message) Validate() error {
	if !printable(m.Group) {
		return fmt.Errorf("group %q: %w", m.Group, ErrInvalid)
	}
	if !printable(m.Deduplication) {
		return fmt.Errorf("deduplication id %q: %w", m.Deduplication, ErrInvalid)
	}
	if len(m.Body) > MaxBodySize {
		return fmt.Errorf("body of %d bytes: %w", len(m.Body), ErrTooLarge)
	}
	if len(m.Body) == 0 {
		return fmt.Errorf("empty body: %w", ErrInvalid)
	}
	if !isText(m.Body) {
		return fmt.Errorf("body is not text: %w", ErrInvalid)
	}
	return nil
}

// ValidateOpen reports, as [ErrInvalid], what no adapter may open.
func ValidateOpen(name string, options Options) error {
	if !validName(name) {
		return fmt.Errorf("queue name %q: %w", name, ErrInvalid)
	}
	if (options.MaxReceives == 0) != (options.DeadLetter == "") || options.MaxReceives < 0 || options.MaxReceives > maxReceivesLimit {
		return fmt.Errorf("queue %s: %d receives and dead-letter queue %q: %w", name, options.MaxReceives, options.DeadLetter, ErrInvalid)
	}
	if options.DeadLetter != "" && (!validName(options.DeadLetter) || options.DeadLetter == name) {
		return fmt.Errorf("queue %s: dead-letter queue %q: %w", name, options.DeadLetter, ErrInvalid)
	}
	return ValidateVisibility(options.Visibility)
}

// ValidateReceive reports, as [ErrInvalid], arguments out of range.
func ValidateReceive(limit int, wait, visibility time.Duration) error {
	if limit < 1 || limit > MaxReceive {
		return fmt.Errorf("receive %d messages: %w", limit, ErrInvalid)
	}
	if wait < 0 || wait > MaxWait {
		return fmt.Errorf("wait %v: %w", wait, ErrInvalid)
	}
	return ValidateVisibility(visibility)
}

// ValidateVisibility reports, as [ErrInvalid], a time out of range.
func ValidateVisibility(visibility time.Duration) error {
	if visibility < 0 || visibility > MaxVisibility {
		return fmt.Errorf("visibility %v: %w", visibility, ErrInvalid)
	}
	return nil
}

// printable is SQS's alphabet for group and deduplication ids.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxIDLength
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxNameLength
}

// isText tells whether all characters are of XML 1.0 (section 2.2, Char).
func isText(body []byte) bool {
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r == utf8.RuneError && size == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
		body = body[size:]
	}
	return true
}
