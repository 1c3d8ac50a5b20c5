package export_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"roost/functions/archive/export"
	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/transcript"
)

const (
	faultMessages = 5
	// smallParts makes several parts of so few messages.
	smallParts = 900
	// atOnce is how many runs share the disk: the database commits them together.
	atOnce = 8
)

// id has always the same length, so that compressed pages have too.
func id(kind string, n int) instance.ID { return instance.ID(kind + "-" + strconv.Itoa(10000+n)) }

// sound is an archive without faults: what furnished it, and what it has put
// into the bucket.
type sound struct {
	rows    []table.Item
	objects map[string]string
}

const furnished = "t-10000"

func (h *house) sound() sound {
	h.t.Helper()
	h.furnish(furnished, faultMessages)
	s := sound{rows: h.rows(furnished)}
	job := h.copyOf(s.rows, "s-10000")
	c := h.config(h.table, h.bucket)
	c.PartBytes = smallParts
	if err := export.New(c).Archive(h.t.Context(), job); err != nil {
		h.t.Fatal(err)
	}
	h.check(job, faultMessages)
	s.objects = h.objects(job.Instance)
	record, err := archive.NewRepository(h.table).Get(h.t.Context(), job.Instance)
	if err != nil || record.Progress.Parts < 3 || len(s.objects) != 3 {
		h.t.Fatalf("%d parts, %d objects, %v", record.Progress.Parts, len(s.objects), err)
	}
	return s
}

// mend gives a job until it is done, which must be soon, and compares.
func (h *house) mend(what string, c export.Config, job archive.Job, want map[string]string) {
	h.t.Helper()
	c.PartBytes = smallParts
	handler := export.New(c)
	if handler.Archive(h.t.Context(), job) != nil {
		if err := handler.Archive(h.t.Context(), job); err != nil {
			h.t.Errorf("%s: %v", what, err)
			return
		}
	}
	h.check(job, faultMessages)
	if diff := cmp.Diff(want, h.objects(job.Instance)); diff != "" {
		h.t.Errorf("%s: other bytes: %s", what, diff)
	}
}

// each runs do for 0, 1, 2 ... some at a time, until one reports that there was
// nothing left to do.
func each(do func(n int) (more bool)) int {
	for n := 0; ; n += atOnce {
		var running sync.WaitGroup
		more := make([]bool, atOnce)
		for k := range atOnce {
			running.Go(func() { more[k] = do(n + k) })
		}
		running.Wait()
		for k, m := range more {
			if !m {
				return n + k
			}
		}
	}
}

// long is every way at every call; otherwise each call fails in one way, and
// its neighbours in the others.
var long = os.Getenv("ARCHIVE_LONG") != ""

// TestEveryFaultOfTheTableIsMended lets each call to the table fail in turn and
// gives the job again. Objects must be those of a run without faults, to the
// byte.
func TestEveryFaultOfTheTableIsMended(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sound := h.sound()
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		runs := each(func(at int) bool {
			if turn := []tabletest.Fault{tabletest.Lost, tabletest.Persisted, tabletest.Refused}; !long && turn[at%3] != fault {
				return at < 60 // more calls than there are, or nearly
			}
			job := h.copyOf(sound.rows, id("f"+strconv.Itoa(int(fault)), at))
			more := false
			faulty := &tabletest.Faulty{Inner: h.table, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
				if call == at {
					more = true
					return fault
				}
				return tabletest.Works
			}}
			h.mend("fault "+strconv.Itoa(int(fault))+" at call "+strconv.Itoa(at), h.config(faulty, h.bucket), job, sound.objects)
			return more
		})
		if runs < 20 {
			t.Errorf("fault %d: only %d calls were made", fault, runs)
		}
	}
}

// cut is a bucket that dies once, before or after it has done what it was
// asked.
type cut struct {
	blob.Bucket
	after bool

	mu    sync.Mutex
	left  int // calls until then
	died  bool
	where string
}

func (c *cut) dies(where string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left--
	if c.left == -1 {
		c.died, c.where = true, where
		return true
	}
	return false
}

func (c *cut) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	dies := c.dies("put " + key)
	if dies && !c.after {
		return blob.Info{}, blob.ErrUnknownOutcome
	}
	info, err := c.Bucket.Put(ctx, key, body, size, contentType)
	if dies {
		return blob.Info{}, blob.ErrUnknownOutcome
	}
	return info, err
}

func (c *cut) Get(ctx context.Context, key string, part blob.Range) (io.ReadCloser, blob.Info, error) {
	if c.dies("get " + key) {
		return nil, blob.Info{}, blob.ErrUnavailable
	}
	return c.Bucket.Get(ctx, key, part)
}

func (c *cut) Delete(ctx context.Context, key string) error {
	dies := c.dies("delete " + key)
	if dies && !c.after {
		return blob.ErrUnknownOutcome
	}
	err := c.Bucket.Delete(ctx, key)
	if dies {
		return blob.ErrUnknownOutcome
	}
	return err
}

func (c *cut) List(ctx context.Context, prefix, cursor string) (blob.Page, error) {
	if c.dies("list " + prefix) {
		return blob.Page{}, blob.ErrUnavailable
	}
	return c.Bucket.List(ctx, prefix, cursor)
}

func TestEveryFaultOfTheBucketIsMended(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sound := h.sound()
	for _, after := range []bool{false, true} {
		runs := each(func(at int) bool {
			if !long && (at%2 == 0) == after {
				return at < 40
			}
			job := h.copyOf(sound.rows, id("b"+strconv.FormatBool(after)[:1], at))
			bucket := &cut{Bucket: h.bucket, left: at, after: after}
			h.mend("call "+strconv.Itoa(at)+" "+strconv.FormatBool(after), h.config(h.table, bucket), job, sound.objects)
			return bucket.died
		})
		if runs < 15 {
			t.Errorf("only %d calls were made", runs)
		}
	}
}

// TestNothingGoesBeforeTheObjectsAreStored dies when the manifest, which is the
// last object, is put.
func TestNothingGoesBeforeTheObjectsAreStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := h.furnish("i1", 3)
	lost := &losing{Bucket: h.bucket}
	handler := h.handler(h.table, lost)
	if err := handler.Archive(t.Context(), job); err == nil {
		t.Fatal("the fault was not noticed")
	}
	r := transcript.NewRepository(h.table, h.bucket)
	n := 0
	for _, err := range r.All(t.Context(), "i1") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4 {
		t.Fatalf("%d entries are left before the objects are stored", n)
	}
	body, err := json.Marshal(said(9))
	if err != nil {
		t.Fatal(err)
	}
	late := event.Event{ID: "late", Instance: "i1", Kind: event.MessageReceived, At: start, Body: body}
	if err := r.Store(t.Context(), late); !errors.Is(err, transcript.ErrSealed) {
		t.Fatalf("a message between two tries: %v", err)
	}
	lost.found = true
	if err := handler.Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	h.check(job, 3)
}

type losing struct {
	blob.Bucket
	found bool
}

func (l *losing) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	if !l.found && contentType == "application/json" && len(key) > 14 && key[len(key)-14:] == ".manifest.json" {
		return blob.Info{}, blob.ErrUnavailable
	}
	return l.Bucket.Put(ctx, key, body, size, contentType)
}
