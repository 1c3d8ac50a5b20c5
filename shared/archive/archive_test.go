package archive_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/archive"
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
	if err := r.Finish(t.Context(), "i1"); err != nil {
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
	a, err := r.Claim(t.Context(), "i1", "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Claim(t.Context(), "i1", "b"); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a second claim: %v", err)
	}
	if err := r.Release(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	b, err := r.Claim(t.Context(), "i1", "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Complete(t.Context(), a, 1, 2, "x"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("complete without the claim: %v", err)
	}
	if err := r.Release(t.Context(), a); err != nil { // not a's any more
		t.Fatal(err)
	}
	done, err := r.Complete(t.Context(), b, 1, 2, "x")
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), "i1")
	if err != nil || cmp.Diff(done, got) != "" || got.State != archive.Done || got.Messages != 1 || got.Bytes != 2 || got.SHA256 != "x" || got.DoneAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCompleteSettlesLostAnswers(t *testing.T) {
	t.Parallel()
	for fault, want := range map[tabletest.Fault]bool{tabletest.Lost: false, tabletest.Persisted: true} {
		tbl, _ := open(t)
		r := archive.NewRepository(tbl)
		begin(t, r, job)
		claim, err := r.Claim(t.Context(), "i1", "a")
		if err != nil {
			t.Fatal(err)
		}
		faulty := archive.NewRepository(&tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 0 {
				return fault
			}
			return tabletest.Works
		}})
		if _, err := faulty.Complete(t.Context(), claim, 1, 2, "x"); (err == nil) != want {
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
			seen, err := r.Await(short, "i1")
			if fault.KindOf(err) != fault.Unavailable || cmp.Diff(record, seen) != "" {
				t.Errorf("while pending: %+v, %v", seen, err)
			}
			result := make(chan error, 1)
			go func() {
				seen, err := r.Await(t.Context(), "i1")
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
