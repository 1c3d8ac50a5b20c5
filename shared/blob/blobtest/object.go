package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/iotest"
	"time"

	"roost/shared/blob"
)

func testPut(s *suite) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for name, content := range map[string][]byte{"empty": {}, "small": []byte("grüße\x00\xff"), "large": large} {
		for _, known := range []bool{true, false} {
			key := fmt.Sprintf("%s%s-%v", s.prefix, name, known)
			size := int64(-1)
			if known {
				size = int64(len(content))
			}
			// A reader that is nothing but a reader.
			put, err := s.bucket.Put(s.Context(), key, iotest.HalfReader(bytes.NewReader(content)), size, "image/png")
			if err != nil {
				s.Fatalf("put %s: %v", name, err)
			}
			if put.Key != key || put.Size != int64(len(content)) || put.ContentType != "image/png" || put.SHA256 != digest(content) ||
				put.ETag == "" || time.Since(put.Modified).Abs() > time.Minute {
				s.Errorf("put %s returns %+v", name, put)
			}
			got, info, err := s.read(key, blob.Range{})
			if err != nil || !bytes.Equal(got, content) {
				s.Errorf("get %s: %d bytes, %v", name, len(got), err)
			}
			if info.Key != key || info.Size != put.Size || info.ContentType != "image/png" || info.ETag != put.ETag ||
				info.SHA256 != "" && info.SHA256 != put.SHA256 || info.Modified.Sub(put.Modified).Abs() > 2*time.Second {
				s.Errorf("get %s returns %+v, put %+v", name, info, put)
			}
		}
	}
}

func testReplace(s *suite) {
	key := s.prefix + "o"
	first := s.put(key, []byte("first, and longer"))
	open, _, err := s.bucket.Get(s.Context(), key, blob.Range{})
	if err != nil {
		s.Fatal(err)
	}
	second := s.put(key, []byte("second"))
	if first.ETag == second.ETag {
		s.Error("the ETag stays while the content changes")
	}
	if got := s.get(key); string(got) != "second" {
		s.Errorf("got %q", got)
	}
	// Who began to read the old one goes on with it.
	if old, err := io.ReadAll(open); err != nil || string(old) != "first, and longer" {
		s.Errorf("open reader: %q, %v", old, err)
	}
	if err := open.Close(); err != nil {
		s.Error(err)
	}
}

func testFailedPut(s *suite) {
	key := s.prefix + "o"
	s.put(key, []byte("before"))
	broken := errors.New("broken pipe")
	for name, put := range map[string]func(key string) error{
		"reader fails": func(key string) error {
			body := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
			_, err := s.bucket.Put(s.Context(), key, body, -1, "")
			if !errors.Is(err, broken) {
				s.Errorf("error %v, want the reader's", err)
			}
			return err
		},
		"too short": func(key string) error {
			_, err := s.bucket.Put(s.Context(), key, strings.NewReader("abc"), 4, "")
			return err
		},
		"too long": func(key string) error {
			_, err := s.bucket.Put(s.Context(), key, strings.NewReader("abcde"), 4, "")
			return err
		},
	} {
		if err := put(key); err == nil {
			s.Errorf("%s: no error", name)
		}
		if got := s.get(key); string(got) != "before" {
			s.Errorf("%s: now %q", name, got)
		}
		if err := put(s.prefix + "fresh"); err == nil {
			s.Errorf("%s: no error", name)
		}
		if got := s.get(s.prefix + "fresh"); got != nil {
			s.Errorf("%s: stored %q", name, got)
		}
	}
	_, err := s.bucket.Put(s.Context(), key, strings.NewReader("abc"), 4, "")
	s.fails(err, blob.ErrInvalid)
}

// oddKeys are next to each other, parts of each other, or hard on a file system.
func oddKeys(prefix string) []string {
	return []string{
		"a", "a/b", "a/b/c", "a%2fb", "a%2Fb", "a%meta", "a%object.x", "a.b", "A", "aB", ".hidden", "..dots", "dots..", "-", "~",
		"with space", "q?x=1&y=2#z", "100%", "back\\slash", "grüße/日本/😀", "con", "a:b*c|d<e>\"f\"", "+plus+",
		strings.Repeat("long", 60) + "/x", strings.Repeat("ü", (blob.MaxKeyLength-len(prefix))/2),
	}
}

