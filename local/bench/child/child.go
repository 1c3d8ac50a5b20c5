// Package child runs this program again as another process: each part of a
// measurement has one of its own, so that the kernel counts its processor time
// and memory apart. A child ends with its parent, however that ends.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// stopLimit is how long a child may take to end after it was asked to.
const stopLimit = 10 * time.Second

// Process is a child that runs.
type Process struct {
	PID int

	cmd   *exec.Cmd
	alive io.Closer
	lines chan string
	done  chan struct{}
	once  sync.Once
	log   *tail
}

// Start runs this program with args. Its environment is ours and env. What it
// says on standard output is for Line, what it says else only for errors.
func Start(ctx context.Context, env []string, args ...string) (*Process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // this program again
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopLimit
	cmd.Env = append(os.Environ(), env...)
	apart(cmd)
	p := &Process{cmd: cmd, lines: make(chan string, 64), done: make(chan struct{}), log: &tail{}}
	cmd.Stderr = p.log
	if p.alive, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	p.PID = cmd.Process.Pid
	go p.read(out)
	return p, nil
}

// read keeps the last lines of what the child says and waits for its end.
func (p *Process) read(out io.Reader) {
	defer close(p.done)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		line := scanner.Text()
		_, _ = p.log.Write([]byte(line + "\n"))
		select {
		case p.lines <- line:
		default: // nobody waits for one any more
		}
	}
	_ = p.cmd.Wait()
}

// Line waits for a line that begins with prefix, after blanks, and returns the
// rest of it.
func (p *Process) Line(ctx context.Context, prefix string) (string, error) {
	for {
		select {
		case line := <-p.lines:
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
				return strings.TrimSpace(rest), nil
			}
		case <-p.done:
			return "", fmt.Errorf("process %d has ended: %s", p.PID, p.log)
		case <-ctx.Done():
			return "", fmt.Errorf("process %d has not said %q: %w: %s", p.PID, prefix, context.Cause(ctx), p.log)
		}
	}
}

// Stop asks the child to end and waits until it has; after a time it is killed.
// It may be called again.
func (p *Process) Stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		timer := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
		defer timer.Stop()
		<-p.done
		_ = p.alive.Close()
	})
}

// Kill ends the child as a loss of power does.
func (p *Process) Kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_ = p.alive.Close()
	})
}

// Output is the last of what the child has said.
func (p *Process) Output() string { return p.log.String() }

// Until is for the child: the context it returns ends with ctx, and when the
// parent is gone, which holds alive open.
func Until(ctx context.Context, alive io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, alive)
		cancel(errors.New("the parent is gone"))
	}()
	return ctx, func() { cancel(nil) }
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 4000

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b = append(t.b, p...); len(t.b) > 2*tailBytes {
		t.b = append(t.b[:0], t.b[len(t.b)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b[max(0, len(t.b)-tailBytes):])
}
