package export

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"roost/shared/archive"
	"roost/shared/batch"
	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

const (
	// margin is how long before the end of its context a worker stops.
	margin = 20 * time.Second
	// leastRemoval is how long a slice removes at least, so that there is an end.
	leastRemoval = 5 * time.Second
	// partBytes is how many bytes of lines a part holds, and one line more.
	partBytes = 32 << 20
)

// Config is what a Handler works with. All fields down to Log must be set.
type Config struct {
	Archives    *archive.Repository
	Transcripts *transcript.Repository
	Instances   *instance.Repository
	Webhooks    *webhook.Repository
	Events      *event.Publisher
	Jobs        queue.Queue // the archive queue
	Bucket      blob.Bucket
	Log         *slog.Logger

	// Keep is how long archives stay in the bucket, 0 for ever. The sweep
	// removes them.
	Keep time.Duration
	// Slice is how long one invocation works, 0 for archive.Slice.
	Slice time.Duration
	// PartBytes is how many bytes of lines make a part, 0 for 32 MiB. Another
	// value gives other bytes: it stays while an archive is being written.
	PartBytes int64
}

// Handler consumes the archive queue.
type Handler struct {
	cfg Config
	now func() time.Time
}

// New makes a handler. It is safe for concurrent use.
func New(cfg Config) *Handler {
	if cfg.Slice == 0 {
		cfg.Slice = archive.Slice
	}
	if cfg.PartBytes == 0 {
		cfg.PartBytes = partBytes
	}
	return &Handler{cfg: cfg, now: time.Now}
}

// Handle is the Lambda handler of the archive queue. Jobs of one instance that
// failed come back when their visibility ends.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	return batch.Run(ctx, h.cfg.Log, e, func(ctx context.Context, group []events.SQSMessage) int {
		for n, record := range group {
			var job archive.Job
			err := json.Unmarshal([]byte(record.Body), &job)
			if err == nil {
				err = h.Archive(ctx, job)
			}
			if err != nil {
				h.cfg.Log.ErrorContext(ctx, "archive failed", "instance", string(job.Instance), "receives", batch.Receives(record), "err", err)
				return n
			}
		}
		return len(group)
	}), nil
}

// Archive does one job, or a slice of what is left of it; the rest is on the
// queue then.
func (h *Handler) Archive(ctx context.Context, job archive.Job) error {
	if job.Instance == "" || job.Tenant == "" {
		return fault.New(fault.Invalid, "the job names no instance")
	}
	if _, err := h.cfg.Archives.Begin(ctx, job); err != nil {
		return err
	}
	claim, err := h.cfg.Archives.Claim(ctx, job.Ref(), uuid.NewString())
	if err != nil {
		return err
	}
	end := h.now().Add(h.cfg.Slice)
	if limit, ok := ctx.Deadline(); ok && limit.Add(-margin).Before(end) {
		end = limit.Add(-margin)
	}
	w := &work{Handler: h, claim: claim, end: end}
	err = w.do(ctx)
	// Only the claim goes: what was done stays done. Without ctx's end, which
	// may be what has stopped the work.
	if releaseErr := h.cfg.Archives.Release(context.WithoutCancel(ctx), w.claim); releaseErr != nil {
		h.cfg.Log.WarnContext(ctx, "claim cannot be released", "instance", string(job.Instance), "err", releaseErr)
	}
	if errors.Is(err, errSliceOver) {
		return archive.Continue(ctx, h.cfg.Jobs, job, h.now())
	}
	return err
}

// errSliceOver means that there is more to do than time.
var errSliceOver = errors.New("the slice is over")

// work is one slice of a job.
type work struct {
	*Handler
	claim archive.Claim
	end   time.Time
}

func (w *work) do(ctx context.Context) error {
	ref := w.claim.Record.Ref()
	if w.claim.Record.State != archive.Done {
		if err := w.store(ctx); err != nil {
			return err
		}
	}
	if !ref.Live {
		if err := w.remove(ctx); err != nil {
			return err
		}
		if err := w.bury(ctx, w.claim.Record); err != nil {
			return err
		}
	}
	if err := archive.RemoveObjects(ctx, w.cfg.Bucket, w.claim.Record.PartPrefix()); err != nil {
		return err
	}
	return w.cfg.Archives.Finish(ctx, ref)
}

// store puts the objects into the bucket and completes the record.
func (w *work) store(ctx context.Context) error {
	i := w.claim.Record.Instance
	if !w.claim.Record.Live {
		if err := w.cfg.Transcripts.Seal(ctx, i); err != nil {
			return err
		}
	}
	chats, err := w.plan(ctx)
	if err != nil {
		return err
	}
	for !w.claim.Record.Progress.Whole { // each slice does one part at least
		if err := w.part(ctx, chats); err != nil {
			return err
		}
		if w.over() {
			return errSliceOver
		}
	}
	m, err := w.assemble(ctx, chats)
	if err != nil {
		return err
	}
	result := archive.Result{
		Messages: m.Kinds[string(transcript.KindMessage)], Files: int64(len(m.Media)), Bytes: m.Transcript.Bytes, SHA256: m.Transcript.SHA256, Keep: w.cfg.Keep,
	}
	claim, err := w.cfg.Archives.Complete(ctx, w.claim, result)
	if err != nil {
		return err
	}
	w.claim = claim
	w.cfg.Log.InfoContext(ctx, "transcript archived", "instance", string(i), "live", claim.Record.Live, "lines", m.Lines,
		"archive_bytes", m.Transcript.Bytes, "parts", claim.Record.Progress.Parts,
		"took_seconds", strconv.FormatFloat(w.now().Sub(claim.Record.At).Seconds(), 'f', 3, 64))
	return nil
}

// over reports whether the slice has had its time.
func (w *work) over() bool { return !w.now().Before(w.end) }

// renew begins a new term of the claim when the present one has run for a
// while.
func (w *work) renew(ctx context.Context) error {
	if w.claim.Until.Sub(w.now()) > archive.Term/2 {
		return nil
	}
	claim, err := w.cfg.Archives.Advance(ctx, w.claim, w.claim.Record.Progress)
	if err != nil {
		return err
	}
	w.claim = claim
	return nil
}

// remove takes the transcript off the table, for as long as the slice has time.
func (w *work) remove(ctx context.Context) error {
	for {
		bounded, cancel := context.WithTimeout(ctx, min(max(w.end.Sub(w.now()), leastRemoval), archive.Term/2))
		err := w.cfg.Transcripts.Remove(bounded, w.claim.Record.Instance)
		ended := bounded.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			return nil
		case !ended:
			return err
		case w.over():
			return errSliceOver
		}
		if err := w.renew(ctx); err != nil {
			return err
		}
	}
}