func testKeys(s *suite) {
	keys := oddKeys(s.prefix)
	for _, key := range keys {
		s.put(s.prefix+key, []byte("content of "+key))
	}
	for _, key := range keys {
		if got := s.get(s.prefix + key); string(got) != "content of "+key {
			s.Errorf("%q holds %q", key, got)
		}
	}
	want := make([]string, 0, len(keys))
	for _, key := range keys {
		want = append(want, s.prefix+key)
	}
	slices.Sort(want)
	if got := s.list(s.prefix); !slices.Equal(got, want) {
		s.Errorf("listed %q\nwant   %q", got, want)
	}
	if err := s.bucket.Delete(s.Context(), s.prefix+"a"); err != nil {
		s.Error(err)
	}
	if got := s.get(s.prefix + "a/b"); string(got) != "content of a/b" {
		s.Errorf("a/b went with a: %q", got)
	}
}

func testInvalidKeys(s *suite) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a\x00b", "a\nb", "a\xff",
		strings.Repeat("k", blob.MaxKeyLength+1),
	} {
		_, err := s.bucket.Put(s.Context(), key, strings.NewReader("x"), 1, "")
		s.fails(err, blob.ErrInvalid)
		_, _, err = s.bucket.Get(s.Context(), key, blob.Range{})
		s.fails(err, blob.ErrInvalid)
		s.fails(s.bucket.Delete(s.Context(), key), blob.ErrInvalid)
		_, _, err = s.bucket.SignGet(s.Context(), key, time.Minute, "")
		s.fails(err, blob.ErrInvalid)
		_, _, err = s.bucket.SignPut(s.Context(), key, time.Minute, 1, "")
		s.fails(err, blob.ErrInvalid)
	}
	_, err := s.bucket.List(s.Context(), s.prefix, "***")
	if err == nil {
		s.Error("no error for a bad cursor")
	}
}

func testRange(s *suite) {
	key := s.prefix + "o"
	s.put(key, []byte("0123456789"))
	for _, c := range []struct {
		part blob.Range
		want string
	}{
		{blob.Range{}, "0123456789"},
		{blob.Range{Offset: 0, Length: 1}, "0"},
		{blob.Range{Offset: 3}, "3456789"},
		{blob.Range{Offset: 3, Length: 4}, "3456"},
		{blob.Range{Offset: 9, Length: 1}, "9"},
		{blob.Range{Offset: 8, Length: 100}, "89"},
	} {
		got, info, err := s.read(key, c.part)
		if err != nil || string(got) != c.want || info.Size != 10 {
			s.Errorf("%+v = %q of %d, %v, want %q of 10", c.part, got, info.Size, err, c.want)
		}
	}
	for _, part := range []blob.Range{{Offset: 10}, {Offset: 11, Length: 1}} {
		_, _, err := s.read(key, part)
		s.fails(err, blob.ErrRange)
	}
	for _, part := range []blob.Range{{Offset: -1}, {Length: -1}} {
		_, _, err := s.read(key, part)
		s.fails(err, blob.ErrInvalid)
	}
	_, _, err := s.read(s.prefix+"none", blob.Range{Offset: 1})
	s.fails(err, blob.ErrNotFound)
}

func testDelete(s *suite) {
	key := s.prefix + "o"
	for range 2 {
		if err := s.bucket.Delete(s.Context(), key); err != nil {
			s.Errorf("delete what is not there: %v", err)
		}
	}
	s.put(key, []byte("x"))
	if err := s.bucket.Delete(s.Context(), key); err != nil {
		s.Errorf("delete: %v", err)
	}
	if got := s.get(key); got != nil {
		s.Errorf("still %q", got)
	}
	if got := s.list(s.prefix); len(got) != 0 {
		s.Errorf("still listed: %q", got)
	}
	s.put(key, []byte("again"))
}

func testAtomic(s *suite) {
	key := s.prefix + "o"
	contents := make([][]byte, 4)
	for i := range contents {
		contents[i] = bytes.Repeat([]byte{byte('a' + i)}, 10_000+i)
	}
	s.put(key, contents[0])
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for _, content := range contents {
		writers.Go(func() {
			for range 8 {
				if _, err := s.bucket.Put(s.Context(), key, bytes.NewReader(content), int64(len(content)), ""); err != nil {
					s.Errorf("put: %v", err)
				}
			}
		})
	}
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				got, info, err := s.read(key, blob.Range{})
				whole := slices.ContainsFunc(contents, func(c []byte) bool { return bytes.Equal(c, got) })
				if err != nil || !whole || info.Size != int64(len(got)) {
					s.Errorf("read %d bytes of %d (one of those put: %v), %v", len(got), info.Size, whole, err)
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
}

func testCanceled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.bucket.Put(ctx, s.prefix+"o", strings.NewReader("x"), 1, "")
	s.fails(err, context.Canceled)
	_, _, err = s.bucket.Get(ctx, s.prefix+"o", blob.Range{})
	s.fails(err, context.Canceled)
	_, err = s.bucket.List(ctx, s.prefix, "")
	s.fails(err, context.Canceled)
	if got := s.get(s.prefix + "o"); got != nil {
		s.Errorf("stored %q", got)
	}
}
