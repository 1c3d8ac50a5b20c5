package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"roost/sessionhost/session"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/queue"
)

// maxBusy bounds how many commands a host works on at once.
const maxBusy = 512

// serve takes commands from a queue until ctx ends. Commands of an instance
// come one after the other, as the queue's groups see to.
func (h *Host) serve(ctx, life context.Context, q queue.Queue) error {
	busy := make(chan struct{}, maxBusy)
	var working sync.WaitGroup
	defer working.Wait()
	for ctx.Err() == nil {
		got, err := q.Receive(ctx, queue.MaxReceive, queue.MaxWait, 0)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			h.log.ErrorContext(ctx, "commands cannot be received", "err", err)
			pause(ctx, time.Second)
			continue
		}
		for _, group := range byGroup(got) {
			busy <- struct{}{}
			working.Go(func() {
				defer func() { <-busy }()
				for _, d := range group {
					h.work(life, q, d)
				}
			})
		}
	}
	return ctx.Err()
}

// byGroup splits deliveries so that those of a group stay together, in order.
func byGroup(all []queue.Delivery) [][]queue.Delivery {
	index := map[string]int{}
	var out [][]queue.Delivery
	for _, d := range all {
		n, ok := index[d.Group]
		if !ok {
			n = len(out)
			index[d.Group] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], d)
	}
	return out
}

// work does one command, answers it and takes it off the queue.
func (h *Host) work(life context.Context, q queue.Queue, d queue.Delivery) {
	var cmd command.Command
	if err := json.Unmarshal(d.Body, &cmd); err != nil {
		h.log.ErrorContext(life, "a command that is none", "err", err) // nobody can be answered; it ends with the dead letters
		return
	}
	if time.Now().Before(cmd.Deadline) {
		ctx, cancel := context.WithDeadline(life, cmd.Deadline)
		h.do(ctx, life, cmd)
		cancel()
	}
	if err := q.Delete(life, d.Receipt); err != nil {
		h.log.ErrorContext(life, "command cannot be taken off its queue", "err", err)
	}
}

func (h *Host) do(ctx, life context.Context, cmd command.Command) {
	answered, err := h.results.Answered(ctx, cmd.ID)
	if err == nil && answered {
		return
	}
	value, err := h.guarded(ctx, life, cmd)
	if err != nil && fault.KindOf(err) == fault.Internal {
		h.log.ErrorContext(ctx, "command failed", "kind", string(cmd.Kind), "instance", string(cmd.Instance), "err", err)
	}
	for n := range 5 { // somebody waits for it
		if putErr := h.results.Put(life, cmd.ID, value, err); putErr == nil {
			return
		} else if n == 4 {
			h.log.ErrorContext(ctx, "result cannot be stored", "command", cmd.ID, "err", putErr)
		}
		pause(ctx, 50*time.Millisecond<<n)
	}
}

// guarded turns a panic into an answer.
func (h *Host) guarded(ctx, life context.Context, cmd command.Command) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			h.log.ErrorContext(ctx, "command panicked", "kind", string(cmd.Kind), "panic", r, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal error")
		}
	}()
	s, err := h.session(ctx, life, cmd.Instance)
	if err != nil {
		return nil, err
	}
	return h.run(ctx, s, cmd)
}

func (h *Host) run(ctx context.Context, s *session.Session, cmd command.Command) (any, error) {
	switch cmd.Kind {
	case command.Connect:
		args, err := read[command.ConnectArgs](ctx, h.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.Connect(ctx, args)
	case command.Recover:
		return s.Recover(ctx)
	case command.Release:
		args, err := read[command.ReleaseArgs](ctx, h.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return nil, s.Release(ctx, args.Reason)
	case command.Disconnect:
		return s.Disconnect(ctx)
	case command.Restart:
		return s.Restart(ctx)
	case command.Logout:
		return s.Logout(ctx)
	case command.Delete:
		status, err := s.Delete(ctx)
		if err == nil {
			<-s.Done()
			h.forget(cmd.Instance)
		}
		return status, err
	case command.Apply:
		return s.Apply(ctx)
	case command.AnswerPasskey:
		args, err := read[command.PasskeyArgs](ctx, h.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.AnswerPasskey(ctx, args)
	case command.ConfirmPasskey:
		return s.ConfirmPasskey(ctx)
	case command.SendMessage:
		return h.send(ctx, s, cmd)
	case command.CheckNumbers:
		args, err := read[command.CheckArgs](ctx, h.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.Check(ctx, args)
	default:
		return nil, fault.New(fault.Invalid, "unknown command %q", cmd.Kind)
	}
}

func read[T any](ctx context.Context, b blob.Bucket, cmd command.Command) (T, error) {
	var args T
	if len(cmd.Args) == 0 && cmd.ArgsBlob == "" {
		return args, nil
	}
	err := command.ReadArgs(ctx, b, cmd, &args)
	return args, err
}

// maxFile bounds a file to send, in bytes; WhatsApp takes documents up to 2 GB,
// which do not fit into a small host.
const maxFile = 100 << 20

func (h *Host) send(ctx context.Context, s *session.Session, cmd command.Command) (any, error) {
	args, err := read[command.SendArgs](ctx, h.cfg.Bucket, cmd)
	if err != nil {
		return nil, err
	}
	file, err := h.file(ctx, args.Media)
	if err != nil {
		return nil, err
	}
	return s.Send(ctx, args, file)
}

func (h *Host) file(ctx context.Context, m *command.MediaArgs) ([]byte, error) {
	if m == nil || m.Blob == "" {
		if m == nil {
			return nil, nil
		}
		return m.Bytes, nil
	}
	stored, info, err := h.cfg.Bucket.Get(ctx, m.Blob, blob.Range{})
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "the file to send is gone")
	}
	if err != nil {
		return nil, fmt.Errorf("open the file to send: %w", err)
	}
	defer stored.Close()
	if info.Size > maxFile {
		return nil, fault.New(fault.TooLarge, "a file to send may have up to %d MiB", maxFile>>20)
	}
	data, err := io.ReadAll(stored)
	if err != nil {
		return nil, fmt.Errorf("read the file to send: %w", err)
	}
	return data, nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
