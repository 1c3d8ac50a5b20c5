package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/queue"
)

// statusPause is how often a host tells how it is; alarms and scaling count in
// minutes.
const statusPause = time.Minute

// status tells once a minute how the host is, in one line of JSON that the
// template's metric filters read:
//
//	msg                   "host status"
//	host                  its name
//	sessions              instances it has; that the line comes at all is its heartbeat
//	command_age_seconds   longest wait of a command that it took since the last line
//	clock_offset_seconds  what must be added to its clock, left out when nobody knows
//
// It hands the host its queues to see how long commands have waited.
type status struct {
	queue.Opener
	host   *host.Port
	log    *slog.Logger
	oldest atomic.Int64 // nanoseconds
}

func newStatus(name string, port *host.Port, queues queue.Opener, out io.Writer) *status {
	return &status{Opener: queues, host: port, log: slog.New(slog.NewJSONHandler(out, nil)).With("host", name)}
}

// run tells at once and then every minute until ctx ends.
func (s *status) run(ctx context.Context) {
	ticker := time.NewTicker(statusPause)
	defer ticker.Stop()
	for {
		s.tell(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *status) tell(ctx context.Context) {
	line := []slog.Attr{
		slog.Int("sessions", s.host.Sessions()),
		slog.Float64("command_age_seconds", time.Duration(s.oldest.Swap(0)).Seconds()),
	}
	if offset, known := s.host.ClockOffset(); known {
		line = append(line, slog.Float64("clock_offset_seconds", offset.Seconds()))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "host status", line...)
}

// Open watches the queues of commands.
func (s *status) Open(ctx context.Context, name string, options queue.Options) (queue.Queue, error) {
	q, err := s.Opener.Open(ctx, name, options)
	if err != nil || !strings.HasPrefix(name, command.Shared) {
		return q, err //nolint:wrapcheck // it is the opener's to say
	}
	return &watched{Queue: q, oldest: &s.oldest}, nil
}

// watched notes how old the oldest message is that comes off a queue.
type watched struct {
	queue.Queue
	oldest *atomic.Int64
}

// Receive implements [queue.Queue].
func (w *watched) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]queue.Delivery, error) {
	got, err := w.Queue.Receive(ctx, limit, wait, visibility)
	for _, d := range got {
		age := int64(time.Since(d.Sent))
		for before := w.oldest.Load(); age > before && !w.oldest.CompareAndSwap(before, age); before = w.oldest.Load() {
		}
	}
	return got, err
}
