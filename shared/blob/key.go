package blob

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ValidateKey reports, as [ErrInvalid], a key that no adapter may accept: it is
// UTF-8 without control characters, at most [MaxKeyLength] bytes, and its parts
// between slashes are neither empty nor "." or "..".
func ValidateKey(key string) error {
	if key == "" || len(key) > MaxKeyLength {
		return fmt.Errorf("key of %d bytes: %w", len(key), ErrInvalid)
	}
	if !isText(key) {
		return fmt.Errorf("key %q is not text: %w", key, ErrInvalid)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("key %q has the part %q: %w", key, part, ErrInvalid)
		}
	}
	return nil
}

// ValidateSign reports, as [ErrInvalid], what no adapter may sign. text is a
// file name or a content type.
func ValidateSign(key string, expiry time.Duration, text string) error {
	if err := ValidateKey(key); err != nil {
		return err
	}
	if expiry < time.Second || expiry > MaxExpiry {
		return fmt.Errorf("expiry %v: %w", expiry, ErrInvalid)
	}
	if len(text) > 255 || !isText(text) {
		return fmt.Errorf("file name or content type %q: %w", text, ErrInvalid)
	}
	return nil
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
