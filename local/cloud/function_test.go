package cloud_test

import (
	"context"
	"sync"
	"testing"
)

// maxSandboxes bounds how many sandboxes a function has: Lambda starts as many
// as there are invocations at the same time.
const maxSandboxes = 6

// function is a Lambda function: sandboxes that are used again.
type function struct {
	t         *testing.T
	name      string
	bootstrap string
	env       []string
	free      chan *sandbox

	mu  sync.Mutex
	all []*sandbox
}

func newFunction(t *testing.T, name, bootstrap string, env []string) *function {
	t.Helper()
	f := &function{t: t, name: name, bootstrap: bootstrap, env: env, free: make(chan *sandbox, maxSandboxes)}
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, s := range f.all {
			s.stop()
		}
	})
	return f
}

// invoke runs the function in a sandbox that is free, or in a new one.
func (f *function) invoke(ctx context.Context, event []byte) ([]byte, error) {
	s, err := f.take(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { f.free <- s }()
	return s.invoke(ctx, event)
}

func (f *function) take(ctx context.Context) (*sandbox, error) {
	select {
	case s := <-f.free:
		return s, nil
	default:
	}
	if s, err := f.grow(ctx); s != nil || err != nil {
		return s, err
	}
	select {
	case s := <-f.free:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// grow starts another sandbox, nil when there are enough.
func (f *function) grow(ctx context.Context) (*sandbox, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) == maxSandboxes {
		return nil, nil
	}
	s, err := startSandbox(ctx, f.name, f.bootstrap, f.env)
	if err == nil {
		f.all = append(f.all, s)
	}
	return s, err
}

// billed sums over all sandboxes.
func (f *function) billed() (invocations, milliseconds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.all {
		n, ms := s.billed()
		invocations += n
		milliseconds += ms
	}
	return invocations, milliseconds
}

// peakMemory is the most that any sandbox has had resident, in bytes.
func (f *function) peakMemory() int64 {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var most int64
	for _, s := range f.all {
		most = max(most, s.peakMemory(f.t))
	}
	return most
}

// said is what all sandboxes have logged.
func (f *function) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all string
	for _, s := range f.all {
		all += s.output.String()
	}
	return all
}
