// Package guid puts events into the callbacks of the guid dialect: one JSON
// object each, of a notifyType.
package guid

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"roost/functions/webhook/format"
	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/pass"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/webhook"
)

// Types of callbacks.
const (
	typeOnline = iota + 1
	typeOffline
	typeMessage
	typeReceipt
	typeContact
	typeGroup
	typeQRCode
	typeLogin
	typeKicked
)

// Why a client is offline.
const (
	sceneNetwork = iota + 1
	sceneIdle
	sceneReleased
	sceneReplaced
	sceneLoggedOut
	sceneBanned
	sceneOutdated
	sceneDeleted
)

// seqLife is how long a callback's number is known: longer than any delivery
// takes.
const seqLife = 20 * 24 * time.Hour

// transcriptLife is for how long the URL of a transcript is good, as that of
// DELETE.
const transcriptLife = time.Hour

// lookLimit bounds the reads and writes that a callback needs.
const lookLimit = 10 * time.Second

// Callbacks speak the format called webhook.FormatGUID.
//
//	callbacks#<instance>   <event>.<n>   seq of that callback
//	callbacks#<instance>   seq           the last that was given; it ends some time after the last callback
type Callbacks struct {
	table     table.Table
	bucket    blob.Bucket
	instances *instance.Repository
	archives  *archive.Repository
	sealer    *seal.Sealer // of passes for files
	now       func() time.Time
}

// Formats are what the deliverer needs to know.
func Formats(t table.Table, b blob.Bucket, s *seal.Sealer) map[string]format.Format {
	return map[string]format.Format{webhook.FormatGUID: newCallbacks(t, b, s).Calls}
}

func newCallbacks(t table.Table, b blob.Bucket, s *seal.Sealer) *Callbacks {
	return &Callbacks{table: t, bucket: b, sealer: s, instances: instance.NewRepository(t), archives: archive.NewRepository(t), now: time.Now}
}

// callback is what a program gets.
type callback struct {
	GUID          instance.ID `json:"guid"`
	NotifyType    int         `json:"notifyType"`
	Event         string      `json:"event"`
	Seq           int64       `json:"seq"` // rises by 1
	ID            string      `json:"id"`  // the same when told again
	TS            int64       `json:"ts"`  // Unix ms
	CustomerParam string      `json:"customerParam"`
	Payload       any         `json:"payload"`

	param string         // of an instance that is gone
	file  *message.Media // of a message, nil for none
}

// Calls is a format.Format. Names are the dialect's own: its filters are made by
// setNotifyUrl.
func (c *Callbacks) Calls(e event.Event) ([]format.Call, error) {
	told, err := translate(e)
	if err != nil {
		return nil, err
	}
	calls := make([]format.Call, len(told))
	for n, t := range told {
		calls[n] = format.Call{Name: t.Event, Build: func(to format.Target) (format.Request, error) {
			t := t // several webhooks build theirs at the same time
			t.GUID, t.TS, t.ID = e.Instance, e.At.UnixMilli(), idOf(e, n)
			if err := c.complete(&t, e, n, to.ServerURL); err != nil {
				return format.Request{}, err
			}
			body, err := json.Marshal(t)
			if err != nil {
				return format.Request{}, fmt.Errorf("encode the callback: %w", err)
			}
			return format.Request{URL: to.Subscription.URL, Body: body}, nil
		}}
	}
	return calls, nil
}

