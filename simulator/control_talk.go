package simulator

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// maxWait is how long an inbox call waits at most.
const maxWait = 60 * time.Second

func (u *User) controlSend(r *http.Request) (answer, error) {
	var s Saying
	if err := readBody(r, &s); err != nil {
		return answer{}, err
	}
	id, err := u.Say(s)
	if err != nil {
		return answer{}, err
	}
	return created(struct {
		ID types.MessageID `json:"id"`
	}{id})
}

func (u *User) controlInbox(r *http.Request) (answer, error) {
	query := r.URL.Query()
	for name := range query {
		if name != "after" && name != "wait" {
			return answer{}, badRequest("unknown query parameter %q", name)
		}
	}
	var wait time.Duration
	if text := query.Get("wait"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 0) {
			return answer{}, badRequest("wait must be a number of seconds")
		}
		wait = time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	entries, err := u.InboxAfter(ctx, query.Get("after"))
	if err != nil {
		return answer{}, err
	}
	return ok(list(entries))
}

func (u *User) controlMedia(r *http.Request) (answer, error) {
	id := r.PathValue("id")
	u.mu.Lock()
	e := latest(u.inbox.heard, id)
	u.mu.Unlock()
	if e == nil {
		return answer{}, unknownMessage(id)
	}
	if e.Media == nil {
		return answer{}, noFile(id)
	}
	data, err := e.Media.Open(u.sim.media)
	if err != nil {
		return answer{}, err
	}
	mimetype := e.Mimetype
	if mimetype == "" {
		mimetype = "application/octet-stream"
	}
	return ok(file{mimetype, data})
}

func (u *User) controlReceipts(*http.Request) (answer, error) { return ok(list(u.Receipts())) }

func (u *User) controlRead(r *http.Request) (answer, error)   { return confirmTo(r, u.Read) }
func (u *User) controlPlayed(r *http.Request) (answer, error) { return confirmTo(r, u.Played) }

func confirmTo(r *http.Request, confirm func(types.MessageID) error) (answer, error) {
	var body struct {
		ID string `json:"id"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	if body.ID == "" {
		return answer{}, badRequest("id is missing: a message in the inbox")
	}
	if err := confirm(body.ID); err != nil {
		return answer{}, err
	}
	return ok(empty{})
}

func (u *User) controlTyping(r *http.Request) (answer, error) {
	var body struct {
		To    string `json:"to"`
		State string `json:"state"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	if body.To == "" {
		return answer{}, badRequest("to is missing: the chat to type in")
	}
	if body.State == "" {
		body.State = Composing
	}
	to, err := u.sim.chat(body.To)
	if err != nil {
		return answer{}, err
	}
	if err := u.Type(to, body.State); err != nil {
		return answer{}, err
	}
	return ok(empty{})
}
