package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"roost/shared/blob"
	"roost/shared/queue"
)

// Queue is the queue of events: FIFO by instance and chat.
const Queue = "events"

// Options are those of the events queue. An event that its consumer gives back
// ten times is looked at by a person. It is hidden for six times as long as the
// consumer may take (functions/webhook/delivery).
var Options = queue.Options{MaxReceives: 10, DeadLetter: "events-dead", Visibility: 3 * time.Minute}

// maxInline is how large an event may be on the queue, in bytes; larger ones
// go through the bucket.
const maxInline = 200 << 10

// NewID derives an event's id from what happened, so that the same thing told
// again has the same id.
func NewID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// Publisher puts events onto the queue.
type Publisher struct {
	queue  queue.Queue
	bucket blob.Bucket
}

// NewPublisher puts events onto q, and large ones into b.
func NewPublisher(q queue.Queue, b blob.Bucket) *Publisher { return &Publisher{queue: q, bucket: b} }

// envelope is what travels on the queue: an event, or where it is.
type envelope struct {
	Event *Event `json:"event,omitempty"`
	Blob  string `json:"blob,omitempty"`
}

// Publish returns when the event is durably on the queue.
func (p *Publisher) Publish(ctx context.Context, e Event) error {
	body, err := json.Marshal(envelope{Event: &e})
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	if len(body) > maxInline {
		key := "events/" + string(e.Instance) + "/" + e.ID
		if _, err := p.bucket.Put(ctx, key, bytes.NewReader(body), int64(len(body)), "application/json"); err != nil {
			return fmt.Errorf("store event: %w", err)
		}
		if body, err = json.Marshal(envelope{Blob: key}); err != nil {
			return fmt.Errorf("marshal event: %w", err)
		}
	}
	if err := p.queue.Send(ctx, queue.Message{Group: printable(e.Group()), Deduplication: e.ID, Body: body}); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	return nil
}

// IsAside reports, at a glance, whether a queue's message only says where its
// event is.
func IsAside(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"blob":`)) }

// Read decodes an event from a queue's message, fetching it from the bucket
// when it was too large.
func Read(ctx context.Context, b blob.Bucket, body []byte) (Event, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	if e.Blob != "" {
		stored, _, err := b.Get(ctx, e.Blob, blob.Range{})
		if err != nil {
			return Event{}, fmt.Errorf("fetch event: %w", err)
		}
		defer stored.Close()
		whole, err := io.ReadAll(stored)
		if err != nil {
			return Event{}, fmt.Errorf("fetch event: %w", err)
		}
		e = envelope{}
		if err := json.Unmarshal(whole, &e); err != nil {
			return Event{}, fmt.Errorf("read event: %w", err)
		}
	}
	if e.Event == nil {
		return Event{}, fmt.Errorf("read event: it is empty")
	}
	return *e.Event, nil
}

// printable keeps a group within the alphabet of queues.
func printable(group string) string {
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, group)
	if len(clean) > 128 {
		clean = clean[:128]
	}
	return clean
}
