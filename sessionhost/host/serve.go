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
	"roost/shared/instance"
	"roost/shared/queue"
)

const (
	// maxBusy bounds how many commands a host works on at once.
	maxBusy = 512
	// hidden is how long commands stay with a host that says nothing. One that
	// is at work on them says so before.
	hidden = 15 * time.Second
	// maxHops is how often a command may be passed on.
	maxHops = 6
)

// serve takes commands from a queue until ctx ends. Commands of an instance
// come one after the other, as the queue's groups see to.
func (t *tenure) serve(ctx, life context.Context, q queue.Queue) {
	busy := make(chan struct{}, maxBusy)
	var working sync.WaitGroup
	defer working.Wait()
	for ctx.Err() == nil {
		got, err := q.Receive(ctx, queue.MaxReceive, queue.MaxWait, hidden)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			t.host.log.ErrorContext(ctx, "commands cannot be received", "err", err)
			pause(ctx, time.Second)
			continue
		}
		for _, group := range byGroup(got) {
			shown := t.hide(life, q, group)
			busy <- struct{}{}
			working.Go(func() {
				defer func() { <-busy }()
				defer shown()
				for _, d := range group {
					t.work(life, q, d)
				}
			})
		}
	}
}

// hide keeps commands hidden from other hosts for longer than they would be, until
// the function it returns is called.
func (t *tenure) hide(life context.Context, q queue.Queue, group []queue.Delivery) func() {
	ctx, cancel := context.WithCancel(life)
	var timer *time.Timer
	var mu sync.Mutex
	extend := func() {
		for _, d := range group {
			_ = q.ChangeVisibility(ctx, d.Receipt, hidden) // of those not done yet
		}
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			timer.Reset(hidden / 3)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(hidden/3, extend)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		cancel()
		timer.Stop()
	}
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

// work does one command, or passes it on, and takes it off the queue. Once the
// lease is over it leaves the command to the next owner.
func (t *tenure) work(life context.Context, q queue.Queue, d queue.Delivery) {
	var cmd command.Command
	if err := json.Unmarshal(d.Body, &cmd); err != nil {
		t.host.log.ErrorContext(life, "a command that is none", "err", err) // nobody can be answered; it ends with the dead letters
		return
	}
	if time.Now().Before(cmd.Deadline) && t.begin(cmd.ID) {
		if cmd.Aside { // whoever asked follows it should this host end
			t.running.Go(func() {
				if elsewhere := t.begun(life, cmd); elsewhere != nil {
					t.pass(life, elsewhere.host, cmd)
				}
			})
		} else if elsewhere := t.begun(life, cmd); elsewhere != nil {
			t.redirect(life, q, d, elsewhere.host)
			return
		}
	}
	if life.Err() != nil {
		return
	}
	if err := q.Delete(life, d.Receipt); err != nil {
		t.host.log.ErrorContext(life, "command cannot be taken off its queue", "err", err)
	}
}

// begun does a command that begin has noted.
func (t *tenure) begun(life context.Context, cmd command.Command) *heldError {
	defer t.end(cmd.ID)
	ctx, cancel := context.WithDeadline(life, cmd.Deadline)
	defer cancel()
	return t.do(ctx, life, cmd)
}

// begin notes a command. False when it is under way already: it was sent again
// because its answer takes long.
func (t *tenure) begin(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doing[id] {
		return false
	}
	t.doing[id] = true
	return true
}

func (t *tenure) end(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.doing, id)
}

// redirect passes a command on to another host, or with "" to any, and takes it
// off the queue.
func (t *tenure) redirect(life context.Context, q queue.Queue, d queue.Delivery, to string) {
	var cmd command.Command
	if err := json.Unmarshal(d.Body, &cmd); err == nil && !t.pass(life, to, cmd) {
		return // comes again
	}
	if err := q.Delete(life, d.Receipt); err != nil {
		t.host.log.WarnContext(life, "command cannot be taken off its queue", "err", err)
	}
}

