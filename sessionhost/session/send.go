package session

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"roost/sessionhost/conversion"
	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
)

// Send sends a message; data is the file of one that has a file. It runs on the
// caller's goroutine, so that a slow send does not hold the session up; the
// library sends one after the other.
func (s *Session) Send(ctx context.Context, args command.SendArgs, data []byte) (command.Sent, error) {
	begun := time.Now()
	client, err := s.sender(ctx)
	if err != nil {
		return command.Sent{}, err
	}
	if err := s.allowed(ctx, client, args.To); err != nil {
		return command.Sent{}, err
	}
	var file *conversion.File
	if args.Media != nil {
		if file, err = s.deps.Converter.Prepare(ctx, *args.Media, data); err != nil {
			return command.Sent{}, err
		}
		data = file.Data
	}
	if err := s.typing(ctx, client, args, begun); err != nil {
		return command.Sent{}, err
	}
	told := s.sending.begin(args.MessageID)
	defer told()
	start := time.Now()
	m, err := client.Send(ctx, args, file)
	s.deps.Metrics.sending(start, err)
	if err != nil {
		return command.Sent{}, err
	}
	passing := s.keep(ctx, &m, "SEND_MESSAGE", data)
	e, err := newEvent(s.Record(), event.MessageSent, m.Chat.Key(), m, m.ID)
	if err != nil {
		return command.Sent{}, fmt.Errorf("make the event of %s: %w", m.ID, err)
	}
	e.File = passing
	if err := s.publishSent(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "event of a sent message cannot be published", "err", err)
		return command.Sent{}, fault.Wrap(fault.Unavailable, err, "the message has gone out, and that cannot be stored now")
	}
	body, err := json.Marshal(m)
	if err != nil {
		return command.Sent{}, fmt.Errorf("marshal message %s: %w", m.ID, err)
	}
	return command.Sent{Message: body}, nil
}

// Client is the connection to ask WhatsApp something with, as sender has it.
func (s *Session) Client(ctx context.Context) (*whatsapp.Client, error) { return s.sender(ctx) }

// publishSent tries for as long as somebody waits: who then asks again, with the
// same message id, has it told without it being sent twice.
func (s *Session) publishSent(ctx context.Context, e event.Event) error {
	for pause := firstSave; ; pause = min(2*pause, longestSave) {
		err := s.deps.Events.Publish(ctx, e)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// sender is the client to send with. A session that has just begun makes it in
// a moment; the client itself waits for a connection that is being opened.
func (s *Session) sender(ctx context.Context) (*whatsapp.Client, error) {
	if client := s.line.Load(); client != nil {
		return client, nil
	}
	if s.Record().Wanted {
		if _, err := s.ask(ctx, false, func(*Session) (any, error) { return nil, nil }); err != nil {
			return nil, err
		}
		if client := s.line.Load(); client != nil {
			return client, nil
		}
	}
	return nil, fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
}

// inflight are the messages that are being sent. A receipt can overtake the
// server's word that it has the message: its event waits until the message's
// own was published.
type inflight struct {
	mu   sync.Mutex
	byID map[string]chan struct{}
}

// begin notes a message; the function it returns ends that.
func (f *inflight) begin(id string) func() {
	done := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = map[string]chan struct{}{}
	}
	f.byID[id] = done
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.byID[id] == done {
			delete(f.byID, id)
		}
		close(done)
	}
}

// wait returns when none of the messages is being sent.
func (f *inflight) wait(ctx context.Context, ids []string) error {
	for _, id := range ids {
		f.mu.Lock()
		done := f.byID[id]
		f.mu.Unlock()
		if done == nil {
			continue
		}
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Check asks which numbers are on WhatsApp.
func (s *Session) Check(ctx context.Context, args command.CheckArgs) (command.Checked, error) {
	client, err := s.sender(ctx)
	if err != nil {
		return command.Checked{}, err
	}
	numbers, err := client.Check(ctx, args.Numbers)
	return command.Checked{Numbers: numbers}, err
}
