package s3

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"roost/shared/blob"
)

const (
	// renewBelow is how long credentials must live at least for a URL that is
	// to live longer, and renewEvery how often they are renewed for it.
	renewBelow = 30 * time.Minute
	renewEvery = time.Minute
	// sessionLife is taken for credentials of a role that do not say when they
	// end.
	sessionLife = time.Hour
)

// SignGet implements [blob.Bucket].
func (b *Bucket) SignGet(ctx context.Context, key string, expiry time.Duration, filename string) (string, time.Time, error) {
	if err := blob.ValidateSign(key, expiry, filename); err != nil {
		return "", time.Time{}, fmt.Errorf("sign get: %w", err)
	}
	input := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if filename != "" {
		input.ResponseContentDisposition = aws.String(mime.FormatMediaType("attachment", map[string]string{"filename": filename}))
	}
	signed, expires, err := b.sign(ctx, expiry, func(options func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
		return b.presign.PresignGetObject(ctx, input, options)
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign get of %s: %w", key, err)
	}
	return signed, expires, nil
}

// SignPut implements [blob.Bucket]. S3 does not hold maxSize.
func (b *Bucket) SignPut(ctx context.Context, key string, expiry time.Duration, maxSize int64, contentType string) (string, time.Time, error) {
	err := blob.ValidateSign(key, expiry, contentType)
	if err == nil && maxSize < 1 {
		err = fmt.Errorf("size limit %d: %w", maxSize, blob.ErrInvalid)
	}
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign put: %w", err)
	}
	input := &s3.PutObjectInput{Bucket: &b.name, Key: &key}
	if contentType != "" { // else it is not signed, and may be any
		input.ContentType = &contentType
	}
	signed, expires, err := b.sign(ctx, expiry, func(options func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
		return b.presign.PresignPutObject(ctx, input, options)
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign put of %s: %w", key, err)
	}
	return signed, expires, nil
}

// sign makes a URL with credentials that outlive it.
func (b *Bucket) sign(ctx context.Context, expiry time.Duration, presign func(func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)) (string, time.Time, error) {
	credentials, err := b.credentials(ctx, expiry)
	if err != nil {
		return "", time.Time{}, err
	}
	expiry = min(expiry, remaining(credentials)).Truncate(time.Second)
	if expiry < time.Second {
		return "", time.Time{}, fmt.Errorf("the credentials have expired: %w", blob.ErrUnavailable)
	}
	request, err := presign(func(o *s3.PresignOptions) {
		o.Expires = expiry
		o.ClientOptions = append(o.ClientOptions, func(o *s3.Options) {
			// The very ones that were looked at, and no checksum: it would be
			// that of an empty upload.
			o.Credentials = fixed(credentials)
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	signed, err := signedAt(request.URL)
	if err != nil {
		return "", time.Time{}, err
	}
	return request.URL, signed.Add(expiry), nil
}

// credentials retrieves some for a URL that is to live for expiry.
func (b *Bucket) credentials(ctx context.Context, expiry time.Duration) (aws.Credentials, error) {
	provider := b.client.Options().Credentials
	if provider == nil {
		return aws.Credentials{}, errors.New("the client has no credentials")
	}
	credentials, err := provider.Retrieve(ctx)
	if cache, ok := provider.(interface{ Invalidate() }); ok && err == nil &&
		credentials.CanExpire && remaining(credentials) < min(expiry, renewBelow) && b.mayRenew() {
		cache.Invalidate()
		credentials, err = provider.Retrieve(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			return aws.Credentials{}, err
		}
		return aws.Credentials{}, fmt.Errorf("retrieve credentials: %w: %w", blob.ErrUnavailable, err)
	}
	return credentials, nil
}

// mayRenew keeps credentials that never live long from being renewed for each
// URL.
func (b *Bucket) mayRenew() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.Sub(b.renewed) >= renewEvery {
		b.renewed = now
		return true
	}
	return false
}

// remaining is how long credentials live.
func remaining(c aws.Credentials) time.Duration {
	switch {
	case c.CanExpire:
		return time.Until(c.Expires)
	case c.SessionToken != "":
		return sessionLife
	}
	return blob.MaxExpiry
}

// fixed provides the same credentials always.
type fixed aws.Credentials

// Retrieve implements [aws.CredentialsProvider].
func (f fixed) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(f), nil }

// signedAt is when a URL says that it was signed.
func signedAt(signed string) (time.Time, error) {
	u, err := url.Parse(signed)
	if err != nil {
		return time.Time{}, fmt.Errorf("signed URL: %w", err)
	}
	at, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("date of the signed URL: %w", err)
	}
	return at, nil
}
