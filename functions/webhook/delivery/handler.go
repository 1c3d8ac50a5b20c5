package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"roost/functions/webhook/evolution"
	"roost/shared/batch"
	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/table"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
	// markLife is how long it is known which subscriptions have had an event:
	// far longer than the queue tries.
	markLife = 24 * time.Hour
	// maxMedia is how large a file may be inside a payload, in bytes.
	maxMedia = 32 << 20
)

// Visibility is how long a consumer should hide the records it hands to a
// Handler: ten of one chat, with a receiver that uses its whole time limit for
// each.
const Visibility = 10*limit + 30*time.Second

// Config is what a Handler works with. All but ServerURL and Postpone must be
// set.
type Config struct {
	Transcripts *transcript.Repository
	Webhooks    *webhook.Repository
	Table       table.Table // for what was delivered
	Bucket      blob.Bucket
	Client      *http.Client // see NewClient
	ServerURL   string       // of the API, as payloads name it
	Log         *slog.Logger

	// Postpone hides a record, by its receipt, for the pause that it earned:
	// ChangeVisibility of its queue. Without it whoever calls Handle applies
	// Backoff to the failures.
	Postpone func(ctx context.Context, receipt string, pause time.Duration) error
}

// Handler consumes the events queue.
type Handler struct {
	cfg Config
	now func() time.Time
}

// New makes a handler. It is safe for concurrent use.
func New(cfg Config) *Handler { return &Handler{cfg: cfg, now: time.Now} }

// Backoff is how long a record that has failed waits, by how often it was
// received: 5, 10, 20 ... 300 s, as Evolution's retries do.
func Backoff(receives int) time.Duration {
	pause := firstPause
	for range receives - 1 {
		if pause = min(pause*2, longestPause); pause == longestPause {
			break
		}
	}
	return pause
}

// Handle is the Lambda handler of the events queue.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	return batch.Run(ctx, h.cfg.Log, e, h.group), nil
}

// group handles the records of one chat in order, and answers how many are
// done.
func (h *Handler) group(ctx context.Context, records []events.SQSMessage) int {
	done := len(records)
	for n, record := range records {
		told, err := event.Read(ctx, h.cfg.Bucket, []byte(record.Body))
		if err == nil {
			err = h.keep(ctx, told)
		}
		if err != nil {
			h.cfg.Log.ErrorContext(ctx, "event cannot be kept", "record", record.MessageId, "event", told.ID, "err", err)
			done = min(done, n)
			break // what comes after must not be kept before it
		}
		if done < len(records) {
			continue
		}
		if err := h.deliver(ctx, told); err != nil {
			h.cfg.Log.WarnContext(ctx, "event cannot be delivered", "event", told.ID, "instance", string(told.Instance),
				"kind", string(told.Kind), "receives", batch.Receives(record), "err", err)
			done = n
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
func (h *Handler) keep(ctx context.Context, e event.Event) error {
	err := h.cfg.Transcripts.Store(ctx, e)
	if !errors.Is(err, transcript.ErrSealed) {
		return err
	}
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

// deliver tells every subscription that wants to hear of the event and has not
// yet. Subscriptions do not wait for each other.
func (h *Handler) deliver(ctx context.Context, e event.Event) error {
	payloads, err := evolution.Translate(e)
	if err != nil || len(payloads) == 0 {
		return err
	}
	all, err := h.cfg.Webhooks.List(ctx, e.Instance)
	if err != nil {
		return err
	}
	var wanting []webhook.Subscription
	var marks []table.Key
	for _, s := range all {
		if s.Enabled && wantsAny(s, payloads) {
			wanting = append(wanting, s)
			marks = append(marks, markKey(e, s))
		}
	}
	if len(wanting) == 0 {
		return nil
	}
	had, err := h.cfg.Table.BatchGet(ctx, marks)
	if err != nil {
		return fmt.Errorf("read what was delivered: %w", err)
	}
	failures := make([]error, len(wanting))
	var running sync.WaitGroup
	for n, s := range wanting {
		running.Go(func() {
			defer func() { // a panic here would take the other chats along
				if cause := recover(); cause != nil {
					failures[n] = fmt.Errorf("webhook %s: panic: %v", s.ID, cause)
				}
			}()
			done, _ := had[marks[n]].Attributes["done"].(int64)
			if err := h.tell(ctx, e, s, payloads, int(done)); err != nil {
				failures[n] = fmt.Errorf("webhook %s: %w", s.ID, err)
			}
		})
	}
	running.Wait()
	return errors.Join(failures...)
}

// tell makes the calls of one subscription, from the one at index from on.
func (h *Handler) tell(ctx context.Context, e event.Event, s webhook.Subscription, payloads []evolution.Payload, from int) error {
	for n, p := range payloads {
		if n < from || !s.Wants(p.Name()) {
			continue
		}
		if s.Base64 && p.Media != nil && p.Media.Blob != "" {
			p = h.withMedia(ctx, e, p)
		}
		if err := h.post(ctx, s, e, p, callID(e, n)); err != nil {
			return err
		}
		mark := table.Item{Key: markKey(e, s), Attributes: map[string]any{"done": int64(n + 1)}, Expires: h.now().Add(markLife)}
		if _, err := h.cfg.Table.Put(ctx, mark, table.None()); err != nil {
			// The receiver has it. Failing now would tell it again for certain.
			h.cfg.Log.WarnContext(ctx, "delivery cannot be marked", "event", e.ID, "err", err)
		}
	}
	return nil
}

// withMedia puts the file into the payload. Without it the payload goes out all
// the same, as Evolution does it.
func (h *Handler) withMedia(ctx context.Context, e event.Event, p evolution.Payload) evolution.Payload {
	stored, info, err := h.cfg.Bucket.Get(ctx, p.Media.Blob, blob.Range{})
	if err != nil {
		h.cfg.Log.WarnContext(ctx, "media cannot be read", "event", e.ID, "err", err)
		return p
	}
	defer stored.Close()
	if info.Size > maxMedia {
		return p
	}
	file, err := io.ReadAll(stored)
	if err != nil {
		h.cfg.Log.WarnContext(ctx, "media cannot be read", "event", e.ID, "err", err)
		return p
	}
	return p.WithMedia(file)
}

func wantsAny(s webhook.Subscription, payloads []evolution.Payload) bool {
	for _, p := range payloads {
		if s.Wants(p.Name()) {
			return true
		}
	}
	return false
}

func markKey(e event.Event, s webhook.Subscription) table.Key {
	return table.Key{Partition: "delivered#" + e.ID, Sort: s.ID}
}
