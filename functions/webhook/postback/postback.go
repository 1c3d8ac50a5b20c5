// Package postback is the PostBack of the .aspx dialect: what happens to an
// instance as objects
//
//	{"event":"status","id":"<uuid>","wid":"<instance>","t":<Unix ms>,"APIVersion":"1.1","data":{...}}
//
// posted one by one, or in the envelopes of its bulk ways: "BULK," and a JSON
// array of base64, or "BULKGZ," and the base64 of such an array under gzip. A
// bulk holds what one event has to say. Calls go to the subscription's URL with
// wid=<instance> added: the instance's id, or its key where its tenant has set
// tenant.Config.LegacyWebID.
package postback

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"roost/functions/webhook/format"
	"roost/shared/event"
	"roost/shared/pass"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/webhook"
)

// Formats are all ways of PostBack, by the names that subscriptions have for
// them. s seals tokens, and passes for files.
func Formats(t table.Table, s *seal.Sealer) map[string]format.Format {
	names := newNames(t, s)
	out := map[string]format.Format{}
	for _, name := range webhook.PostbackFormats() {
		version, bulk := webhook.PostbackVersion(name)
		out[name] = way{version, bulk, names, s}.calls
	}
	return out
}

// way is how objects travel.
type way struct {
	version string // "1.0" or "1.1"
	bulk    bool
	names   *names
	sealer  *seal.Sealer
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
	if w.bulk {
		return []format.Call{{Name: filter, Build: func(t format.Target) (format.Request, error) {
			return w.build(e, all, 0, t)
		}}}, nil
	}
	calls := make([]format.Call, len(all))
	for n := range all {
		calls[n] = format.Call{Name: filter, Build: func(t format.Target) (format.Request, error) {
			return w.build(e, all[n:n+1], n, t)
		}}
	}
	return calls, nil
}

// build makes the request that says some of what an event has to say, from its
// nth on.
func (w way) build(e event.Event, some []said, nth int, t format.Target) (format.Request, error) {
	wid, err := w.names.of(e)
	if err != nil {
		return format.Request{}, err
	}
	bodies := make([][]byte, len(some))
	for n, s := range some {
		data, err := w.linked(e, s.data, wid, t.ServerURL)
		if err != nil {
			return format.Request{}, err
		}
		bodies[n], err = encode(object{s.name, idOf(e, nth+n), wid, e.At.UnixMilli(), w.version, data})
		if err != nil {
			return format.Request{}, fmt.Errorf("encode %s: %w", s.name, err)
		}
	}
	out := format.Request{URL: address(t.Subscription.URL, wid), Body: bodies[0]}
	if w.bulk {
		out.ContentType = "text/plain; charset=utf-8"
		if out.Body, err = pack(w.version, bodies); err != nil {
			return format.Request{}, err
		}
	}
	return out, nil
}

// linked adds to a message with a file where the API has it.
func (w way) linked(e event.Event, data any, wid, server string) (any, error) {
	m, ok := data.(msg)
	if !ok || !m.file || server == "" {
		return data, nil
	}
	var err error
	m.URL, err = pass.FileURL(w.sealer, server, e.Instance, wid, m.ID, time.Now())
	return m, err
}

// encode writes JSON without HTML escapes.
func encode(o object) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(o)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
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
