package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"roost/shared/backlog"
	"roost/shared/batch"
	"roost/shared/event"
	"roost/shared/webhook"
)

// sickness is how long nothing may get through to a subscription before it is
// turned off.
const sickness = 5 * 24 * time.Hour

// wake sends a wake-up for a lane, if there is time for one. When it is lost,
// the table still knows.
func (h *Handler) wake(ctx context.Context, l backlog.Lane, due time.Time) {
	if !h.cfg.Backlog.Soon(due) {
		return
	}
	if err := backlog.Send(ctx, h.cfg.Wakeups, l, due); err != nil {
		h.cfg.Log.WarnContext(ctx, "lane cannot be woken", "instance", string(l.Instance), "webhook", l.Subscription, "err", err)
	}
}

// wakeups handles wake-ups of one group, and answers how many are done. One that
// is not waits for the time of its lane.
func (h *Handler) wakeups(ctx context.Context, records []events.SQSMessage) int {
	until := h.now().Add(patience)
	for n, record := range records {
		lane, ok := backlog.ReadWakeup([]byte(record.Body))
		if !ok {
			h.cfg.Log.ErrorContext(ctx, "wake-up cannot be read", "record", record.MessageId)
			continue
		}
		due, err := h.work(ctx, lane, until)
		pause := due.Sub(h.now())
		switch {
		case err != nil:
			h.cfg.Log.ErrorContext(ctx, "lane cannot be worked off", "instance", string(lane.Instance), "webhook", lane.Subscription,
				"receives", batch.Receives(record), "err", err)
			pause = firstPause // how often it has come says nothing: most times it was held until now
		case due.IsZero(), pause > backlog.Hold: // Wake sends another in time
			continue
		}
		// The lanes behind it have waited for as long.
		h.hold(ctx, records[n], max(pause, 0))
		for _, behind := range records[n+1:] {
			h.hold(ctx, behind, 0)
		}
		return n
	}
	return len(records)
}

func (h *Handler) hold(ctx context.Context, record events.SQSMessage, pause time.Duration) {
	if h.cfg.Hold == nil {
		return
	}
	if err := h.cfg.Hold(ctx, record.ReceiptHandle, pause); err != nil {
		h.cfg.Log.WarnContext(ctx, "wake-up cannot be held", "record", record.MessageId, "err", err)
	}
}

// work tells what waits in a lane and is due, until that is all, one fails or
// time is up. It answers when the lane is due next, zero for never.
func (h *Handler) work(ctx context.Context, l backlog.Lane, until time.Time) (time.Time, error) {
	w := &worker{Handler: h, until: until}
	for {
		d, waits, err := h.cfg.Backlog.Head(ctx, l)
		if err != nil || !waits {
			return time.Time{}, err
		}
		if now := h.now(); d.Due.After(now) || now.After(until) {
			return d.Due, nil
		}
		if err := w.again(ctx, d); err != nil {
			return time.Time{}, err
		}
	}
}

// worker works off a lane.
type worker struct {
	*Handler
	until     time.Time
	recovered bool // it is noted that calls get through
}