// idOf is a UUIDv7 of the event's time, derived from its id: told again it is
// the same.
func idOf(e event.Event, n int) string {
	sum := sha256.Sum256([]byte(e.ID + "." + strconv.Itoa(n)))
	var id uuid.UUID
	copy(id[:], sum[:])
	ms := uint64(max(e.At.UnixMilli(), 0))
	for b := range 6 {
		id[b] = byte(ms >> (8 * (5 - b)))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

// complete adds what the event does not bring: the customer's word, the number
// and URLs. server is where the API is, "" for unknown.
func (c *Callbacks) complete(t *callback, e event.Event, n int, server string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit) //nolint:forbidigo // a format gets no context
	defer cancel()
	around := table.NewUnit(c.table)
	if err := around.Ahead(ctx, []table.Key{instance.Key(e.Instance), seqKey(e, n)}); err != nil {
		return fmt.Errorf("read what a callback is about: %w", err)
	}
	i, err := c.instances.Over(around).Get(ctx, e.Instance)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	t.CustomerParam = cmp.Or(i.Param, t.param)
	switch payload := t.Payload.(type) {
	case deleted:
		t.Payload, err = c.signed(ctx, e.Instance, payload)
	case messages:
		t.Payload, err = c.withFile(ctx, e.Instance, payload, t.file, server)
	default:
		err = nil
	}
	if err != nil {
		return err
	}
	if t.Seq, err = c.seq(ctx, around, e, n); err != nil || e.Kind != event.InstanceRemoved {
		return err
	}
	return c.end(ctx, e.Instance)
}

// end lets the count of a client go that has had its last callback.
func (c *Callbacks) end(ctx context.Context, id instance.ID) error {
	last, err := c.table.Get(ctx, lastKey(id))
	if err != nil {
		return fmt.Errorf("read the last number of callbacks: %w", err)
	}
	if !last.Expires.IsZero() {
		return nil
	}
	condition := table.Revision(last.Revision)
	last.Expires = c.now().Add(seqLife)
	if _, err := c.table.Put(ctx, last, condition); err != nil && !errors.Is(err, table.ErrConflict) { // another webhook of the same client has done it
		return fmt.Errorf("end the numbers of callbacks: %w", err)
	}
	return nil
}

// lastKey is where the last number is that was given.
func lastKey(i instance.ID) table.Key { return table.Key{Partition: seqPartition(i), Sort: "seq"} }

// signed adds where the transcript can be had, as DELETE answers it.
func (c *Callbacks) signed(ctx context.Context, id instance.ID, d deleted) (deleted, error) {
	record, err := c.archives.Get(ctx, id)
	if fault.KindOf(err) == fault.NotFound { // its days are over
		return d, nil
	}
	if err != nil {
		return d, err
	}
	link, expires, err := c.bucket.SignGet(ctx, record.Key, transcriptLife, "")
	if err != nil {
		return d, fmt.Errorf("sign the transcript: %w", err)
	}
	manifest, _, err := c.bucket.SignGet(ctx, record.ManifestKey, transcriptLife, "")
	if err != nil {
		return d, fmt.Errorf("sign the manifest: %w", err)
	}
	d.TranscriptURL, d.ManifestURL, d.ExpiresAt, d.Objects, d.Bytes = &link, &manifest, &expires, 3+record.Files, record.Bytes
	if d.SignedURL = &link; record.Files > 0 {
		d.SignedURL = &manifest
	}
	return d, nil
}

// withFile adds where the file of a message can be had: in the bucket when Roost
// keeps it, else of the API, which fetches it from WhatsApp when somebody asks.
func (c *Callbacks) withFile(ctx context.Context, id instance.ID, m messages, file *message.Media, server string) (messages, error) {
	if file == nil || file.Blob == "" && server == "" {
		return m, nil
	}
	one := m.Messages[0]
	var link string
	var err error
	if file.Blob != "" {
		link, _, err = c.bucket.SignGet(ctx, file.Blob, blob.MaxExpiry, "")
	} else {
		link, err = pass.FileURL(c.sealer, server, id, string(id), one.ID, c.now())
	}
	if err != nil {
		return m, fmt.Errorf("sign a file: %w", err)
	}
	one.MediaURL = &link
	return messages{[]chatMessage{one}}, nil
}

func seqPartition(i instance.ID) string { return "callbacks#" + string(i) }

// seqKey is where the number of a callback is.
func seqKey(e event.Event, n int) table.Key {
	return table.Key{Partition: seqPartition(e.Instance), Sort: "event." + e.ID + "." + strconv.Itoa(n)}
}

// seq gives a callback its number, the same each time. Whether it has one may
// have been read in around. A process that dies between the two writes leaves a
// gap.
func (c *Callbacks) seq(ctx context.Context, around table.Table, e event.Event, n int) (int64, error) {
	at := seqKey(e, n)
	known, err := around.Get(ctx, at)
	if err == nil {
		return known.Number("seq"), nil
	}
	if !errors.Is(err, table.ErrNotFound) {
		return 0, fmt.Errorf("read the number of a callback: %w", err)
	}
	next, err := c.table.Increment(ctx, lastKey(e.Instance), "seq", 1)
	if err != nil {
		return 0, fmt.Errorf("number a callback: %w", err)
	}
	_, err = c.table.Put(ctx, table.Item{Key: at, Attributes: map[string]any{"seq": next}, Expires: c.now().Add(seqLife)}, table.Absent())
	if errors.Is(err, table.ErrConflict) { // another webhook of the same client was first
		if known, err = c.table.Get(ctx, at); err == nil {
			return known.Number("seq"), nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("keep the number of a callback: %w", err)
	}
	return next, nil
}

// qrKey names a QR code as functions/api/guid.QRCodeKey does.
func qrKey(id instance.ID, qr string) string {
	sum := sha256.Sum256([]byte(string(id) + "\n" + qr))
	return hex.EncodeToString(sum[:16])
}

// user is whom a JID names: the number of a person, all of a group's.
func user(jid string) string {
	name, server, _ := strings.Cut(jid, "@")
	if server == "s.whatsapp.net" {
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return jid
}

func read[T any](e event.Event) (T, error) {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return body, fmt.Errorf("read event %s of kind %s: %w", e.ID, e.Kind, err)
	}
	return body, nil
}
