// Package archive is the way of an instance's transcript into the bucket: the
// job that asks for it, and the record of how far it has come. The record is
// what the API waits for and signs URLs from; it outlives the instance.
package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/tenant"
)

// Queue is the queue of jobs: FIFO by instance.
const Queue = "archive"

// Options are those of the archive queue. Visibility is longer than [Term], so
// that a job whose worker died finds the record free when it comes back.
var Options = queue.Options{MaxReceives: 10, DeadLetter: "archive-dead", Visibility: Term + 10*time.Second}

// Term is how long a worker may hold a record. A worker whose term is over has
// stopped.
const Term = 110 * time.Second

// retell is how often, at most, the same job can be put onto the queue.
const retell = 10 * time.Minute

// State is how far an archive has come.
type State string

// The states.
const (
	Pending State = "pending" // accepted; the transcript is still on the table
	Done    State = "done"    // the objects are stored, and what follows is removal only
)

// Job asks for the archive of an instance that is being deleted: its host has
// let go of it, and its name may be released.
type Job struct {
	Tenant   tenant.ID   `json:"tenant"`
	Instance instance.ID `json:"instance"`
	Name     string      `json:"name"` // of the instance, for events and the manifest
	At       time.Time   `json:"at"`   // when it was accepted; names the objects
}

// Record is what becomes of a Job.
type Record struct {
	Tenant   tenant.ID
	Instance instance.ID
	Name     string
	At       time.Time // when the job was accepted

	State       State
	Key         string // of the transcript in the bucket: JSON Lines, gzip
	ManifestKey string

	// Known when Done.
	Messages int64  // lines of the transcript that are messages
	Bytes    int64  // of the object
	SHA256   string // of the object, lower-case hex
	DoneAt   time.Time
}

// newRecord names the objects of a job.
func newRecord(j Job) Record {
	at := j.At.UTC().Truncate(time.Millisecond)
	stem := "transcripts/" + string(j.Tenant) + "/" + string(j.Instance) + "/" + at.Format("20060102T150405.000Z")
	return Record{
		Tenant: j.Tenant, Instance: j.Instance, Name: j.Name, At: at,
		State: Pending, Key: stem + ".jsonl.gz", ManifestKey: stem + ".manifest.json",
	}
}

// Job gives the record's job again.
func (r Record) Job() Job { return Job{Tenant: r.Tenant, Instance: r.Instance, Name: r.Name, At: r.At} }

// Enqueue puts a job onto q, the queue called [Queue]. The same job again within
// ten minutes adds nothing, mostly. Call [Repository.Begin] first, so that a job
// that is lost is found again.
func Enqueue(ctx context.Context, q queue.Queue, j Job, now time.Time) error {
	body, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("marshal archive job: %w", err)
	}
	slot := strconv.FormatInt(now.UnixNano()/int64(retell), 36)
	message := queue.Message{Group: string(j.Instance), Deduplication: string(j.Instance) + "." + slot, Body: body}
	if err := q.Send(ctx, message); err != nil {
		return fmt.Errorf("queue archive of instance %s: %w", j.Instance, err)
	}
	return nil
}
