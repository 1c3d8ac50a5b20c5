package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	managertypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"roost/shared/blob"
	"roost/shared/cloud"
)

const (
	partSize       = 5 << 20 // bytes, the least that S3 takes
	partsAtOnce    = 2
	attemptTimeout = time.Minute
	abortTimeout   = 10 * time.Second // for removing the parts of a failed upload
)

// Bucket is a bucket of S3, or those of its keys that Roost uses.
type Bucket struct {
	client  *s3.Client
	manager *transfermanager.Client
	presign *s3.PresignClient
	name    string

	mu      sync.Mutex // guards renewed
	renewed time.Time  // when credentials were last renewed for a URL
}

var _ blob.Bucket = (*Bucket)(nil)

// New returns the bucket of that name. Of the client it keeps everything but how
// often requests are tried; see the package comment.
func New(client *s3.Client, bucket string) *Bucket {
	policy := cloud.Default()
	policy.Attempt = attemptTimeout
	policy.Streams = []string{"GetObject"}
	retryer := policy.Retryer()
	bounded := s3.New(client.Options(), func(o *s3.Options) {
		o.Retryer = retryer
		o.DisableLogOutputChecksumValidationSkipped = true // ranges and objects of parts have none
		o.APIOptions = append(o.APIOptions, policy.Options(o.Credentials)...)
	})
	return &Bucket{
		client: bounded,
		manager: transfermanager.New(bounded, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = partSize, partSize, partsAtOnce
			o.ChecksumAlgorithm = managertypes.ChecksumAlgorithmSha256
			o.FailTimeout = abortTimeout
		}),
		presign: s3.NewPresignClient(bounded),
		name:    bucket,
	}
}

// Delete implements [blob.Bucket].
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := blob.ValidateKey(key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	ctx, call := cloud.Follow(ctx)
	if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		return fmt.Errorf("delete object %s: %w", key, write(call, err))
	}
	return nil
}

// List implements [blob.Bucket]. The cursor is the last key of the page before.
func (b *Bucket) List(ctx context.Context, prefix, cursor string) (blob.Page, error) {
	input := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(blob.MaxPage)}
	if cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			return blob.Page{}, fmt.Errorf("list objects from %q: %w", cursor, blob.ErrInvalid)
		}
		input.StartAfter = aws.String(string(last))
	}
	ctx, call := cloud.Follow(ctx)
	answer, err := b.client.ListObjectsV2(ctx, input)
	if err != nil {
		return blob.Page{}, fmt.Errorf("list objects: %w", read(call, err))
	}
	page := blob.Page{Objects: make([]blob.Info, 0, len(answer.Contents))}
	for _, object := range answer.Contents {
		page.Objects = append(page.Objects, blob.Info{
			Key: aws.ToString(object.Key), Size: aws.ToInt64(object.Size),
			ETag: aws.ToString(object.ETag), Modified: aws.ToTime(object.LastModified),
		})
	}
	if n := len(page.Objects); aws.ToBool(answer.IsTruncated) && n > 0 {
		page.Cursor = base64.RawURLEncoding.EncodeToString([]byte(page.Objects[n-1].Key))
	}
	return page, nil
}

// write turns the error of a call into the port's.
func write(call *cloud.Call, err error) error {
	return call.Classify(err, blob.ErrUnknownOutcome, blob.ErrUnavailable)
}

// read does so for calls that change nothing, of which a lost answer is no more
// than unavailable.
func read(call *cloud.Call, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchKey":
			return fmt.Errorf("%w: %w", blob.ErrNotFound, err)
		case "InvalidRange":
			return fmt.Errorf("%w: %w", blob.ErrRange, err)
		}
	}
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if ok && response.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable {
		return fmt.Errorf("%w: %w", blob.ErrRange, err)
	}
	return call.Classify(err, blob.ErrUnavailable, blob.ErrUnavailable)
}

// digest is S3's checksum of a whole object in hex, or nothing if it is that of
// parts.
func digest(checksum *string) string {
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(checksum))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum)
}

// whole is the size of an object of which this was the range, if it was one.
func whole(length *int64, contentRange *string) (int64, error) {
	if contentRange == nil {
		return aws.ToInt64(length), nil
	}
	_, total, _ := strings.Cut(*contentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("range %q: %w", *contentRange, err)
	}
	return size, nil
}