// pass gives a command to another host. It reports false when that should be
// tried again.
func (t *tenure) pass(life context.Context, to string, cmd command.Command) bool {
	if time.Now().After(cmd.Deadline) || cmd.Hops >= maxHops {
		t.host.log.WarnContext(life, "a command that nobody does", "kind", string(cmd.Kind), "hops", cmd.Hops)
		return true
	}
	err := t.commands.Forward(life, to, cmd)
	if err != nil {
		t.host.log.WarnContext(life, "command cannot be passed on", "to", to, "err", err)
	}
	return err == nil
}

// do does a command and stores its answer, or says which host should.
func (t *tenure) do(ctx, life context.Context, cmd command.Command) *heldError {
	if cmd.Kind == command.Take {
		t.accept(ctx, life, cmd.Instance)
		t.mu.Lock()
		refused := t.leaving && t.sessions[cmd.Instance] == nil
		t.mu.Unlock()
		if refused && cmd.Hops < maxHops {
			return &heldError{""} // somebody who stays is to have it
		}
		return nil
	}
	if t.answeredBefore(ctx, cmd) {
		return nil
	}
	value, err := t.guarded(ctx, life, cmd)
	if elsewhere, ok := errors.AsType[*heldError](err); ok {
		if cmd.Hops < maxHops {
			return elsewhere
		}
		err = fault.Wrap(fault.Unavailable, err, "the instance is changing hosts")
	}
	if fault.KindOf(err) == fault.Unavailable && err != nil && t.lost(cmd.Instance) {
		return &heldError{""} // the session ended under it: the next owner does it
	}
	if err != nil && fault.KindOf(err) == fault.Internal {
		t.host.log.ErrorContext(ctx, "command failed", "kind", string(cmd.Kind), "instance", string(cmd.Instance), "err", err)
	}
	for n := range 5 { // somebody waits for it
		putErr := t.results.Put(life, cmd.ID, value, err)
		if putErr == nil {
			t.remembers(cmd.ID)
			return nil
		}
		if n == 4 {
			t.host.log.ErrorContext(ctx, "result cannot be stored", "command", cmd.ID, "err", putErr)
		}
		pause(life, 50*time.Millisecond<<n)
	}
	return nil
}

// lost reports whether this host has given the instance away, or is about to.
func (t *tenure) lost(id instance.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, given := t.given[id]
	return t.leaving || given
}

// accept takes an instance that another host has released, or one that this host
// gave to another which ended before it had taken it. Whatever keeps it from
// that, the instance is looked for later.
func (t *tenure) accept(ctx, life context.Context, id instance.ID) {
	t.mu.Lock()
	delete(t.given, id)
	t.mu.Unlock()
	_, err := t.session(ctx, life, id, func(i instance.Instance) error {
		if !i.Wanted {
			return fault.New(fault.Conflict, "the instance needs no connection any more")
		}
		if i.Host == t.cfg.Name {
			return nil
		}
		if gone, err := t.gone(ctx, i.Host); err != nil || i.Host != "" && !gone {
			return &heldError{i.Host}
		}
		return nil
	})
	if err != nil {
		t.host.log.DebugContext(ctx, "nudge without effect", "instance", string(id), "err", err)
	}
}

// guarded turns a panic into an answer.
func (t *tenure) guarded(ctx, life context.Context, cmd command.Command) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			t.host.log.ErrorContext(ctx, "command panicked", "kind", string(cmd.Kind), "panic", r, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal error")
		}
	}()
	if cmd.Kind == command.TestProxy { // the instance may not exist yet
		args, err := read[command.TestProxyArgs](ctx, t.cfg.Bucket, cmd)
		if err == nil {
			err = t.host.testProxy(ctx, args)
		}
		return nil, err
	}
	value, err = t.attempt(ctx, life, cmd)
	if errors.Is(err, session.ErrEnded) && life.Err() == nil && !t.lost(cmd.Instance) {
		// It has given the instance up just then, and nothing of the command is done.
		value, err = t.attempt(ctx, life, cmd)
	}
	return value, err
}

// attempt does a command in the session of its instance.
func (t *tenure) attempt(ctx, life context.Context, cmd command.Command) (any, error) {
	s, err := t.session(ctx, life, cmd.Instance, func(i instance.Instance) error { return t.fits(ctx, i, cmd) })
	if err != nil {
		return nil, err
	}
	return t.perform(ctx, s, cmd)
}