// again tries the first of a lane.
func (h *worker) again(ctx context.Context, d backlog.Delivery) error {
	s, found, err := h.subscription(ctx, d)
	switch {
	case err != nil:
		return err
	case !found:
		return h.cfg.Backlog.Bury(ctx, d, "the webhook was removed")
	case s.Disabled != "":
		return h.cfg.Backlog.Bury(ctx, d, "the webhook was turned off ("+s.Disabled+")")
	case !s.Enabled:
		return h.cfg.Backlog.Bury(ctx, d, "the webhook is turned off")
	}
	calls, err := h.calls(d.Event, s)
	if err != nil {
		h.cfg.Log.ErrorContext(ctx, "event cannot be put into words", "event", d.ID.Event, "webhook", s.ID, "err", err)
		return h.cfg.Backlog.Bury(ctx, d, unspoken)
	}
	attempt, verdict := h.call(ctx, d, calls, s, h.until)
	health := backlog.HealthOf(d.Tenant, d.Instance, s)
	switch verdict.outcome {
	case told:
		if err := h.cfg.Backlog.Succeeded(ctx, d, attempt); err != nil {
			return err
		}
		h.dispose(ctx, d.Event)
		if h.recovered {
			return nil
		}
		h.recovered = true
		return h.cfg.Backlog.Recover(ctx, health)
	case unfinished:
		return h.cfg.Backlog.Postpone(ctx, d, attempt.Told, time.Time{})
	case early:
		return h.cfg.Backlog.Postpone(ctx, d, attempt.Told, h.now().Add(filePause))
	case failed:
	}
	if h.ailing(ctx, d, s, health, verdict) {
		return h.cfg.Backlog.Failed(ctx, d, attempt, h.now()) // to be buried with all behind it
	}
	pause, more := h.pause(d.Attempts+1, verdict.retryAfter)
	if !more {
		h.cfg.Log.WarnContext(ctx, "delivery given up", "event", d.ID.Event, "instance", string(d.Instance), "webhook", s.ID, "attempts", d.Attempts+1)
		return h.cfg.Backlog.Exhausted(ctx, d, attempt)
	}
	return h.cfg.Backlog.Failed(ctx, d, attempt, h.now().Add(pause))
}

// subscription finds whom a delivery is for; false when it is gone.
func (h *Handler) subscription(ctx context.Context, d backlog.Delivery) (webhook.Subscription, bool, error) {
	all, err := h.cfg.Webhooks.For(ctx, d.Tenant, d.Instance)
	if err != nil {
		return webhook.Subscription{}, false, err
	}
	for _, s := range all {
		if s.ID == d.Subscription {
			return s, true, nil
		}
	}
	return webhook.Subscription{}, false, nil
}

// ailing notes a failure, and turns the subscription off if it was one too many.
// It reports whether the subscription is off now.
func (h *Handler) ailing(ctx context.Context, d backlog.Delivery, s webhook.Subscription, health backlog.Health, v verdict) bool {
	since, err := h.cfg.Backlog.Ail(ctx, health)
	if err != nil {
		h.cfg.Log.WarnContext(ctx, "failure cannot be noted", "webhook", s.ID, "err", err)
		return false // there will be others
	}
	if s.UpdatedAt.After(since) { // what failed before its owner has changed it does not count
		since = s.UpdatedAt
	}
	var why string
	switch {
	case v.gone:
		why = webhook.Gone
	case h.now().Sub(since) >= sickness:
		why = webhook.Failing
	default:
		return false
	}
	disabled, err := h.cfg.Webhooks.Disable(ctx, d.Tenant, d.Instance, s, why)
	if err != nil {
		h.cfg.Log.ErrorContext(ctx, "webhook cannot be turned off", "webhook", s.ID, "instance", string(d.Instance), "err", err)
		return false
	}
	if !disabled {
		return false
	}
	h.cfg.Log.WarnContext(ctx, "webhook turned off", "webhook", s.ID, "instance", string(d.Instance), "why", why)
	if err := h.publish(ctx, d.Event, event.Disabled{Webhook: s.ID, Why: why, Since: since.UTC()}); err != nil {
		h.cfg.Log.ErrorContext(ctx, "end of a webhook cannot be told", "webhook", s.ID, "instance", string(d.Instance), "err", err)
	}
	return true
}

func (h *Handler) publish(ctx context.Context, about event.Event, body event.Disabled) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	at := h.now().UTC()
	return h.cfg.Events.Publish(ctx, event.Event{
		ID:     event.NewID(string(about.Instance), string(event.WebhookDisabled), body.Webhook, at.Format(time.RFC3339Nano)),
		Tenant: about.Tenant, Instance: about.Instance, Name: about.Name, Sender: about.Sender, Kind: event.WebhookDisabled, At: at, Body: encoded,
	})
}
