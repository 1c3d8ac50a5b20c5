package cloud_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// hostProcess is a session host.
type hostProcess struct {
	w      *world
	name   string
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it has; exit tells how
	exit   error
}

// startHost starts a session host and waits until it is ready.
func (w *world) startHost(name string) *hostProcess {
	w.t.Helper()
	h := &hostProcess{w: w, name: name, output: &output{}, ended: make(chan struct{})}
	h.cmd = exec.Command(filepath.Join(w.dir, "sessionhost"))
	h.cmd.Env = append(w.env("host"), "ROOST_HOST_NAME="+name, "ROOST_HOST_LISTEN=127.0.0.1:0", "ROOST_SIMULATOR="+w.wa.URL)
	h.cmd.Stdout, h.cmd.Stderr = h.output, h.output
	bind(h.cmd)
	must(w.t, h.cmd.Start())
	go func() {
		h.exit = h.cmd.Wait()
		close(h.ended)
	}()
	w.t.Cleanup(func() {
		h.kill()
		if w.t.Failed() {
			w.t.Logf("host %s said:\n%s", name, tail(h.output.String()))
		}
	})
	w.poll("host "+name+" to be ready", func() bool {
		select {
		case <-h.ended:
			w.t.Fatalf("host %s has ended: %v", name, h.exit)
		default:
		}
		r, err := http.Get("http://" + h.listen() + "/ready")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return h
}

// logged are the lines of one message in the host's log.
func (h *hostProcess) logged(message string) []map[string]any {
	var out []map[string]any
	for line := range bytes.Lines([]byte(h.output.String())) {
		var fields map[string]any
		if json.Unmarshal(line, &fields) == nil && fields["msg"] == message {
			out = append(out, fields)
		}
	}
	return out
}

// listen is the address of its private port, as it has logged it.
func (h *hostProcess) listen() string {
	for _, line := range h.logged("host starts") {
		if address, ok := line["listen"].(string); ok {
			return address
		}
	}
	return "127.0.0.1:0"
}

// kill ends it as a machine that dies.
func (h *hostProcess) kill() {
	_ = h.cmd.Process.Kill()
	<-h.ended
}

// stop ends it as ECS does, and says how long that took.
func (h *hostProcess) stop() time.Duration {
	h.w.t.Helper()
	began := time.Now()
	must(h.w.t, h.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-h.ended:
	case <-h.w.ctx.Done():
		h.w.t.Fatalf("host %s does not end", h.name)
	}
	if h.exit != nil {
		h.w.t.Errorf("host %s ended with %v: %s", h.name, h.exit, tail(h.output.String()))
	}
	return time.Since(began)
}

// checked is what the container's health check says.
func (h *hostProcess) checked() error {
	check := exec.CommandContext(h.w.ctx, filepath.Join(h.w.dir, "sessionhost"), "-check")
	check.Env = []string{"ROOST_HOST_LISTEN=" + h.listen()}
	out, err := check.CombinedOutput()
	if err != nil && strings.Contains(string(out), "panic") {
		h.w.t.Errorf("-check: %s", out)
	}
	return err
}
