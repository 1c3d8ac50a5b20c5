package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"roost/sessionhost/media"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/webhook"
)

// mediaDue tells the loop when a file is to be fetched again.
type mediaDue struct{ at time.Time }

// fetch downloads with whatever connection there is.
func (s *Session) fetch(ctx context.Context, m message.Message, to *media.File) error {
	client := s.line.Load()
	if client == nil {
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	}
	return client.Download(ctx, m, to)
}

// keep sees to it that the file of a message is kept, if the instance asks for
// it, and notes in the message where; or else that it can be told, if a webhook
// wants it in what is called name there (MESSAGES_UPSERT), and returns where.
// file is its content when it is at hand.
func (s *Session) keep(ctx context.Context, m *message.Message, name string, file []byte) string {
	keeper := s.deps.Media
	if keeper == nil || m.Media == nil {
		return ""
	}
	there := *m
	kept := *m.Media
	there.Media = &kept
	if kept.Blob = keeper.Key(s.Record(), *m); kept.Blob != "" {
		if s.putFile(ctx, there, file) {
			m.Media = &kept
		}
		return ""
	}
	if kept.Blob = keeper.PassingKey(s.id, *m); kept.Blob == "" || !s.audience.wants(ctx, s, name) || !s.putFile(ctx, there, file) {
		return ""
	}
	return kept.Blob
}

// putFile puts the file of a message where its Media.Blob says, or sees to it
// that it comes there. False when it never will.
func (s *Session) putFile(ctx context.Context, m message.Message, file []byte) bool {
	fetch := s.fetch
	if file != nil {
		fetch = func(_ context.Context, _ message.Message, to *media.File) error {
			_, err := bytes.NewReader(file).WriteTo(to)
			return err
		}
	}
	err := s.deps.Media.Keep(ctx, s.id, m, fetch)
	if errors.Is(err, media.ErrGone) {
		s.log.WarnContext(ctx, "file of a message is gone", "err", err)
		return false
	}
	if err != nil {
		s.inbox.put(mediaDue{time.Now().Add(media.Patience)})
	}
	return true
}

// audienceLife is for how long a session believes what it has read of webhooks.
const audienceLife = 5 * time.Second

// audience are the webhooks that want files, as last read.
type audience struct {
	mu    sync.Mutex
	until time.Time
	known []webhook.Subscription
}

// wants reports whether one of them wants the files of what is called name. When
// that cannot be found out, one does.
func (a *audience) wants(ctx context.Context, s *Session, name string) bool {
	if s.deps.Webhooks == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.After(a.until) {
		known, err := s.deps.Webhooks.WithFiles(ctx, s.Record().Tenant, s.id)
		if err != nil {
			s.log.WarnContext(ctx, "webhooks cannot be read", "err", err)
			return true
		}
		a.known, a.until = known, now.Add(audienceLife)
	}
	return slices.ContainsFunc(a.known, func(s webhook.Subscription) bool { return s.Wants(name) })
}

// fetchPending fetches what is pending, in the background; one run at a time.
func (s *Session) fetchPending() {
	if s.deps.Media == nil || s.fetching || s.record.State != instance.Open {
		return
	}
	s.stopFetching()
	ctx, stop := context.WithCancel(s.life)
	s.fetching, s.stopFetch = true, stop
	s.tasks.Go(func() {
		next, err := s.deps.Media.Retry(ctx, s.id, s.fetch)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("pending files cannot be fetched", "err", err)
		}
		s.inbox.put(mediaFetched{next})
	})
}

// stopFetching ends a run of fetchPending: what is left stays pending.
func (s *Session) stopFetching() {
	if s.stopFetch != nil {
		s.stopFetch()
	}
}

// mediaFetched is the end of a run of fetchPending, and when the next begins.
type mediaFetched struct{ next time.Time }

// Download puts the file of a message into the bucket, for a request.
func (s *Session) Download(ctx context.Context, args command.DownloadArgs) error {
	if _, err := s.sender(ctx); err != nil {
		return err
	}
	if s.deps.Media == nil || args.Message.Media == nil {
		return fault.New(fault.Invalid, "The message is not of the media type")
	}
	if err := s.deps.Media.Store(ctx, args.Message, args.Blob, s.fetch); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the file cannot be fetched from WhatsApp")
	}
	return nil
}
