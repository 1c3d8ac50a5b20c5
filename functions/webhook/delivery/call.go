package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/egress"
	"roost/shared/webhook"
)

// maxAnswer is how much of an answer is read, in bytes, so that its connection
// can be used again; nobody looks at it.
const maxAnswer = 64 << 10

// bodyLimit is how long the body of an answer is waited for.
const bodyLimit = time.Second

// verdict is what the answers to an event's calls mean.
type verdict struct {
	outcome    outcome
	gone       bool          // it says that it wants nothing any more
	retryAfter time.Duration // it asks for, 0 for nothing
}

type outcome int

const (
	told       outcome = iota + 1
	failed             // one call has failed; those before it were made
	unfinished         // time is up between two calls
	early              // the call's file is not there yet
)

// call makes the calls that are left of an event, one after another, and logs
// what came of it.
func (h *Handler) call(ctx context.Context, d backlog.Delivery, calls []format.Call, s webhook.Subscription, until time.Time) (backlog.Attempt, verdict) {
	a, v := h.calling(ctx, d, calls, s, until)
	if v.outcome == told || v.outcome == failed {
		h.note(ctx, d, a)
	}
	return a, v
}

func (h *Handler) calling(ctx context.Context, d backlog.Delivery, calls []format.Call, s webhook.Subscription, until time.Time) (backlog.Attempt, verdict) {
	start := h.now()
	a := backlog.Attempt{At: start, Told: d.Told}
	for n, c := range calls {
		if n < d.Told || !s.Wants(c.Name) {
			continue
		}
		if a.Told > d.Told && h.now().After(until) {
			return a, verdict{outcome: unfinished}
		}
		status, retryAfter, err := h.post(ctx, d, c, s, callID(d.ID.Event, n))
		a.Status, a.Latency = status, h.now().Sub(start)
		if errors.Is(err, errEarly) {
			return a, verdict{outcome: early}
		}
		if err != nil {
			a.Error = sentence(err)
			return a, verdict{outcome: failed, gone: status == http.StatusGone, retryAfter: retryAfter}
		}
		a.Told = n + 1
	}
	a.Latency = h.now().Sub(start)
	return a, verdict{outcome: told}
}

// note logs a try. "age_seconds" is from the event to its delivery, the figure
// to be alarmed by.
func (h *Handler) note(ctx context.Context, d backlog.Delivery, a backlog.Attempt) {
	age := h.now().Sub(d.At).Seconds()
	if a.Error == "" {
		h.cfg.Log.DebugContext(ctx, "event delivered", "event", d.ID.Event, "instance", string(d.Instance), "webhook", d.Subscription,
			"attempts", d.Attempts+1, "latency_ms", a.Latency.Milliseconds(), "age_seconds", age)
		return
	}
	h.cfg.Log.WarnContext(ctx, "event not delivered", "event", d.ID.Event, "instance", string(d.Instance), "webhook", d.Subscription,
		"kind", string(d.Kind), "attempts", d.Attempts+1, "status", a.Status, "latency_ms", a.Latency.Milliseconds(), "age_seconds", age, "err", a.Error)
}

// answerError is an answer other than 2xx.
type answerError struct{ status int }

func (e answerError) Error() string { return "answered " + strconv.Itoa(e.status) }

// requestError is a call that could not be made for what the subscription says.
type requestError struct{ sentence string }

func (e requestError) Error() string { return e.sentence }

// sentence says why a call failed, to the owner of the subscription.
func sentence(err error) string {
	if answer, ok := errors.AsType[answerError](err); ok {
		return answer.Error()
	}
	if request, ok := errors.AsType[requestError](err); ok {
		return request.Error()
	}
	return egress.Reason(err)
}

// post makes one call. id is the same for each telling of it.
func (h *Handler) post(ctx context.Context, d backlog.Delivery, c format.Call, s webhook.Subscription, id string) (int, time.Duration, error) {
	target := format.Target{Subscription: s, ServerURL: h.cfg.ServerURL}
	if s.Base64 && c.Media != nil {
		if err := h.attach(ctx, d, c, &target); err != nil {
			return 0, 0, err
		}
	}
	built, err := c.Build(target)
	if err != nil {
		return 0, 0, requestError{unspoken}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := newRequest(ctx, s, built, id, h.now())
	if err != nil {
		return 0, 0, err
	}
	answer, err := h.cfg.Client.Do(request)
	if err != nil {
		return 0, 0, fmt.Errorf("call: %w", egress.WithoutURL(err))
	}
	defer answer.Body.Close()
	enough := time.AfterFunc(bodyLimit, cancel)
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status has said it all
	enough.Stop()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return answer.StatusCode, retryAfter(answer.Header.Get("Retry-After"), h.now()), answerError{answer.StatusCode}
	}
	return answer.StatusCode, 0, nil
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3); 0 for neither.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(backlog.MaxPause/time.Second))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), backlog.MaxPause)
}

// callID names a call for its receiver: the event, and which of its calls.
func callID(event string, n int) string {
	id := strings.ReplaceAll(event, ".", "_") // the dot separates what is signed
	if n > 0 {
		id += "_" + strconv.Itoa(n)
	}
	return id
}
