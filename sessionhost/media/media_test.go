package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/sessionhost/media"
	"roost/shared/blob"
	"roost/shared/blob/folder"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	*media.Keeper
	t      *testing.T
	table  table.Table
	bucket blob.Bucket
}

func open(t *testing.T, set func(*media.Config)) *house {
	t.Helper()
	bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, table: tablesqlite.New(sqlitetest.Open(t, sqlite.Options{})), bucket: bucket}
	cfg := media.Config{Table: h.table, Bucket: bucket, Log: slog.New(slog.DiscardHandler), Patience: time.Minute, FirstPause: time.Nanosecond}
	if set != nil {
		set(&cfg)
	}
	h.Keeper = media.New(cfg)
	return h
}

var keeping = instance.Instance{ID: "i1", Tenant: "default", Settings: instance.Settings{StoreMedia: true}}

// with is a message that carries a file.
func (h *house) with(file string) message.Message {
	sum := sha256.Sum256([]byte(file))
	m := message.Message{ID: "M", Kind: "imageMessage", Media: &message.Media{
		Kind: "image", Mimetype: "image/jpeg", Size: int64(len(file)), SHA256: hex.EncodeToString(sum[:]),
	}}
	m.Media.Blob = h.Key(keeping, m)
	return m
}

// gives fetches a file, after so many failures.
func gives(file string, failures int64) (media.Fetch, *atomic.Int64) {
	var calls atomic.Int64
	return func(_ context.Context, _ message.Message, to *media.File) error {
		if calls.Add(1) <= failures {
			return errors.New("not now")
		}
		_, err := io.WriteString(to, file)
		return err
	}, &calls
}

func (h *house) kept(key string) string {
	h.t.Helper()
	stored, _, err := h.bucket.Get(h.t.Context(), key, blob.Range{})
	if errors.Is(err, blob.ErrNotFound) {
		return ""
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer stored.Close()
	file, err := io.ReadAll(stored)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(file)
}

func (h *house) pending() int {
	h.t.Helper()
	page, err := h.table.Query(h.t.Context(), table.Query{Partition: "media-pending#i1"})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(page.Items)
}

func TestAFileIsKeptOnce(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	m := h.with("picture")
	if m.Media.Blob != "media/default/i1/"+m.Media.SHA256 {
		t.Errorf("key %q", m.Media.Blob)
	}
	fetch, calls := gives("picture", 0)
	for range 2 {
		if err := h.Keep(t.Context(), "i1", m, fetch); err != nil {
			t.Fatal(err)
		}
	}
	if h.kept(m.Media.Blob) != "picture" || calls.Load() != 1 || h.pending() != 0 {
		t.Errorf("%q, %d calls, %d pending", h.kept(m.Media.Blob), calls.Load(), h.pending())
	}
}

func TestAFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	m := h.with("picture")
	fetch, calls := gives("picture", 3)
	if h.Keep(t.Context(), "i1", m, fetch) == nil {
		t.Fatal("kept what could not be fetched")
	}
	next := time.Time{}
	for n := 0; n == 0 || !next.IsZero(); n++ {
		if n == 20 {
			t.Fatal("it never ends")
		}
		var err error
		if next, err = h.Retry(t.Context(), "i1", fetch); err != nil {
			t.Fatal(err)
		}
	}
	if h.kept(m.Media.Blob) != "picture" || calls.Load() != 4 || h.pending() != 0 {
		t.Errorf("%q, %d calls, %d pending", h.kept(m.Media.Blob), calls.Load(), h.pending())
	}
}

// TestAfterAFailureNobodyWaits: the next message's file is noted at once.
func TestAfterAFailureNobodyWaits(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fetch, calls := gives("", 1<<40)
	for _, file := range []string{"a", "b"} {
		if err := h.Keep(t.Context(), "i1", h.with(file), fetch); err == nil {
			t.Errorf("%s is kept", file)
		}
	}
	if calls.Load() != 1 || h.pending() != 2 {
		t.Errorf("%d calls, %d pending", calls.Load(), h.pending())
	}
}

