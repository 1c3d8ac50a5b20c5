// Package archive is the way of an instance's transcript into the bucket: the
// job that asks for it, and the record of how far it has come. The record is
// what the API waits for and signs URLs from; it outlives the instance.
package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/tenant"
)

// Queue is the queue of jobs: FIFO by instance.
const Queue = "archive"

// Options are those of the archive queue. Visibility is longer than a function
// may run (Lambda: 15 min), and than [Term], so that a job whose worker died
// finds the record free when it comes back.
var Options = queue.Options{MaxReceives: 10, DeadLetter: "archive-dead", Visibility: Slice + 4*time.Minute}

// Slice is how long a worker goes on before it puts the rest of its job onto the
// queue again. A Lambda function ends at 15 min.
const Slice = 12 * time.Minute

// Term is how long a worker may hold a record without a word. Each step that it
// stores begins a new term; one whose term is over has stopped.
const Term = 110 * time.Second

// retell is how often, at most, the same job can be put onto the queue.
const retell = 10 * time.Minute

// State is how far an archive has come.
type State string

// The states.
const (
	Pending State = "pending" // accepted; Progress tells how far it is
	Done    State = "done"    // the objects are stored, and what follows is removal only
)

// Job asks for the archive of an instance that is being deleted: its host has
// let go of it, and its name may be released. A live one asks for an export of
// an instance that goes on.
type Job struct {
	Tenant   tenant.ID   `json:"tenant"`
	Instance instance.ID `json:"instance"`
	Name     string      `json:"name"` // of the instance, for events and the manifest
	At       time.Time   `json:"at"`   // when it was accepted; names the objects
	Live     bool        `json:"live,omitempty"`
}

// Ref names the record of the job.
func (j Job) Ref() Ref { return Ref{j.Instance, j.Live} }

// Ref names a record: an instance has one of its end, and one of its latest
// export.
type Ref struct {
	Instance instance.ID
	Live     bool
}

// Record is what becomes of a Job.
type Record struct {
	Tenant   tenant.ID
	Instance instance.ID
	Name     string
	At       time.Time // when the job was accepted
	Live     bool

	State       State
	Key         string // of the transcript in the bucket: JSON Lines, gzip
	ManifestKey string
	PageKey     string // of the page for people: HTML
	Progress    Progress

	// Known when Done.
	Messages int64  // lines of the transcript that are messages
	Files    int64  // of messages, that were kept
	Bytes    int64  // of the object
	SHA256   string // of the object, lower-case hex
	DoneAt   time.Time
	Expires  time.Time // when the objects go, zero for never
}

// Ref names the record.
func (r Record) Ref() Ref { return Ref{r.Instance, r.Live} }

// Progress is how far the lines of a transcript have been stored, and where the
// next worker goes on. The zero value is the beginning.
type Progress struct {
	Done, Total int64 // lines; Total is 0 until they have been counted
	Parts       int   // objects that hold the lines so far
	// Chat and After are the last line's chat and place in it.
	Chat, After string
	Checksum    uint32 // CRC-32 of the lines so far, as gzip wants it at the end
	Size        int64  // of the lines so far, in bytes
	Whole       bool   // all lines are in parts
}

// newRecord names the objects of a job.
func newRecord(j Job) Record {
	at := j.At.UTC().Truncate(time.Millisecond)
	stem := Prefix(j.Tenant, j.Instance) + at.Format("20060102T150405.000Z")
	return Record{
		Tenant: j.Tenant, Instance: j.Instance, Name: j.Name, At: at, Live: j.Live,
		State: Pending, Key: stem + objectSuffix, ManifestKey: stem + ".manifest.json", PageKey: stem + ".index.html",
	}
}

const objectSuffix = ".jsonl.gz"

// Prefix is what the keys of all archives of an instance begin with.
func Prefix(t tenant.ID, i instance.ID) string {
	return "transcripts/" + string(t) + "/" + string(i) + "/"
}

// MediaPrefix is what the keys of all media of an instance begin with. The rest
// is the SHA-256 of the file in lower-case hex.
func MediaPrefix(t tenant.ID, i instance.ID) string {
	return "media/" + string(t) + "/" + string(i) + "/"
}

// Stem is what the keys of the record's objects begin with.
func (r Record) Stem() string { return strings.TrimSuffix(r.Key, objectSuffix) }

// PartPrefix is what the keys of the record's parts begin with. They are there
// while it is being written.
func (r Record) PartPrefix() string { return r.Stem() + ".parts/" }

// Job gives the record's job again.
func (r Record) Job() Job {
	return Job{Tenant: r.Tenant, Instance: r.Instance, Name: r.Name, At: r.At, Live: r.Live}
}

// Enqueue puts a job onto q, the queue called [Queue]. The same job again within
// ten minutes adds nothing, mostly. Call [Repository.Begin] first, so that a job
// that is lost is found again.
func Enqueue(ctx context.Context, q queue.Queue, j Job, now time.Time) error {
	slot := strconv.FormatInt(now.UnixNano()/int64(retell), 36)
	return enqueue(ctx, q, j, "slot."+slot)
}

// Continue puts the rest of a job onto q, after a slice of it was done.
func Continue(ctx context.Context, q queue.Queue, j Job, now time.Time) error {
	return enqueue(ctx, q, j, "after."+strconv.FormatInt(now.UnixNano(), 36))
}

func enqueue(ctx context.Context, q queue.Queue, j Job, which string) error {
	body, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("marshal archive job: %w", err)
	}
	if j.Live {
		which = "live." + which
	}
	message := queue.Message{Group: string(j.Instance), Deduplication: string(j.Instance) + "." + which, Body: body}
	if err := q.Send(ctx, message); err != nil {
		return fmt.Errorf("queue archive of instance %s: %w", j.Instance, err)
	}
	return nil
}
