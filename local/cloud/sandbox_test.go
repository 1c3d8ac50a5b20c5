package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sandbox is a function's process under the Runtime Interface Emulator. Like
// Lambda's it does one invocation at a time, and starts with the first.
type sandbox struct {
	cmd    *exec.Cmd
	url    string
	output *output
	ended  chan struct{}
}

// startSandbox starts the emulator with the function's environment.
func startSandbox(ctx context.Context, name, bootstrap string, env []string) (*sandbox, error) {
	for try := 0; ; try++ {
		port, api := freePorts()
		s := &sandbox{url: "http://127.0.0.1:" + port, output: &output{}, ended: make(chan struct{})}
		s.cmd = exec.Command(os.Getenv("ROOST_RIE"),
			"--runtime-interface-emulator-address", "127.0.0.1:"+port, "--runtime-api-address", "127.0.0.1:"+api, bootstrap)
		s.cmd.Env = append([]string{"AWS_LAMBDA_FUNCTION_NAME=" + name, "AWS_LAMBDA_FUNCTION_TIMEOUT=180", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128"}, env...)
		s.cmd.Dir = filepath.Dir(bootstrap)
		s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
		s.cmd.WaitDelay = time.Second // a function that outlives its emulator holds the pipe
		bind(s.cmd)
		if err := s.cmd.Start(); err != nil {
			return nil, fmt.Errorf("start the emulator of %s: %w", name, err)
		}
		go func() {
			_ = s.cmd.Wait()
			close(s.ended)
		}()
		if s.listens(ctx, port) {
			return s, nil
		}
		s.stop()
		if try == 4 || ctx.Err() != nil {
			return nil, fmt.Errorf("the emulator of %s does not start:\n%s", name, s.output)
		}
	}
}

// listens waits until the emulator does, or has ended: another process may have
// taken one of its ports meanwhile.
func (s *sandbox) listens(ctx context.Context, port string) bool {
	for {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-s.ended:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stop ends the function and its emulator, which does not end by itself.
func (s *sandbox) stop() {
	for _, child := range children(s.cmd.Process.Pid) {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// invoke is one synchronous invocation.
func (s *sandbox) invoke(ctx context.Context, event []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/2015-03-31/functions/function/invocations", bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var failure struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(answer, &failure) == nil && failure.ErrorMessage != "" {
		return nil, fmt.Errorf("%s: %s", failure.ErrorType, failure.ErrorMessage)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, answer)
	}
	return answer, nil
}

var (
	initReport = regexp.MustCompile(`INIT REPORT\(durationMs: ([0-9.]+)\)`)
	runReport  = regexp.MustCompile(`(?m)^REPORT .*?\bBilled Duration: ([0-9]+) ms`)
)

// initTime is how long the function took from its start until it asked for its
// first event, 0 before that.
func (s *sandbox) initTime() time.Duration {
	found := initReport.FindStringSubmatch(s.output.String())
	if found == nil {
		return 0
	}
	ms, _ := strconv.ParseFloat(found[1], 64)
	return time.Duration(ms * float64(time.Millisecond))
}

// billed sums the milliseconds of all invocations.
func (s *sandbox) billed() (invocations, milliseconds int) {
	for _, found := range runReport.FindAllStringSubmatch(s.output.String(), -1) {
		ms, _ := strconv.Atoi(found[1])
		invocations++
		milliseconds += ms
	}
	return invocations, milliseconds
}

// peakMemory is the most that the function's process has had resident, in bytes
// (VmHWM of proc(5)).
func (s *sandbox) peakMemory(t *testing.T) int64 {
	t.Helper()
	for _, child := range children(s.cmd.Process.Pid) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child))
		must(t, err)
		for line := range strings.Lines(string(status)) {
			if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
				must(t, err)
				return kib << 10
			}
		}
	}
	t.Fatalf("the emulator has no function:\n%s", s.output)
	return 0
}

// children are the processes that a process has started and that live.
func children(pid int) []int {
	var out []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		if err != nil {
			continue // threads end
		}
		for field := range strings.FieldsSeq(string(pids)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// output keeps what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// freePorts are two that were free a moment ago, below those that the system
// gives to connections: the emulator binds the second one late.
func freePorts() (first, second string) {
	var ports []string
	for len(ports) < 2 {
		port := strconv.Itoa(10_000 + rand.IntN(10_000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		defer l.Close()
		ports = append(ports, port)
	}
	return ports[0], ports[1]
}
