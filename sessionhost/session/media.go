package session

import (
	"bytes"
	"context"
	"time"

	"roost/sessionhost/media"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
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
// it, and notes in the message where. file is its content when it is at hand.
func (s *Session) keep(ctx context.Context, m *message.Message, file []byte) {
	keeper := s.deps.Media
	if keeper == nil || m.Media == nil {
		return
	}
	key := keeper.Key(s.Record(), *m)
	if key == "" {
		return
	}
	kept := *m.Media
	kept.Blob = key
	m.Media = &kept
	fetch := s.fetch
	if file != nil {
		fetch = func(_ context.Context, _ message.Message, to *media.File) error {
			_, err := bytes.NewReader(file).WriteTo(to)
			return err
		}
	}
	if !keeper.Keep(ctx, s.id, *m, fetch) {
		s.inbox.put(mediaDue{time.Now().Add(media.Patience)})
	}
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
