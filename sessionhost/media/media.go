// Package media puts the files of messages into the bucket. Instances that ask
// for it keep them, under the SHA-256 of their content, so that the same picture
// in ten chats is kept once. Webhooks that only want to be told of them (base64)
// get them under a key of their message's, from where they are removed when all
// have been told.
//
// # A file and its message
//
// A message says the checksum of its file, so the key is known before the file
// is there: the event carries it from the start. The file is fetched before the
// event is published, for [Patience] at most, so that webhooks usually find it.
// What is not there by then is put on the list of what is pending and fetched
// later, again and again: 5, 10, 20 s ... 1 h after each other, for two weeks,
// or one hour when it is for webhooks only. A file that cannot be had neither
// holds its message up for longer, nor loses it; after a failure no message
// waits for a minute.
//
//	media/<tenant>/<instance>/<sha-256>        in the bucket
//	passing/<instance>/<message>               in the bucket; 8 days at most
//	media-pending#<instance>   <end of the key>  on the table: the message's media and content
//
// # Limits
//
// A host fetches few files at once, each through a temporary file and not
// through memory, and none above [Config].MaxBytes: what a sender claims about
// the size is not trusted. Which kinds and sizes are kept, the instance says.
package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
)

const (
	// Patience is how long a message waits for its file.
	Patience = 3 * time.Second
	// calm is for how long after a failure no message waits.
	calm = time.Minute
	// fetchLimit bounds one later attempt.
	fetchLimit = 5 * time.Minute

	firstPause   = 5 * time.Second
	longestPause = time.Hour
	// pendingLife is how long a file is tried for, passingLife how long one that
	// is for webhooks only.
	pendingLife = 14 * 24 * time.Hour
	passingLife = time.Hour
)

// ErrGone means that WhatsApp has the file no more.
var ErrGone = errors.New("WhatsApp has the file no more")

// Fetch downloads and decrypts the file of a message and checks it against its
// checksum. It returns [ErrGone] for what will never be there again.
type Fetch func(ctx context.Context, m message.Message, to *File) error

// Config is what a Keeper works with.
type Config struct {
	Table  table.Table
	Bucket blob.Bucket
	Log    *slog.Logger
	// MaxBytes bounds a file, default 100 MiB.
	MaxBytes int64
	// AtOnce is how many files are fetched at the same time, default 4.
	AtOnce int
	// Patience is how long a message waits, default [Patience].
	Patience time.Duration
	// FirstPause is how long the first later attempt waits, default 5 s.
	FirstPause time.Duration
}

// Keeper keeps files. It is safe for concurrent use.
type Keeper struct {
	cfg   Config
	slots chan struct{}
	now   func() time.Time

	failed atomic.Int64 // when a file could not be had last, Unix ns
}

// New makes a keeper for a host.
func New(cfg Config) *Keeper {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 100 << 20
	}
	if cfg.AtOnce == 0 {
		cfg.AtOnce = 4
	}
	if cfg.Patience == 0 {
		cfg.Patience = Patience
	}
	if cfg.FirstPause == 0 {
		cfg.FirstPause = firstPause
	}
	return &Keeper{cfg: cfg, slots: make(chan struct{}, cfg.AtOnce), now: time.Now}
}

// Key is where the file of a message is to be kept, "" when the instance does
// not ask for it.
func (k *Keeper) Key(i instance.Instance, m message.Message) string {
	s, f := i.Settings, m.Media
	if !s.StoreMedia || f == nil || len(f.SHA256) != 64 {
		return ""
	}
	limit := k.cfg.MaxBytes
	if s.MediaMaxBytes > 0 {
		limit = min(limit, s.MediaMaxBytes)
	}
	if f.Size > limit || len(s.MediaTypes) > 0 && !slices.Contains(s.MediaTypes, f.Kind) {
		return ""
	}
	return archive.MediaPrefix(i.Tenant, i.ID) + f.SHA256
}

// PassingKey is where the file of a message is for webhooks that want it, "" when
// it has none or a larger one than the host takes.
func (k *Keeper) PassingKey(i instance.ID, m message.Message) string {
	if m.Media == nil || m.Media.Size > k.cfg.MaxBytes {
		return ""
	}
	return event.Passing + string(i) + "/" + event.NewID(m.Chat.Key(), m.Sender.Key(), m.ID)
}

// Keep fetches the file of a message, whose Media.Blob says where to, before
// the message is told. When the file is not there then, it is pending and
// [Keeper.Retry] goes on. It never takes much longer than the patience. What it
// answers is nil when the file is there, [ErrGone] when it never will be.
func (k *Keeper) Keep(ctx context.Context, i instance.ID, m message.Message, fetch Fetch) error {
	cause := errLater
	if k.now().Sub(time.Unix(0, k.failed.Load())) > calm {
		wait, cancel := context.WithTimeout(ctx, k.cfg.Patience)
		cause = k.Store(wait, m, m.Media.Blob, fetch)
		cancel()
		if cause == nil || errors.Is(cause, ErrGone) {
			return cause
		}
		k.failed.Store(k.now().UnixNano())
		k.cfg.Log.InfoContext(ctx, "file of a message comes later", "instance", string(i), "err", cause)
	}
	if err := k.later(ctx, i, m); err != nil {
		k.cfg.Log.ErrorContext(ctx, "file of a message cannot be noted", "instance", string(i), "err", err)
	}
	return cause
}

