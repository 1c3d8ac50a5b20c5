package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// Bucket is the port. All methods may be called concurrently and from several
// processes.
type Bucket interface {
	// Put stores all of body under key and replaces what was there. size is
	// its exact length in bytes, or -1 if unknown; a body of another length is
	// [ErrInvalid] and stores nothing. contentType may be empty. The Info
	// returned has every field. Durable and atomic on return (PutObject; a
	// multipart upload for an unknown or large size).
	Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (Info, error)

	// Get opens an object, or a part of it; the zero Range is all. Info
	// describes the whole object. The caller closes the reader; ctx bounds
	// reading too. Errors: [ErrNotFound], [ErrRange].
	Get(ctx context.Context, key string, part Range) (io.ReadCloser, Info, error)

	// Delete removes an object. Removing what is not there succeeds. Durable on
	// return.
	Delete(ctx context.Context, key string) error

	// List returns one page of the objects whose key begins with prefix, in the
	// order of the keys' bytes, at most 1000; only an empty cursor ends the
	// list. Pages are separate reads, not a snapshot (ListObjectsV2).
	List(ctx context.Context, prefix, cursor string) (Page, error)

	// SignGet makes a URL by which anybody can get the object until expires,
	// which is not later than expiry from now and may be sooner (an S3 URL dies
	// with the credentials that signed it). With a filename the answer is a
	// download of that name. Range requests work. Whether the object exists is
	// not checked. expiry is 1 s to [MaxExpiry].
	SignGet(ctx context.Context, key string, expiry time.Duration, filename string) (url string, expires time.Time, err error)

	// SignPut makes a URL by which anybody can put the object, once or more
	// times, until expires. The request must carry contentType as its
	// Content-Type; where that is empty it may carry any. The folder refuses bodies above maxSize bytes; S3 cannot,
	// so whoever uses the object looks at Info.Size first.
	SignPut(ctx context.Context, key string, expiry time.Duration, maxSize int64, contentType string) (url string, expires time.Time, err error)
}

// Info describes an object.
type Info struct {
	Key         string
	Size        int64  // bytes
	ContentType string // not in lists; an adapter may turn an empty one into application/octet-stream
	// ETag is opaque and differs when the content differs.
	ETag string
	// SHA256 of the content in lower-case hex. Always known by Put; empty in
	// lists and where an adapter does not keep it (S3: multipart and signed
	// uploads).
	SHA256   string
	Modified time.Time // to the second
}

// Range is a part of an object in bytes. Length 0 is to the end. An offset at or
// behind the end of the object is [ErrRange], a length that goes beyond is cut.
type Range struct {
	Offset, Length int64
}

// Page is one answer of List.
type Page struct {
	Objects []Info
	Cursor  string // empty at the end of the list
}

// Limits (S3 user guide, "Object key names", "Presigned URLs").
const (
	MaxKeyLength = 1024 // bytes
	MaxExpiry    = 7 * 24 * time.Hour
	MaxPage      = 1000
)

// The classes of error. Compare with errors.Is.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("object not found")
	// ErrRange: the range begins at or behind the end of the object.
	ErrRange = errors.New("range outside of the object")
	// ErrInvalid: the request breaks the contract. A fault of the caller.
	ErrInvalid = errors.New("invalid bucket request")
	// ErrUnknownOutcome: the answer was lost; it may have happened.
	ErrUnknownOutcome = errors.New("outcome of the bucket request is unknown")
	// ErrUnavailable: the bucket could not serve now and nothing was done.
	ErrUnavailable = errors.New("bucket unavailable")
)
