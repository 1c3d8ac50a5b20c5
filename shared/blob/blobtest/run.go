// Package blobtest holds the conformance suite of package blob, which every
// adapter must pass.
package blobtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"roost/shared/blob"
)

// Run holds an adapter to the contract of [blob.Bucket]. open returns a bucket
// whose signed URLs are served; it may hold objects already.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Put", testPut},
		{"Replace", testReplace},
		{"FailedPut", testFailedPut},
		{"Keys", testKeys},
		{"InvalidKeys", testInvalidKeys},
		{"Range", testRange},
		{"Delete", testDelete},
		{"List", testList},
		{"ListPages", testListPages},
		{"Atomic", testAtomic},
		{"Canceled", testCanceled},
		{"SignGet", testSignGet},
		{"SignPut", testSignPut},
		{"SignTampered", testSignTampered},
		{"SignExpired", testSignExpired},
		{"SignInvalid", testSignInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&suite{T: t, bucket: open(t), prefix: fmt.Sprintf("%s-%d/", c.name, time.Now().UnixNano())})
		})
	}
}

// suite is one case with a prefix of its own.
type suite struct {
	*testing.T
	bucket blob.Bucket
	prefix string
}

func (s *suite) put(key string, content []byte) blob.Info {
	s.Helper()
	info, err := s.bucket.Put(s.Context(), key, bytes.NewReader(content), int64(len(content)), "text/plain")
	if err != nil {
		s.Fatalf("put: %v", err)
	}
	return info
}

// get returns what is there, and nil if nothing is.
func (s *suite) get(key string) []byte {
	s.Helper()
	content, _, err := s.read(key, blob.Range{})
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err != nil {
		s.Fatalf("get: %v", err)
	}
	return content
}

func (s *suite) read(key string, part blob.Range) ([]byte, blob.Info, error) {
	s.Helper()
	body, info, err := s.bucket.Get(s.Context(), key, part)
	if err != nil {
		return nil, blob.Info{}, err
	}
	content, err := io.ReadAll(body)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	return append([]byte{}, content...), info, err
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error %v, want %v", err, want)
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
