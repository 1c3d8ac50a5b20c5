package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"roost/shared/transcript"
	"roost/shared/webhook"
)

const (
	// margin is how long before its claim ends a worker stops.
	margin = 5 * time.Second
	// webhookLife is how long the webhooks of an instance outlive it: until its
	// last events are delivered or given up, a good 75 h after the first try.
	webhookLife = 4 * 24 * time.Hour
)

// Config is what a Handler works with. All fields must be set.
type Config struct {
	Archives    *archive.Repository
	Transcripts *transcript.Repository
	Instances   *instance.Repository
	Webhooks    *webhook.Repository
	Events      *event.Publisher
	Bucket      blob.Bucket
	Log         *slog.Logger
}

// Handler consumes the archive queue.
type Handler struct {
	cfg Config
	now func() time.Time
}

// New makes a handler. It is safe for concurrent use.
func New(cfg Config) *Handler { return &Handler{cfg: cfg, now: time.Now} }

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

// Archive does one job, or what is left of it.
func (h *Handler) Archive(ctx context.Context, job archive.Job) error {
	if job.Instance == "" || job.Tenant == "" {
		return fault.New(fault.Invalid, "the job names no instance")
	}
	if _, err := h.cfg.Archives.Begin(ctx, job); err != nil {
		return err
	}
	claim, err := h.cfg.Archives.Claim(ctx, job.Instance, uuid.NewString())
	if err != nil {
		return err
	}
	work, cancel := context.WithDeadline(ctx, claim.Until.Add(-margin))
	defer cancel()
	err = h.work(work, claim)
	// Only the claim goes: what was done stays done. ctx and not work, whose
	// time may be what has run out.
	if releaseErr := h.cfg.Archives.Release(context.WithoutCancel(ctx), claim); releaseErr != nil {
		h.cfg.Log.WarnContext(ctx, "claim cannot be released", "instance", string(job.Instance), "err", releaseErr)
	}
	return err
}

func (h *Handler) work(ctx context.Context, claim archive.Claim) error {
	record := claim.Record
	if record.State != archive.Done {
		var err error
		if record, err = h.store(ctx, claim); err != nil {
			return err
		}
	}
	if err := h.cfg.Transcripts.Remove(ctx, record.Instance); err != nil {
		return err
	}
	if err := h.bury(ctx, record); err != nil {
		return err
	}
	return h.cfg.Archives.Finish(ctx, record.Instance)
}

// store puts the objects into the bucket and completes the record.
func (h *Handler) store(ctx context.Context, claim archive.Claim) (archive.Record, error) {
	start := h.now()
	i := claim.Record.Instance
	if err := h.cfg.Transcripts.Seal(ctx, i); err != nil {
		return archive.Record{}, err
	}
	m, err := write(ctx, h.cfg.Bucket, claim.Record, h.cfg.Transcripts.All(ctx, i))
	if err != nil {
		return archive.Record{}, err
	}
	record, err := h.cfg.Archives.Complete(ctx, claim, m.Kinds[string(transcript.KindMessage)], m.Transcript.Bytes, m.Transcript.SHA256)
	if err != nil {
		return archive.Record{}, err
	}
	h.cfg.Log.InfoContext(ctx, "transcript archived", "instance", string(i), "lines", m.Lines, "archive_bytes", m.Transcript.Bytes,
		"took_seconds", strconv.FormatFloat(h.now().Sub(start).Seconds(), 'f', 3, 64))
	return record, nil
}

// bury says the last word about the instance and removes what is left of it.
// The webhooks are last to go: they are still to hear it.
func (h *Handler) bury(ctx context.Context, record archive.Record) error {
	i, err := h.cfg.Instances.Update(ctx, record.Instance, func(i *instance.Instance) error {
		if i.State == instance.Deleted {
			return errUnchanged
		}
		if i.State != instance.Deleting {
			if err := i.Move(instance.Deleting, i.Reason); err != nil {
				return err
			}
		}
		return i.Move(instance.Deleted, i.Reason)
	})
	switch {
	case errors.Is(err, errUnchanged):
		i, err = h.cfg.Instances.Get(ctx, record.Instance)
	case fault.KindOf(err) == fault.NotFound: // a job that comes again
		i, err = instance.Instance{}, nil
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err := h.publish(ctx, record, i); err != nil {
		return err
	}
	if err := h.cfg.Webhooks.Retire(ctx, record.Instance, h.now().Add(webhookLife)); err != nil {
		return err
	}
	if i.ID == "" {
		return nil
	}
	return h.cfg.Instances.Remove(ctx, i)
}

var errUnchanged = errors.New("nothing to change")

func (h *Handler) publish(ctx context.Context, record archive.Record, i instance.Instance) error {
	body, err := json.Marshal(event.Lifecycle{Reason: i.Reason})
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	kind := event.InstanceRemoved
	return h.cfg.Events.Publish(ctx, event.Event{
		ID:     event.NewID(string(record.Instance), string(kind)), // happens once
		Tenant: record.Tenant, Instance: record.Instance, Name: record.Name, Kind: kind, At: h.now().UTC(), Body: body,
	})
}
