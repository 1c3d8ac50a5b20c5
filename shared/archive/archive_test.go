package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/archive"
	"roost/shared/blob/folder"
	"roost/shared/fault"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) (*tablesqlite.Table, queue.Queue) {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	q, err := queuesqlite.New(db).Open(t.Context(), archive.Queue, archive.Options)
	if err != nil {
		t.Fatal(err)
	}
	return tablesqlite.New(db), q
}

var job = archive.Job{Tenant: "default", Instance: "i1", Name: "shop", At: time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC)}

func begin(t *testing.T, r *archive.Repository, j archive.Job) archive.Record {
	t.Helper()
	record, err := r.Begin(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestBeginKeepsTheFirstNames(t *testing.T) {
	t.Parallel()
	tbl, _ := open(t)
	r := archive.NewRepository(tbl)
	first := begin(t, r, job)
	want := archive.Record{
		Tenant: "default", Instance: "i1", Name: "shop", At: job.At, State: archive.Pending,
		Key:         "transcripts/default/i1/20261122T100000.005Z.jsonl.gz",
		ManifestKey: "transcripts/default/i1/20261122T100000.005Z.manifest.json",
		PageKey:     "transcripts/default/i1/20261122T100000.005Z.index.html",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	later := job
	later.At = job.At.Add(time.Hour)
	if diff := cmp.Diff(want, begin(t, r, later)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(job, first.Job()); diff != "" {
		t.Error(diff)
	}
	for name, list := range map[string]func() ([]archive.Record, error){
		"tenant":     func() ([]archive.Record, error) { return r.List(t.Context(), "default") },
		"unfinished": func() ([]archive.Record, error) { return r.Unfinished(t.Context()) },
	} {
		if got, err := list(); err != nil || cmp.Diff([]archive.Record{want}, got) != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := r.Finish(t.Context(), job.Ref()); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Unfinished(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("unfinished: %+v, %v", got, err)
	}
	if got, err := r.List(t.Context(), "default"); err != nil || len(got) != 1 {
		t.Errorf("the tenant's archives: %+v, %v", got, err)
	}
	if _, err := r.Get(t.Context(), "other"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("get: %v", err)
	}
}

func TestOneWorkerAtATime(t *testing.T) {
	t.Parallel()
	tbl, _ := open(t)
	r := archive.NewRepository(tbl)
	begin(t, r, job)
	a, err := r.Claim(t.Context(), job.Ref(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Claim(t.Context(), job.Ref(), "b"); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a second claim: %v", err)
	}
	if err := r.Release(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	b, err := r.Claim(t.Context(), job.Ref(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Complete(t.Context(), a, archive.Result{Messages: 1, Bytes: 2, SHA256: "x"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("complete without the claim: %v", err)
	}
	if err := r.Release(t.Context(), a); err != nil { // not a's any more
		t.Fatal(err)
	}
	done, err := r.Complete(t.Context(), b, archive.Result{Messages: 1, Bytes: 2, SHA256: "x"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), "i1")
	if err != nil || cmp.Diff(done.Record, got) != "" || got.State != archive.Done || got.Messages != 1 || got.Bytes != 2 || got.SHA256 != "x" || got.DoneAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCompleteSettlesLostAnswers(t *testing.T) {
	t.Parallel()
	for fault, want := range map[tabletest.Fault]bool{tabletest.Lost: false, tabletest.Persisted: true} {
		tbl, _ := open(t)
		r := archive.NewRepository(tbl)
		begin(t, r, job)
		claim, err := r.Claim(t.Context(), job.Ref(), "a")
		if err != nil {
			t.Fatal(err)
		}
		faulty := archive.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 0 {
				return fault
			}
			return tabletest.Works
		}})
		if _, err := faulty.Complete(t.Context(), claim, archive.Result{Messages: 1, Bytes: 2, SHA256: "x"}); (err == nil) != want {
			t.Errorf("fault %d: %v", fault, err)
		}
	}
}

// blind hides that a table can be watched, as DynamoDB cannot.
type blind struct{ table.Table }

func TestAwait(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]bool{"watched": false, "polled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, _ := open(t)
			var port table.Table = tbl
			if hide {
				port = blind{tbl}
			}
			r := archive.NewRepository(port)
			record := begin(t, r, job)
			short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			seen, err := r.Await(short, job.Ref())
			if fault.KindOf(err) != fault.Unavailable || cmp.Diff(record, seen) != "" {
				t.Errorf("while pending: %+v, %v", seen, err)
			}
			result := make(chan error, 1)
			go func() {
				seen, err := r.Await(t.Context(), job.Ref())
				if err == nil && seen.State != archive.Done {
					err = fault.New(fault.Internal, "state %s", seen.State)
				}
				result <- err
			}()
			record.State = archive.Done
			if err := r.Put(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			if err := <-result; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEnqueueTellsOnceInAWhile(t *testing.T) {
	t.Parallel()
	_, q := open(t)
	now := time.Unix(0, 0).Add(100 * time.Hour)
	for _, after := range []time.Duration{0, time.Minute, 15 * time.Minute} {
		if err := archive.Enqueue(t.Context(), q, job, now.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	depth, err := q.Depth(t.Context())
	if err != nil || depth.Waiting != 2 {
		t.Fatalf("depth %+v, %v", depth, err)
	}
	got, err := q.Receive(t.Context(), 1, 0, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d, %v", len(got), err)
	}
	var read archive.Job
	if err := json.Unmarshal(got[0].Body, &read); err != nil || cmp.Diff(job, read) != "" {
		t.Errorf("%+v, %v", read, err)
	}
}

// TestProgressIsKept holds what a worker that goes on needs, and that only the
// claim's owner writes it.
func TestProgressIsKept(t *testing.T) {
	t.Parallel()
	tbl, _ := open(t)
	r := archive.NewRepository(tbl)
	begin(t, r, job)
	a, err := r.Claim(t.Context(), job.Ref(), "a")
	if err != nil {
		t.Fatal(err)
	}
	p := archive.Progress{Done: 3, Total: 7, Parts: 2, Chat: "49@s.whatsapp.net", After: "1#2#x", Checksum: 1<<32 - 1, Size: 1 << 40, Whole: true}
	if a, err = r.Advance(t.Context(), a, p); err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), "i1")
	if err != nil || got.Progress != p || cmp.Diff(a.Record, got) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := r.Release(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Claim(t.Context(), job.Ref(), "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Advance(t.Context(), a, archive.Progress{}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("advanced without the claim: %v", err)
	}
}

func TestALiveExportTakesTheOldOnesPlace(t *testing.T) {
	t.Parallel()
	tbl, _ := open(t)
	r := archive.NewRepository(tbl)
	live := job
	live.Live = true
	first := begin(t, r, live)
	begin(t, r, job)
	later := live
	later.At = job.At.Add(time.Hour)
	if diff := cmp.Diff(first, begin(t, r, later)); diff != "" {
		t.Errorf("a second export while the first is pending: %s", diff)
	}
	claim, err := r.Claim(t.Context(), live.Ref(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Complete(t.Context(), claim, archive.Result{}); err != nil {
		t.Fatal(err)
	}
	if second := begin(t, r, later); second.State != archive.Pending || second.Key == first.Key || !second.Live {
		t.Errorf("%+v", second)
	}
	if again := begin(t, r, live); !again.At.Equal(later.At) {
		t.Errorf("the first job again made %+v", again)
	}
	if got, err := r.Get(t.Context(), "i1"); err != nil || got.Live {
		t.Errorf("the deletion's record: %+v, %v", got, err)
	}
	if left, err := r.Unfinished(t.Context()); err != nil || len(left) != 2 || left[0].Live == left[1].Live {
		t.Errorf("%+v, %v", left, err)
	}
	if list, err := r.List(t.Context(), "default"); err != nil || len(list) != 1 || list[0].Live {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]time.Duration{"over": time.Nanosecond, "not yet": time.Hour, "never": 0} {
		for _, live := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, live %v", name, live), func(t *testing.T) {
				t.Parallel()
				tbl, _ := open(t)
				bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"})
				if err != nil {
					t.Fatal(err)
				}
				r := archive.NewRepository(tbl)
				j := job
				j.Live = live
				record := begin(t, r, j)
				other := "transcripts/default/i1/20250101T000000.000Z.jsonl.gz"
				media := archive.MediaPrefix("default", "i1") + "abc"
				for _, key := range []string{record.Key, record.ManifestKey, record.PageKey, other, media, "media/default/i10/abc"} {
					if _, err := bucket.Put(t.Context(), key, strings.NewReader("x"), 1, ""); err != nil {
						t.Fatal(err)
					}
				}
				claim, err := r.Claim(t.Context(), j.Ref(), "a")
				if err != nil {
					t.Fatal(err)
				}
				if claim, err = r.Complete(t.Context(), claim, archive.Result{Keep: keep}); err != nil {
					t.Fatal(err)
				}
				if claim.Record.Expires.IsZero() != (keep == 0) {
					t.Errorf("expires %v", claim.Record.Expires)
				}
				expired, err := r.Expired(t.Context(), 10)
				if err != nil || len(expired) == 1 != (name == "over") {
					t.Fatalf("%+v, %v", expired, err)
				}
				for _, gone := range expired {
					for range 2 {
						if err := r.Expire(t.Context(), bucket, gone); err != nil {
							t.Fatal(err)
						}
					}
				}
				left := 6
				if name == "over" {
					left = map[bool]int{false: 1, true: 3}[live]
					if again, err := r.Expired(t.Context(), 10); err != nil || len(again) != 0 {
						t.Errorf("%+v, %v", again, err)
					}
					if list, err := r.List(t.Context(), "default"); err != nil || len(list) != 0 {
						t.Errorf("%+v, %v", list, err)
					}
				}
				if page, err := bucket.List(t.Context(), "", ""); err != nil || len(page.Objects) != left {
					t.Errorf("%d objects are left, %v", len(page.Objects), err)
				}
			})
		}
	}
}
