package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"roost/shared/blob"
	"roost/shared/cloud"
)

// untyped is what S3 is told where nothing is known; its own default is another.
const untyped = "application/octet-stream"

// Put implements [blob.Bucket].
func (b *Bucket) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	if err := blob.ValidateKey(key); err != nil {
		return blob.Info{}, fmt.Errorf("put object: %w", err)
	}
	if contentType == "" {
		contentType = untyped
	}
	info, err := b.put(ctx, key, &source{inner: body, ctx: ctx, size: size, sum: sha256.New()}, contentType)
	if err != nil {
		return blob.Info{}, fmt.Errorf("put object %s: %w", key, err)
	}
	return info, nil
}

// put reads as much as goes up in one request to find out whether one does.
func (b *Bucket) put(ctx context.Context, key string, body *source, contentType string) (blob.Info, error) {
	expect := int64(partSize)
	if body.size >= 0 {
		expect = min(body.size, partSize)
	}
	head := bytes.NewBuffer(make([]byte, 0, expect+bytes.MinRead))
	if _, err := head.ReadFrom(io.LimitReader(body, partSize+1)); err != nil {
		return blob.Info{}, err
	}
	info := blob.Info{Key: key, ContentType: contentType}
	called, call := cloud.Follow(ctx)
	var metadata middleware.Metadata
	var err error
	if head.Len() <= partSize {
		info.ETag, metadata, err = b.putWhole(called, key, head.Bytes(), body.sum.Sum(nil), contentType)
	} else {
		info.ETag, metadata, err = b.putParts(called, key, io.MultiReader(head, body), body, contentType)
	}
	if err != nil {
		if body.err != nil {
			return blob.Info{}, body.err // the object is not there: the last part never came
		}
		return blob.Info{}, write(call, err)
	}
	info.Size, info.SHA256 = body.read, hex.EncodeToString(body.sum.Sum(nil))
	if info.Modified, _ = awsmiddleware.GetServerTime(metadata); info.Modified.IsZero() {
		info.Modified = time.Now()
	}
	info.Modified = info.Modified.UTC().Truncate(time.Second)
	return info, nil
}

func (b *Bucket) putWhole(ctx context.Context, key string, content, sum []byte, contentType string) (string, middleware.Metadata, error) {
	answer, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(content), ContentLength: aws.Int64(int64(len(content))),
		ContentType: &contentType, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum)),
	})
	if err != nil {
		return "", middleware.Metadata{}, err
	}
	return aws.ToString(answer.ETag), answer.ResultMetadata, nil
}

func (b *Bucket) putParts(ctx context.Context, key string, all io.Reader, body *source, contentType string) (string, middleware.Metadata, error) {
	input := &transfermanager.UploadObjectInput{Bucket: &b.name, Key: &key, Body: all, ContentType: &contentType}
	if body.size >= 0 {
		input.ContentLength = &body.size // so that there are not more parts than S3 takes
	}
	answer, err := b.manager.UploadObject(ctx, input)
	if err != nil {
		return "", middleware.Metadata{}, err
	}
	return aws.ToString(answer.ETag), answer.ResultMetadata, nil
}

// source is the body that a Put was given. It counts, sums, and fails at the end
// of a body of another length than announced, before the object can be whole.
type source struct {
	inner io.Reader
	ctx   context.Context //nolint:containedctx // a reader has no other place for it
	size  int64           // announced, or -1
	sum   hash.Hash
	read  int64
	err   error // the one that ended the reading
}

// Read implements [io.Reader].
func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.inner.Read(p)
	_, _ = s.sum.Write(p[:n])
	s.read += int64(n)
	ended := errors.Is(err, io.EOF)
	switch {
	case s.size >= 0 && (s.read > s.size || ended && s.read < s.size):
		s.err = fmt.Errorf("body of %d bytes or more, announced %d: %w", s.read, s.size, blob.ErrInvalid)
	case err != nil && !ended:
		s.err = err
	default:
		return n, err
	}
	return n, s.err
}
