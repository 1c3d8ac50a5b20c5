package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	api "github.com/aws/aws-sdk-go-v2/service/s3"

	"roost/shared/blob"
	"roost/shared/blob/s3"
	"roost/shared/emulator"
)

// attempts is how often a request is tried (cloud.Default).
const attempts = 5

var slowDown = emulator.Answer(http.StatusServiceUnavailable, "application/xml",
	`<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)

func open(t *testing.T) (*s3.Bucket, *emulator.Trouble, *api.Client, string) {
	t.Helper()
	trouble := new(emulator.Trouble)
	client, name := connect(t, trouble.Around)
	return s3.New(client, name), trouble, client, name
}

func content(t *testing.T, b *s3.Bucket, key string) (string, error) {
	t.Helper()
	body, _, err := b.Get(t.Context(), key, blob.Range{})
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(body)
	return string(got), errors.Join(err, body.Close())
}

// Each fault of a put in the pair: not carried out, and carried out although the
// answer was lost. There is the old object or the new one, whole.
func TestPutFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []emulator.Fault
		want   error
		stored string
	}{
		"slow down":      {[]emulator.Fault{slowDown, slowDown}, nil, "new"},
		"slow always":    {emulator.Times(attempts, slowDown), blob.ErrUnavailable, "old"},
		"lost once":      {[]emulator.Fault{emulator.Lost}, nil, "new"},
		"lost always":    {emulator.Times(attempts, emulator.Lost), blob.ErrUnknownOutcome, "new"},
		"unsent always":  {emulator.Times(attempts, emulator.Unsent), blob.ErrUnknownOutcome, "old"},
		"refused always": {emulator.Times(attempts, emulator.Refused), blob.ErrUnavailable, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, trouble, _, _ := open(t)
			if _, err := b.Put(t.Context(), "o", strings.NewReader("old"), 3, ""); err != nil {
				t.Fatal(err)
			}
			trouble.Next(c.faults...)
			_, err := b.Put(t.Context(), "o", iotest.OneByteReader(strings.NewReader("new")), 3, "")
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("put: %v, want %v", err, c.want)
			}
			for _, request := range trouble.Seen() {
				if request.Header.Get("X-Amz-Checksum-Sha256") == "" {
					t.Error("a put without its SHA-256")
				}
			}
			trouble.Next()
			if got, err := content(t, b, "o"); err != nil || got != c.stored {
				t.Errorf("stored %q, %v, want %q", got, err, c.stored)
			}
		})
	}
}

// An object of several parts survives faults of any of its requests.
func TestParts(t *testing.T) {
	t.Parallel()
	b, trouble, client, name := open(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 11<<20/16) // three parts
	for what, size := range map[string]int64{"known": int64(len(large)), "unknown": -1} {
		trouble.Next(emulator.Unsent, emulator.Pass, emulator.Lost, slowDown)
		put, err := b.Put(t.Context(), what, bytes.NewReader(large), size, "text/plain")
		if err != nil || put.Size != int64(len(large)) {
			t.Fatalf("put: %+v, %v", put, err)
		}
		trouble.Next()
		got, err := content(t, b, what)
		if err != nil || got != string(large) {
			t.Errorf("%s size: %d bytes, %v", what, len(got), err)
		}
	}
	// A body that ends too early, too late or with an error leaves no object, and
	// no parts either.
	broken := errors.New("broken pipe")
	for what, c := range map[string]struct {
		body io.Reader
		size int64
		want error
	}{
		"too short": {bytes.NewReader(large), int64(len(large)) + 1, blob.ErrInvalid},
		"too long":  {bytes.NewReader(large), int64(len(large)) - 1, blob.ErrInvalid},
		"broken":    {io.MultiReader(bytes.NewReader(large), iotest.ErrReader(broken)), -1, broken},
	} {
		if _, err := b.Put(t.Context(), "half", c.body, c.size, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := content(t, b, "half"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: get: %v", what, err)
		}
	}
	// So does a bucket that takes no more.
	trouble.Next(append([]emulator.Fault{emulator.Pass}, emulator.Times(4*attempts, partFails)...)...)
	if _, err := b.Put(t.Context(), "half", bytes.NewReader(large), -1, ""); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("put when S3 takes no parts: %v", err)
	}
	trouble.Next()
	if _, err := content(t, b, "half"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	left, err := client.ListMultipartUploads(t.Context(), &api.ListMultipartUploadsInput{Bucket: &name})
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("%d uploads are left, %v", len(left.Uploads), err)
	}
}

// partFails does not reach S3 with parts and lets the rest pass.
func partFails(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	if request.URL.Query().Has("partNumber") {
		return emulator.Refused(request, next)
	}
	return next.RoundTrip(request)
}

// A download that breaks is an error and never a shorter object.
func TestGetBreaks(t *testing.T) {
	t.Parallel()
	b, trouble, _, _ := open(t)
	body := strings.Repeat("x", 100_000)
	if _, err := b.Put(t.Context(), "o", strings.NewReader(body), -1, ""); err != nil {
		t.Fatal(err)
	}
	trouble.Next(emulator.Cut(1000))
	if got, err := content(t, b, "o"); !errors.Is(err, blob.ErrUnavailable) || len(got) != 1000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	trouble.Next(emulator.Times(attempts, emulator.Lost)...)
	if _, err := content(t, b, "o"); !errors.Is(err, blob.ErrUnavailable) || errors.Is(err, blob.ErrUnknownOutcome) {
		t.Errorf("all answers lost: %v", err)
	}
	trouble.Next(slowDown)
	if got, err := content(t, b, "o"); err != nil || got != body {
		t.Errorf("after one refusal: %d bytes, %v", len(got), err)
	}
	// What arrives damaged does not pass for the object: S3, other than moto,
	// tells the SHA-256 of what was put with it.
	sum := sha256.Sum256([]byte(body))
	trouble.Next(func(request *http.Request, next http.RoundTripper) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil {
			response.Header.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
			response.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(strings.NewReader("y"), io.LimitReader(response.Body, int64(len(body)-1))), response.Body}
		}
		return response, err
	})
	if _, err := content(t, b, "o"); err == nil {
		t.Error("a damaged object was read without an error")
	}
}

func TestDeleteFaults(t *testing.T) {
	t.Parallel()
	b, trouble, _, _ := open(t)
	for want, fault := range map[error]emulator.Fault{blob.ErrUnknownOutcome: emulator.Lost, blob.ErrUnavailable: emulator.Refused} {
		trouble.Next(emulator.Times(attempts, fault)...)
		if err := b.Delete(t.Context(), "o"); !errors.Is(err, want) {
			t.Errorf("delete: %v, want %v", err, want)
		}
	}
}