var errLater = errors.New("files could not be fetched a moment ago")

// later notes that the file of a message is still to be fetched.
func (k *Keeper) later(ctx context.Context, i instance.ID, m message.Message) error {
	body, err := json.Marshal(message.Message{ID: m.ID, Kind: m.Kind, Content: m.Content, Media: m.Media})
	if err != nil {
		return fmt.Errorf("marshal the media of message %s: %w", m.ID, err)
	}
	life := pendingLife
	if strings.HasPrefix(m.Media.Blob, event.Passing) {
		life = passingLife
	}
	item := table.Item{
		Key: pendingKey(i, m), Body: body, Expires: k.now().Add(life),
		Attributes: map[string]any{"attempts": int64(1), "next_at": table.Stamp(k.now().Add(k.cfg.FirstPause))},
	}
	_, err = k.cfg.Table.Put(ctx, item, table.None())
	return err
}

func pendingKey(i instance.ID, m message.Message) table.Key {
	return table.Key{Partition: "media-pending#" + string(i), Sort: path.Base(m.Media.Blob)}
}

// Retry fetches what is pending and due, one file after the other, and returns
// when to try again, zero when nothing is pending.
func (k *Keeper) Retry(ctx context.Context, i instance.ID, fetch Fetch) (time.Time, error) {
	var next time.Time
	soonest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	query := table.Query{Partition: "media-pending#" + string(i), Limit: 25}
	for item, err := range table.All(ctx, k.cfg.Table, query) {
		if err != nil {
			return k.now().Add(longestPause / 60), fmt.Errorf("list pending files of instance %s: %w", i, err)
		}
		if at := item.Time("next_at"); k.now().Before(at) {
			soonest(at)
			continue
		}
		at, err := k.retry(ctx, i, item, fetch)
		if err != nil {
			return k.now().Add(longestPause / 60), err
		}
		if !at.IsZero() {
			soonest(at)
		}
	}
	return next, nil
}

// retry does one file and returns when it is to be tried again, zero for never.
func (k *Keeper) retry(ctx context.Context, i instance.ID, item table.Item, fetch Fetch) (time.Time, error) {
	var m message.Message
	err := json.Unmarshal(item.Body, &m)
	if err == nil && m.Media == nil {
		err = errors.New("it names no file")
	}
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, fetchLimit)
		err = k.Store(bounded, m, m.Media.Blob, fetch)
		cancel()
		if err != nil && !errors.Is(err, ErrGone) && ctx.Err() == nil {
			attempts := item.Number("attempts") + 1
			at := k.now().Add(min(k.cfg.FirstPause<<min(attempts-1, 20), longestPause))
			item.Attributes["attempts"], item.Attributes["next_at"] = attempts, table.Stamp(at)
			k.cfg.Log.InfoContext(ctx, "file of a message cannot be fetched yet", "instance", string(i), "attempts", attempts, "err", err)
			if _, err := k.cfg.Table.Put(ctx, item, table.None()); err != nil {
				return at, fmt.Errorf("note an attempt: %w", err)
			}
			return at, nil
		}
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err != nil {
		k.cfg.Log.WarnContext(ctx, "file of a message cannot be had", "instance", string(i), "err", err)
	}
	if err := k.cfg.Table.Delete(ctx, item.Key, table.None()); err != nil {
		return time.Time{}, fmt.Errorf("forget a pending file: %w", err)
	}
	return time.Time{}, nil
}

// Store fetches the file of a message and puts it under key, unless it is there
// already.
func (k *Keeper) Store(ctx context.Context, m message.Message, key string, fetch Fetch) error {
	select {
	case k.slots <- struct{}{}:
		defer func() { <-k.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for other files: %w", ctx.Err())
	}
	there, _, err := k.cfg.Bucket.Get(ctx, key, blob.Range{Length: 1})
	if err == nil {
		return there.Close()
	}
	if errors.Is(err, blob.ErrRange) { // there, and empty
		return nil
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("look for a file: %w", err)
	}
	temporary, err := os.CreateTemp("", "media-*")
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	defer func() {
		_ = temporary.Close()
		_ = os.Remove(temporary.Name())
	}()
	if err := fetch(ctx, m, &File{file: temporary, max: k.cfg.MaxBytes + overhead}); err != nil {
		return err
	}
	if _, err := temporary.Seek(0, 0); err != nil {
		return fmt.Errorf("read a fetched file: %w", err)
	}
	info, err := temporary.Stat()
	if err != nil {
		return fmt.Errorf("read a fetched file: %w", err)
	}
	if _, err := k.cfg.Bucket.Put(ctx, key, temporary, info.Size(), m.Media.Mimetype); err != nil {
		return fmt.Errorf("store a file: %w", err)
	}
	return nil
}
