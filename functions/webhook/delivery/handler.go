package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"roost/functions/webhook/evolution"
	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/blob"
	"roost/shared/coalesce"
	"roost/shared/event"
	"roost/shared/queue"
	"roost/shared/table"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
	// patience is how long one subscription may take for the events of a batch,
	// or a wake-up for its lane, before the next call is left to a wake-up.
	patience = 5 * time.Second
)

// Timeout is what one call of Handle may take: patience, the call that is under
// way when it ends, and the table.
const Timeout = 30 * time.Second

// Visibility is how long a consumer should hide the records it hands to a
// Handler (AWS advises six times the function's time limit).
const Visibility = 6 * Timeout

// Config is what a Handler works with. All but the last block must be set.
type Config struct {
	Table       table.Table // on which these three are
	Transcripts *transcript.Repository
	Webhooks    *webhook.Repository
	Backlog     *backlog.Repository
	Wakeups     queue.Queue // the one called backlog.Queue
	Events      *event.Publisher
	Bucket      blob.Bucket
	Client      *http.Client // see NewClient
	ServerURL   string       // of the API, as payloads name it
	Log         *slog.Logger

	// Formats by the names that subscriptions call them. Evolution's is there
	// without being named.
	Formats map[string]format.Format
	// Postpone hides a record of the events queue, by its receipt, for the
	// pause that it earned, and Hold a wake-up: ChangeVisibility of their
	// queues. Without them whoever calls Handle applies Backoff to the events
	// that failed, and wake-ups come when their visibility ends.
	Postpone func(ctx context.Context, receipt string, pause time.Duration) error
	Hold     func(ctx context.Context, receipt string, pause time.Duration) error
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Handler consumes the events queue and the queue of wake-ups.
type Handler struct {
	cfg     Config
	formats map[string]format.Format
	now     func() time.Time
	pause   func(attempts int, asked time.Duration) (time.Duration, bool)
	notes   *coalesce.Coalescer[backlog.Note]
}

// maxNotes is how many notes of deliveries go together, each of two items: no
// more than BatchWriteItem takes.
const maxNotes = 12

// New makes a handler. It is safe for concurrent use.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg, formats: map[string]format.Format{webhook.FormatEvolution: evolution.Calls}, now: cfg.Now, pause: backlog.Pause}
	maps.Copy(h.formats, cfg.Formats)
	if h.now == nil {
		h.now = time.Now
	}
	h.notes = coalesce.New(maxNotes, func(ctx context.Context, notes []backlog.Note) error { return h.cfg.Backlog.Record(ctx, notes...) })
	return h
}

// Backoff is how long a record that has failed waits, by how often it was
// received: 5, 10, 20 ... 300 s. What fails here is Roost's own: a table that
// does not answer, an event that cannot be read.
func Backoff(receives int) time.Duration {
	pause := firstPause
	for range receives - 1 {
		if pause = min(pause*2, longestPause); pause == longestPause {
			break
		}
	}
	return pause
}

// Handle is the Lambda handler of both queues.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	in := h.take(ctx, e.Records)
	return batch.Run(ctx, h.cfg.Log, e, func(ctx context.Context, records []events.SQSMessage) int {
		if backlog.IsWakeup([]byte(records[0].Body)) {
			return h.wakeups(ctx, records)
		}
		return h.chat(ctx, in, records)
	}), nil
}

// chat handles the events of one chat in order, and answers how many are done.
func (h *Handler) chat(ctx context.Context, in *intake, records []events.SQSMessage) int {
	told := make([]*arrival, 0, len(records))
	for _, record := range records {
		a := in.of(ctx, h, record)
		if err := h.keep(ctx, a); err != nil {
			h.cfg.Log.ErrorContext(ctx, "event cannot be kept", "record", record.MessageId, "event", a.event.ID, "receives", batch.Receives(record), "err", err)
			break // what comes after must not be kept before it
		}
		told = append(told, a)
	}
	done := 0
	if len(told) > 0 {
		var err error
		if done, err = h.tell(ctx, in.around, told); err != nil {
			h.cfg.Log.ErrorContext(ctx, "event cannot be taken", "record", records[done].MessageId, "event", told[done].event.ID,
				"receives", batch.Receives(records[done]), "err", err)
		}
		for _, a := range told[:done] {
			h.dispose(ctx, a.event)
		}
	}
	if done < len(records) {
		h.postpone(ctx, records[done:])
	}
	return done
}

// postpone lets a chat wait for as long as its first record has earned.
func (h *Handler) postpone(ctx context.Context, records []events.SQSMessage) {
	if h.cfg.Postpone == nil {
		return
	}
	pause := Backoff(batch.Receives(records[0]))
	for _, record := range records {
		if err := h.cfg.Postpone(ctx, record.ReceiptHandle, pause); err != nil {
			h.cfg.Log.WarnContext(ctx, "record cannot be postponed", "record", record.MessageId, "err", err)
		}
	}
}

// keep stores what the transcript wants to know. What comes after the
// transcript has gone into its archive is laid beside that.
func (h *Handler) keep(ctx context.Context, a *arrival) error {
	if a.err != nil || a.kept {
		return a.err
	}
	var err error
	a.fresh, err = h.cfg.Transcripts.StorePrepared(ctx, a.prepared)
	if !errors.Is(err, transcript.ErrSealed) {
		return err
	}
	e := a.event
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("marshal a late event: %w", err)
	}
	key := "transcripts/" + string(e.Tenant) + "/" + string(e.Instance) + "/late/" + e.ID + ".json"
	if _, err := h.cfg.Bucket.Put(ctx, key, bytes.NewReader(body), int64(len(body)), "application/json"); err != nil {
		return fmt.Errorf("store a late event: %w", err)
	}
	return nil
}
