package apitest

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"

	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/queue"
)

// Transcript is what the archiver stores for every instance.
const Transcript = "the transcript"

// Archiver is the far side of the archive queue.
type Archiver struct {
	// Idle lets jobs lie.
	Idle atomic.Bool
	// Files is how many files of messages there were.
	Files atomic.Int64

	archives *archive.Repository
	bucket   blob.Bucket
	jobs     queue.Queue
}

func (a *Archiver) run(ctx context.Context) {
	for ctx.Err() == nil {
		got, err := a.jobs.Receive(ctx, 1, queue.MaxWait, 0)
		if err != nil {
			return
		}
		for _, d := range got {
			var job archive.Job
			if json.Unmarshal(d.Body, &job) == nil && !a.Idle.Load() {
				a.Finish(ctx, job)
			}
			_ = a.jobs.Delete(ctx, d.Receipt)
		}
	}
}

// Finish archives an instance.
func (a *Archiver) Finish(ctx context.Context, job archive.Job) {
	claim, err := a.archives.Claim(ctx, job.Ref(), "archiver")
	if err != nil {
		return
	}
	info, err := a.bucket.Put(ctx, claim.Record.Key, strings.NewReader(Transcript), int64(len(Transcript)), "application/gzip")
	if err != nil {
		return
	}
	_, _ = a.archives.Complete(ctx, claim, archive.Result{Messages: 3, Files: a.Files.Load(), Bytes: info.Size, SHA256: info.SHA256})
}
