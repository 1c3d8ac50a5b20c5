package export_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/archive/export"
	"roost/shared/archive"
	"roost/shared/batch"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/transcript"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	for _, messages := range []int{0, 1, 20} {
		t.Run(strconv.Itoa(messages), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			job := h.furnish("i1", messages)
			if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
				t.Fatal(err)
			}
			got, err := h.jobs.Receive(t.Context(), 1, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			handler := h.handler(h.table, h.bucket)
			for range 2 { // delivered twice
				response, err := handler.Handle(t.Context(), batch.Event(got...))
				if err != nil || len(response.BatchItemFailures) != 0 {
					t.Fatalf("%+v, %v", response, err)
				}
				h.check(job, messages)
			}
			if diff := cmp.Diff([]string{"instance.removed i1 shop-i1"}, h.published()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := h.furnish("i1", 4)
	if _, err := h.bucket.Put(t.Context(), archive.MediaPrefix("default", "i1")+"2cf24dba", strings.NewReader("hello"), 5, "text/plain"); err != nil {
		t.Fatal(err)
	}
	if err := h.handler(h.table, h.bucket).Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	record, err := archive.NewRepository(h.table).Get(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	page := h.read(record.PageKey)
	want := fmt.Sprintf(`{
  "schemaVersion": 2,
  "tenant": "default",
  "instance": "i1",
  "name": "shop-i1",
  "acceptedAt": "2026-11-22T10:00:00Z",
  "live": false,
  "transcript": {
    "key": "transcripts/default/i1/20261122T100000.000Z.jsonl.gz",
    "bytes": %d,
    "sha256": %q
  },
  "page": {
    "key": "transcripts/default/i1/20261122T100000.000Z.index.html",
    "bytes": %d,
    "sha256": "%x"
  },
  "lines": 5,
  "kinds": {
    "message": 4,
    "status": 1
  },
  "chats": {
    "49150@s.whatsapp.net": 3,
    "49151@s.whatsapp.net": 1,
    "49152@s.whatsapp.net": 1
  },
  "first": "2026-11-22T10:00:00Z",
  "last": "2026-11-22T11:00:00Z",
  "media": [
    {
      "key": "media/default/i1/2cf24dba",
      "bytes": 5,
      "sha256": "2cf24dba"
    }
  ]
}
`, record.Bytes, record.SHA256, len(page), sha256.Sum256(page))
	if diff := cmp.Diff(want, string(h.read(record.ManifestKey))); diff != "" {
		t.Error(diff)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(h.read(record.Key)))
	if err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(unzipped).ReadString('\n')
	line := `{"id":"ev-M0","kind":"message","chat":"49150@s.whatsapp.net","at":"2026-11-22T10:00:00Z","status":"READ","body":{"id":"M0","chat":{"pn":"49150@s.whatsapp.net"},"sender":{"pn":"49150@s.whatsapp.net"},"timestamp":"2026-11-22T10:00:00Z","kind":"conversation","text":`
	if err != nil || !strings.HasPrefix(first, line) {
		t.Errorf("%s, %v", first, err)
	}
}

func TestAWorkerWaitsForAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := h.furnish("i1", 3)
	r := archive.NewRepository(h.table)
	if _, err := r.Begin(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	claim, err := r.Claim(t.Context(), job.Ref(), "another")
	if err != nil {
		t.Fatal(err)
	}
	handler := h.handler(h.table, h.bucket)
	if err := handler.Archive(t.Context(), job); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("two workers at once: %v", err)
	}
	if err := r.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if err := handler.Archive(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	h.check(job, 3)
}

func TestGarbledJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, body := range []string{"{", "{}", `{"instance":"i1"}`} {
		e := batch.Event(queue.Delivery{ID: "1", Message: queue.Message{Group: "g", Body: []byte(body)}})
		response, err := h.handler(h.table, h.bucket).Handle(t.Context(), e)
		if err != nil || len(response.BatchItemFailures) != 1 {
			t.Errorf("%s: %+v, %v", body, response, err)
		}
	}
}

// work takes jobs off the queue until there are none, and returns how many
// there were.
func (h *house) work(handler *export.Handler) int {
	h.t.Helper()
	for n := 0; ; n++ {
		got, err := h.jobs.Receive(h.t.Context(), 1, h.wait, archive.Options.Visibility)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(got) == 0 {
			return n
		}
		response, err := handler.Handle(h.t.Context(), batch.Event(got...))
		if err != nil || len(response.BatchItemFailures) != 0 {
			h.t.Fatalf("%+v, %v", response, err)
		}
		if err := h.jobs.Delete(h.t.Context(), got[0].Receipt); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestSlices gives a worker no time: each invocation does one part and asks to
// be called again. The objects are those of one long run.
func TestSlices(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sound := h.sound()
	job := h.copyOf(sound.rows, id("c", 0))
	if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
		t.Fatal(err)
	}
	c := h.config(h.table, h.bucket)
	c.PartBytes, c.Slice = smallParts, 1
	if n := h.work(export.New(c)); n < 3 {
		t.Errorf("only %d slices", n)
	}
	h.check(job, faultMessages)
	if diff := cmp.Diff(sound.objects, h.objects(job.Instance)); diff != "" {
		t.Error(diff)
	}
}

// TestExportOfALiveInstance leaves everything where it is, and can be had again.
func TestExportOfALiveInstance(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.furnish("i1", 3)
	r := archive.NewRepository(h.table)
	c := h.config(h.table, h.bucket)
	c.Keep = time.Hour
	before := []archive.Record{}
	for n, messages := range []int64{2, 3} {
		// said's arrivals are a second apart: the first export is asked for between two.
		job := archive.Job{Tenant: "default", Instance: "i1", Name: "shop", At: start.Add(time.Duration(n+1) * 1500 * time.Millisecond), Live: true}
		for range 2 { // the same job again does nothing
			if err := export.New(c).Archive(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		record, err := r.Export(t.Context(), "i1")
		if err != nil || record.State != archive.Done || record.Messages != messages || record.Progress.Done != record.Progress.Total {
			t.Fatalf("%+v, %v", record, err)
		}
		if got := h.objects("i1"); len(got) != 3*(n+1) {
			t.Errorf("%d objects", len(got))
		}
		before = append(before, record)
	}
	if before[0].Key == before[1].Key {
		t.Error("the second export has taken the first one's place")
	}
	if _, err := r.Get(t.Context(), "i1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an archive of a deletion: %v", err)
	}
	n := 0
	for _, err := range transcript.NewRepository(h.table, h.bucket).All(t.Context(), "i1") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	i, err := instance.NewRepository(h.table).Get(t.Context(), "i1")
	if err != nil || n != 4 || len(h.published()) != 0 {
		t.Errorf("%d entries left, instance %+v, %v", n, i, err)
	}
	if left, err := r.Unfinished(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
