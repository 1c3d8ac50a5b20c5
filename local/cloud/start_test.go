package cloud_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// What a function may be. The time is what a Lambda of little memory makes of
// the 150 ms that are to be reached here, and the machine may be busy.
const (
	zipLimit  = 20 << 20 // bytes
	memory    = 128 << 20
	initLimit = 1500 * time.Millisecond
)

// TestColdStart starts every function and gives it the events that users are
// given for sam local invoke.
func TestColdStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answers := map[string]func(event string, answer []byte){
		"api": func(event string, answer []byte) {
			var r events.APIGatewayV2HTTPResponse
			must(t, json.Unmarshal(answer, &r))
			switch event {
			case "api-health", "api-state", "api-create", "api-delete":
				if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusCreated {
					t.Errorf("%s: %d %s", event, r.StatusCode, r.Body)
				}
			}
		},
		"webhook": func(event string, answer []byte) {
			if string(answer) != `{"batchItemFailures":null}` && string(answer) != `{"batchItemFailures":[]}` {
				t.Errorf("%s: %s", event, answer)
			}
		},
		"archive": func(string, []byte) {},
		"sweep":   func(_ string, answer []byte) { nothing(t, answer) },
	}
	given := map[string][]string{
		"api": {"api-health", "api-create", "api-state", "api-delete"}, "webhook": {"webhook-message"}, "archive": {"archive-job"}, "sweep": {"sweep-minute"},
	}
	for _, name := range functions {
		bootstrap := filepath.Join(w.dir, name, "bootstrap")
		var best time.Duration
		var peak int64
		for range 3 {
			s, err := startSandbox(w.ctx, name, bootstrap, w.env(name))
			must(t, err)
			for _, event := range given[name] {
				answer, err := s.invoke(w.ctx, readEvent(t, event))
				if err != nil {
					t.Errorf("%s with %s: %v\n%s", name, event, err, s.output)
					continue
				}
				answers[name](event, answer)
			}
			if took := s.initTime(); best == 0 || took < best {
				best = took
			}
			peak = max(peak, s.peakMemory(t))
			s.stop()
		}
		plain, zipped := sizes(t, bootstrap)
		t.Logf("%-8s %5.1f MiB, zipped %4.1f MiB, init %3d ms, peak memory %3d MiB",
			name, float64(plain)/(1<<20), float64(zipped)/(1<<20), best.Milliseconds(), peak>>20)
		if zipped > zipLimit || peak > memory || best > initLimit || best == 0 {
			t.Errorf("%s is above a limit: %d MiB zipped, %s, %d MiB", name, zipLimit>>20, initLimit, memory>>20)
		}
	}
}

// TestBadConfiguration starts programs without their variables: they name them
// in one line.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	dir := binaries(t)
	for _, name := range functions {
		said := runWithout(t, filepath.Join(dir, name, "bootstrap"))
		for _, variable := range []string{"ROOST_TABLE", "ROOST_QUEUE_PREFIX", "ROOST_BUCKET"} {
			if !strings.Contains(said, variable) {
				t.Errorf("%s does not name %s: %s", name, variable, said)
			}
		}
	}
	if said := runWithout(t, filepath.Join(dir, "sessionhost")); !strings.Contains(said, "ROOST_KMS_KEY is not set") {
		t.Errorf("the host says %s", said)
	}
}

// runWithout runs a program with nothing but AWS's own variables and returns the
// line that it ends with.
func runWithout(t *testing.T, program string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{"AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("%s runs without its variables", program)
	}
	if lines := strings.Count(string(out), "\n"); lines != 1 {
		t.Errorf("%s says %d lines: %s", program, lines, out)
	}
	return string(out)
}
