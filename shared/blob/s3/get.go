package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"roost/shared/blob"
	"roost/shared/cloud"
)

// Get implements [blob.Bucket].
func (b *Bucket) Get(ctx context.Context, key string, part blob.Range) (io.ReadCloser, blob.Info, error) {
	err := blob.ValidateKey(key)
	if err == nil && (part.Offset < 0 || part.Length < 0) {
		err = fmt.Errorf("range %+v: %w", part, blob.ErrInvalid)
	}
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("get object: %w", err)
	}
	body, info, err := b.get(ctx, key, part)
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("get object %s: %w", key, err)
	}
	return body, info, nil
}

func (b *Bucket) get(ctx context.Context, key string, part blob.Range) (io.ReadCloser, blob.Info, error) {
	input := &s3.GetObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled}
	if part.Length > 0 {
		input.Range = aws.String(fmt.Sprintf("bytes=%d-%d", part.Offset, part.Offset+part.Length-1))
	} else if part.Offset > 0 {
		input.Range = aws.String(fmt.Sprintf("bytes=%d-", part.Offset))
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx) // ends with the body
	late := time.AfterFunc(attemptTimeout, cancel)
	called, call := cloud.Follow(ctx)
	answer, err := b.client.GetObject(called, input)
	if !late.Stop() && outer.Err() == nil && err != nil {
		err = fmt.Errorf("%w: no answer within %v", blob.ErrUnavailable, attemptTimeout)
	}
	if err != nil {
		cancel()
		return nil, blob.Info{}, read(call, err)
	}
	body := &reader{inner: answer.Body, outer: outer, cancel: cancel}
	size, err := whole(answer.ContentLength, answer.ContentRange)
	if err != nil {
		return nil, blob.Info{}, errors.Join(err, body.Close())
	}
	return body, blob.Info{
		Key: key, Size: size, ContentType: aws.ToString(answer.ContentType), ETag: aws.ToString(answer.ETag),
		SHA256: digest(answer.ChecksumSHA256), Modified: aws.ToTime(answer.LastModified),
	}, nil
}

// reader is the body of an object. A connection that breaks is an error, never
// the end of the object.
type reader struct {
	inner  io.ReadCloser
	outer  context.Context //nolint:containedctx // the port lets ctx bound reading
	cancel context.CancelFunc
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.inner.Read(p)
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if ended := r.outer.Err(); ended != nil {
		return n, fmt.Errorf("read object: %w", ended)
	}
	return n, fmt.Errorf("read object: %w: %w", blob.ErrUnavailable, err)
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	defer r.cancel()
	return r.inner.Close()
}
