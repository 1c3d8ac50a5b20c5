package evolution

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"roost/shared/backlog"
)

// deliveryView is one event on its way to one webhook.
type deliveryView struct {
	ID        string        `json:"id"`
	Event     string        `json:"event"` // its id, with which webhook-id begins
	Webhook   string        `json:"webhook"`
	Kind      string        `json:"kind"`
	Chat      string        `json:"chat,omitempty"`
	At        time.Time     `json:"at"` // when it happened
	State     backlog.State `json:"state"`
	Attempts  int           `json:"attempts"`
	FirstAt   *time.Time    `json:"firstAttemptAt,omitempty"`
	LastAt    *time.Time    `json:"lastAttemptAt,omitempty"`
	NextAt    *time.Time    `json:"nextAttemptAt,omitempty"` // of the first in its chat, in the detail only
	Status    int           `json:"status,omitempty"`        // of the last answer
	LatencyMS int64         `json:"latencyMs"`
	Error     string        `json:"error,omitempty"`

	// Body is what happened, in Roost's own words; in the detail only, and while
	// the delivery is not done.
	Body json.RawMessage `json:"body,omitempty"`
}

func viewDelivery(d backlog.Delivery) deliveryView {
	return deliveryView{
		ID: d.String(), Event: d.ID.Event, Webhook: d.Subscription, Kind: string(d.Kind), Chat: d.Chat, At: d.At.UTC(), State: d.State,
		Attempts: d.Attempts, FirstAt: moment(d.First), LastAt: moment(d.Last), NextAt: moment(d.Due), Status: d.Status,
		LatencyMS: d.Latency.Milliseconds(), Error: d.Error, Body: d.Event.Body,
	}
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// listDeliveries takes state, webhook, from, to, limit and cursor in its query.
func (h *Handler) listDeliveries(r *request) (answer, error) {
	query := r.URL.Query()
	f := backlog.Filter{State: backlog.State(query.Get("state")), Cursor: query.Get("cursor")}
	if f.State != "" && !slices.Contains([]backlog.State{backlog.Waiting, backlog.Delivered, backlog.Dead}, f.State) {
		return answer{}, refuse(`"state" is none of waiting, delivered, dead`)
	}
	if only := query.Get("webhook"); only != "" {
		f.Subscriptions = []string{only}
	}
	var err error
	if f.From, err = parseMoment("from", query.Get("from")); err != nil {
		return answer{}, err
	}
	if f.To, err = parseMoment("to", query.Get("to")); err != nil {
		return answer{}, err
	}
	if limit := query.Get("limit"); limit != "" {
		if f.Limit, err = strconv.Atoi(limit); err != nil || f.Limit < 1 || f.Limit > backlog.MaxPage {
			return answer{}, refuse(`"limit" is no number from 1 to ` + strconv.Itoa(backlog.MaxPage))
		}
	}
	page, err := h.core.Deliveries(r.Context(), r.instance, f)
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Deliveries []deliveryView `json:"deliveries"`
		Cursor     string         `json:"cursor,omitempty"`
	}{make([]deliveryView, len(page.Deliveries)), page.Cursor}
	for n, d := range page.Deliveries {
		out.Deliveries[n] = viewDelivery(d)
	}
	return ok(out)
}

func parseMoment(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, refuse(`"` + name + `" is no time such as 2026-11-25T08:00:00Z`)
	}
	return at, nil
}

func (h *Handler) showDelivery(r *request) (answer, error) {
	d, err := h.core.Delivery(r.Context(), r.instance, r.item)
	if err != nil {
		return answer{}, err
	}
	return ok(viewDelivery(d))
}

var replayBody = schema{
	kind:       "object",
	properties: []schema{text("id"), text("from"), text("to"), flag("all"), text("webhook")},
}

// replay takes one id, a range of times, or all.
func (h *Handler) replay(r *request) (answer, error) {
	if err := replayBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	id, from, to, all := str(fields, "id"), str(fields, "from"), str(fields, "to"), boolean(fields, "all")
	ranged := from != "" || to != ""
	if id == "" && !ranged && !all || id != "" && (ranged || all) || ranged && all {
		return answer{}, refuse(`Say one of "id", "from" and "to", or "all": true`)
	}
	var f backlog.Filter
	if only := str(fields, "webhook"); only != "" {
		f.Subscriptions = []string{only}
	}
	var err error
	if f.From, err = parseMoment("from", from); err != nil {
		return answer{}, err
	}
	if f.To, err = parseMoment("to", to); err != nil {
		return answer{}, err
	}
	replayed, err := h.core.Replay(r.Context(), r.instance, id, f)
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		Replayed int  `json:"replayed"` // dead letters that are told again
		Hurried  int  `json:"hurried"`  // chats whose next try is now
		More     bool `json:"more"`     // there are more: ask again
	}{replayed.Deliveries, replayed.Hurried, replayed.More})
}
