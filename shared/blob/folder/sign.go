package folder

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"roost/shared/blob"
)

// grant is what a signed URL allows.
type grant struct {
	method      string // GET or PUT
	key         string
	expires     int64  // Unix seconds
	filename    string // of GET
	maxSize     int64  // of PUT, bytes
	contentType string // of PUT
}

// The names of the query parameters.
const (
	paramExpires   = "expires"
	paramFilename  = "filename"
	paramMaxSize   = "max_size_bytes"
	paramType      = "content_type"
	paramSignature = "signature"
)

// SignGet implements [blob.Bucket].
func (f *Folder) SignGet(_ context.Context, key string, expiry time.Duration, filename string) (string, time.Time, error) {
	if err := blob.ValidateSign(key, expiry, filename); err != nil {
		return "", time.Time{}, fmt.Errorf("sign get: %w", err)
	}
	g := grant{method: http.MethodGet, key: key, expires: f.now().Add(expiry).Unix(), filename: filename}
	return f.url(g), time.Unix(g.expires, 0), nil
}

// SignPut implements [blob.Bucket].
func (f *Folder) SignPut(_ context.Context, key string, expiry time.Duration, maxSize int64, contentType string) (string, time.Time, error) {
	err := blob.ValidateSign(key, expiry, contentType)
	if err == nil && maxSize < 1 {
		err = fmt.Errorf("size limit %d: %w", maxSize, blob.ErrInvalid)
	}
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign put: %w", err)
	}
	g := grant{method: http.MethodPut, key: key, expires: f.now().Add(expiry).Unix(), maxSize: maxSize, contentType: contentType}
	return f.url(g), time.Unix(g.expires, 0), nil
}

func (f *Folder) url(g grant) string {
	query := url.Values{paramExpires: {strconv.FormatInt(g.expires, 10)}}
	if g.method == http.MethodPut {
		query.Set(paramMaxSize, strconv.FormatInt(g.maxSize, 10))
		query.Set(paramType, g.contentType)
	}
	if g.filename != "" {
		query.Set(paramFilename, g.filename)
	}
	query.Set(paramSignature, hex.EncodeToString(f.signature(g)))
	u := *f.base
	u.Path += "/" + g.key
	u.RawQuery = query.Encode()
	return u.String()
}

// signature covers every field with its length, so that no two grants have the
// same text.
func (f *Folder) signature(g grant) []byte {
	mac := hmac.New(sha256.New, f.secret)
	for _, field := range []string{
		"roost blob 1", g.method, g.key, strconv.FormatInt(g.expires, 10),
		g.filename, strconv.FormatInt(g.maxSize, 10), g.contentType,
	} {
		fmt.Fprintf(mac, "%d:%s", len(field), field)
	}
	return mac.Sum(nil)
}

// parse reads the grant of a request, without judging it.
func parse(method, key string, query url.Values) (g grant, signature []byte, err error) {
	g = grant{method: method, key: key, filename: query.Get(paramFilename), contentType: query.Get(paramType)}
	if g.expires, err = strconv.ParseInt(query.Get(paramExpires), 10, 64); err != nil {
		return grant{}, nil, err
	}
	if size := query.Get(paramMaxSize); size != "" {
		if g.maxSize, err = strconv.ParseInt(size, 10, 64); err != nil {
			return grant{}, nil, err
		}
	}
	signature, err = hex.DecodeString(query.Get(paramSignature))
	return g, signature, err
}