// TestASlowFileDoesNotHoldItsMessage hangs until it is told to stop.
func TestASlowFileDoesNotHoldItsMessage(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *media.Config) { c.Patience = 10 * time.Millisecond })
	hangs := func(ctx context.Context, _ message.Message, _ *media.File) error {
		<-ctx.Done()
		return ctx.Err()
	}
	if h.Keep(t.Context(), "i1", h.with("a"), hangs) == nil || h.pending() != 1 {
		t.Errorf("%d pending", h.pending())
	}
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	gone := func(context.Context, message.Message, *media.File) error { return media.ErrGone }
	if err := h.Keep(t.Context(), "i1", h.with("a"), gone); !errors.Is(err, media.ErrGone) || h.pending() != 0 {
		t.Errorf("gone at once: %v, %d pending", err, h.pending())
	}
	late, _ := gives("", 1)
	if err := h.Keep(t.Context(), "i1", h.with("b"), late); err == nil || h.pending() != 1 {
		t.Errorf("gone later: %v, %d pending", err, h.pending())
	}
	if next, err := h.Retry(t.Context(), "i1", gone); err != nil || !next.IsZero() || h.pending() != 0 {
		t.Errorf("%v, %v, %d pending", next, err, h.pending())
	}
}

// TestTheSameFileForTwoMessages passes it on for each: one of them is done with
// it before the other.
func TestTheSameFileForTwoMessages(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fetch, _ := gives("picture", 2)
	var keys []string
	for _, id := range []string{"A", "B"} {
		m := h.with("picture")
		m.ID = id
		if m.Media.Blob = h.PassingKey("i1", m); m.Media.Blob == "" {
			t.Fatal("no key")
		}
		keys = append(keys, m.Media.Blob)
		if h.Keep(t.Context(), "i1", m, fetch) == nil {
			t.Fatal("kept what could not be fetched")
		}
	}
	if h.pending() != 2 || keys[0] == keys[1] {
		t.Fatalf("%d pending of %v", h.pending(), keys)
	}
	for range 2 {
		if _, err := h.Retry(t.Context(), "i1", fetch); err != nil {
			t.Fatal(err)
		}
	}
	if h.kept(keys[0]) != "picture" || h.kept(keys[1]) != "picture" || h.pending() != 0 {
		t.Errorf("%q, %q, %d pending", h.kept(keys[0]), h.kept(keys[1]), h.pending())
	}
}

// TestAFileThatLiesAboutItsSize is cut off.
func TestAFileThatLiesAboutItsSize(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *media.Config) { c.MaxBytes = 100 })
	fetch, _ := gives(strings.Repeat("x", 1000), 0)
	m := h.with("small")
	if err := h.Store(t.Context(), m, m.Media.Blob, fetch); !errors.Is(err, media.ErrTooLarge) || h.kept(m.Media.Blob) != "" {
		t.Errorf("%v, %q", err, h.kept(m.Media.Blob))
	}
}

func TestFewAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *media.Config) { c.AtOnce = 2 })
	var now, most atomic.Int64
	release := make(chan struct{})
	arrived := make(chan struct{}, 6)
	fetch := func(_ context.Context, m message.Message, to *media.File) error {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		arrived <- struct{}{}
		<-release
		_, err := io.WriteString(to, m.Media.FileName)
		return err
	}
	done := make(chan error, 6)
	for n := range 6 {
		m := h.with(strings.Repeat("a", n+1))
		go func() { done <- h.Store(t.Context(), m, m.Media.Blob, fetch) }()
	}
	<-arrived
	<-arrived
	close(release)
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *media.Config) { c.MaxBytes = 1000 })
	for name, c := range map[string]struct {
		settings instance.Settings
		size     int64
		want     bool
	}{
		"not asked for":   {instance.Settings{}, 5, false},
		"all":             {instance.Settings{StoreMedia: true}, 5, true},
		"too large here":  {instance.Settings{StoreMedia: true, MediaMaxBytes: 1 << 30}, 1001, false},
		"too large":       {instance.Settings{StoreMedia: true, MediaMaxBytes: 4}, 5, false},
		"of another kind": {instance.Settings{StoreMedia: true, MediaTypes: []string{"video"}}, 5, false},
		"of the kind":     {instance.Settings{StoreMedia: true, MediaTypes: []string{"video", "image"}}, 5, true},
	} {
		m := h.with("x")
		m.Media.Size = c.size
		i := keeping
		i.Settings = c.settings
		if got := h.Key(i, m) != ""; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if h.Key(keeping, message.Message{}) != "" {
		t.Error("a message without a file")
	}
}
