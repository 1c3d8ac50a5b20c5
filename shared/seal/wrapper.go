package seal

import "context"

// Wrapper encrypts data keys with a key-encryption key that does not leave it.
// Unwrap(Wrap(key)) is key, for ever: what it returns is stored beside the data.
// It may cost a request and must be safe for concurrent use. Neither method may
// put a key into an error.
type Wrapper interface {
	Wrap(ctx context.Context, key []byte) ([]byte, error)
	// Unwrap fails with [ErrSealed] if wrapped is not from this Wrapper's key.
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}
