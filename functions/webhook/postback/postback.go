// Package postback is the PostBack of the .aspx dialect: what happens to an
// instance as objects
//
//	{"event":"status","id":"<uuid>","wid":"<instance>","t":<Unix ms>,"APIVersion":"1.1","data":{...}}
//
// posted one by one, or in the envelopes of its bulk ways: "BULK," and a JSON
// array of base64, or "BULKGZ," and the base64 of such an array under gzip. A
// bulk holds what one event has to say. Calls go to the subscription's URL with
// wid=<instance> added.
package postback

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"roost/functions/webhook/format"
	"roost/shared/event"
	"roost/shared/webhook"
)

// Formats are all ways of PostBack, by the names that subscriptions have for
// them.
func Formats() map[string]format.Format {
	out := map[string]format.Format{}
	for _, name := range webhook.PostbackFormats() {
		version, bulk := webhook.PostbackVersion(name)
		out[name] = way{version, bulk}.calls
	}
	return out
}

// way is how objects travel.
type way struct {
	version string // "1.0" or "1.1"
	bulk    bool
}

// object is one thing to tell.
type object struct {
	Event      string    `json:"event"`
	ID         uuid.UUID `json:"id"` // the same each time it is told
	WID        string    `json:"wid"`
	T          int64     `json:"t"` // Unix ms
	APIVersion string    `json:"APIVersion"`
	Data       any       `json:"data"`
}

// said is what an event has to say.
type said struct {
	name string
	data any
}

func (w way) calls(e event.Event) ([]format.Call, error) {
	filter, all, err := translate(e)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	bodies := make([][]byte, len(all))
	for n, s := range all {
		bodies[n], err = json.Marshal(object{s.name, idOf(e, n), string(e.Instance), e.At.UnixMilli(), w.version, s.data})
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", s.name, err)
		}
	}
	contentType := ""
	if w.bulk {
		packed, err := pack(w.version, bodies)
		if err != nil {
			return nil, err
		}
		bodies, contentType = [][]byte{packed}, "text/plain; charset=utf-8"
	}
	calls := make([]format.Call, len(bodies))
	for n, body := range bodies {
		calls[n] = format.Call{Name: filter, Build: func(t format.Target) (format.Request, error) {
			return format.Request{URL: address(t.Subscription.URL, string(e.Instance)), ContentType: contentType, Body: body}, nil
		}}
	}
	return calls, nil
}

// idOf is a UUID of version 7 (RFC 9562, 5.7) whose random part comes from the
// event.
func idOf(e event.Event, n int) uuid.UUID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", e.ID, n))
	id := uuid.UUID(sum[:16])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(e.At.UnixMilli(), 0)))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