// fits lets a host with room for it have an instance that nobody holds.
func (t *tenure) fits(ctx context.Context, i instance.Instance, cmd command.Command) error {
	if i.Host == t.cfg.Name || cmd.Hops > 0 {
		return nil
	}
	if i.Host != "" {
		if gone, err := t.gone(ctx, i.Host); err != nil || !gone {
			return nil //nolint:nilerr // take finds out again, and says so
		}
	}
	if better := t.spread.better(t.cfg.Name, t.count()); better != "" {
		return &heldError{better}
	}
	return nil
}

func (t *tenure) perform(ctx context.Context, s *session.Session, cmd command.Command) (any, error) {
	switch cmd.Kind {
	case command.Connect:
		args, err := read[command.ConnectArgs](ctx, t.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.Connect(ctx, args)
	case command.Recover:
		return s.Recover(ctx)
	case command.Release:
		args, err := read[command.ReleaseArgs](ctx, t.cfg.Bucket, cmd)
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
		}
		return status, err
	case command.Apply:
		return s.Apply(ctx)
	case command.AnswerPasskey:
		args, err := read[command.PasskeyArgs](ctx, t.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.AnswerPasskey(ctx, args)
	case command.ConfirmPasskey:
		return s.ConfirmPasskey(ctx)
	case command.SendMessage:
		return t.send(ctx, s, cmd)
	case command.DownloadMedia:
		args, err := read[command.DownloadArgs](ctx, t.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return nil, s.Download(ctx, args)
	case command.CheckNumbers:
		args, err := read[command.CheckArgs](ctx, t.cfg.Bucket, cmd)
		if err != nil {
			return nil, err
		}
		return s.Check(ctx, args)
	case command.MarkRead:
		return nil, obey(ctx, t.cfg.Bucket, cmd, s.MarkRead)
	case command.ShowPresence:
		return nil, obey(ctx, t.cfg.Bucket, cmd, s.ShowPresence)
	case command.WatchPresence:
		return nil, obey(ctx, t.cfg.Bucket, cmd, s.WatchPresence)
	default:
		return t.ask(ctx, s, cmd)
	}
}

// obey does what has arguments and no value for an answer.
func obey[T any](ctx context.Context, b blob.Bucket, cmd command.Command, do func(context.Context, T) error) error {
	args, err := read[T](ctx, b, cmd)
	if err != nil {
		return err
	}
	return do(ctx, args)
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

func (t *tenure) send(ctx context.Context, s *session.Session, cmd command.Command) (any, error) {
	args, err := read[command.SendArgs](ctx, t.cfg.Bucket, cmd)
	if err != nil {
		return nil, err
	}
	if args.Once {
		sent, err := t.once.Sent(ctx, cmd.Instance, args.MessageID)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "it is not known whether the message was sent before")
		}
		if sent != nil {
			return *sent, nil
		}
	}
	file, err := t.file(ctx, args.Media)
	if err != nil {
		return nil, err
	}
	sent, err := s.Send(ctx, args, file)
	if err == nil && args.Once {
		t.remember(ctx, cmd.Instance, args.MessageID, sent)
	}
	return sent, err
}

// remember writes down that a message has gone out. Should the table not take
// it, whoever asks again makes it go out under the same id.
func (t *tenure) remember(ctx context.Context, i instance.ID, messageID string, sent command.Sent) {
	var err error
	for n := range 4 {
		if err = t.once.Done(context.WithoutCancel(ctx), i, messageID, sent); err == nil {
			return
		}
		pause(ctx, 50*time.Millisecond<<n)
	}
	t.host.log.ErrorContext(ctx, "send cannot be remembered", "instance", string(i), "err", err)
}

func (t *tenure) file(ctx context.Context, m *command.MediaArgs) ([]byte, error) {
	if m == nil || m.Blob == "" {
		if m == nil {
			return nil, nil
		}
		return m.Bytes, nil
	}
	stored, info, err := t.cfg.Bucket.Get(ctx, m.Blob, blob.Range{})
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
