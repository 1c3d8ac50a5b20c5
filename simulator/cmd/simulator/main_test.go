package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// binary is the command, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "simulator")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "simulator")
		if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

// process is the command, running.
type process struct {
	t    *testing.T
	ctx  context.Context
	cmd  *exec.Cmd
	base string
	said map[string]string // what it printed: name -> value
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &process{t: t, ctx: ctx, said: map[string]string{}}
	p.cmd = exec.CommandContext(ctx, binary, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		p.said[name] = strings.TrimSpace(value)
		if name == "seed" {
			break
		}
	}
	p.base = p.said["media"]
	if p.base == "" {
		t.Fatalf("it said only %v", p.said)
	}
	return p
}

// call does one call of the control API.
func (p *process) call(status int, into any, method, path, body string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.ctx, method, p.base+path, strings.NewReader(body))
	must(p.t, err)
	response, err := http.DefaultClient.Do(r)
	must(p.t, err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	must(p.t, err)
	if response.StatusCode != status {
		p.t.Fatalf("%s %s: %d %s, want %d", method, path, response.StatusCode, b, status)
	}
	if into != nil {
		must(p.t, json.Unmarshal(b, into))
	}
}

// stop ends the command by a signal and says how long that took.
func (p *process) stop(signal os.Signal) time.Duration {
	p.t.Helper()
	began := time.Now()
	must(p.t, p.cmd.Process.Signal(signal))
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after %v: %v, want exit status 0", signal, err)
	}
	return time.Since(began)
}

// TestCommand drives the command as a test in another language does: with an
// unmodified client and the control API, knowing nothing but its address.
func TestCommand(t *testing.T) { // not parallel: it sets the root key that whatsmeow trusts
	p := start(t)
	var overview struct {
		WebsocketURL, MediaURL, RootPublicKey string
		Connections                           int
		Violations                            []simulator.Violation
	}
	p.call(200, &overview, "GET", "/simulator", "")
	if overview.WebsocketURL != p.said["websocket"] || overview.MediaURL != p.said["media"] || overview.RootPublicKey != p.said["root-key"] {
		t.Errorf("GET /simulator says %+v, the command %v", overview, p.said)
	}
	key, err := hex.DecodeString(overview.RootPublicKey)
	must(t, err)
	whatsmeow.WACertPubKey = [32]byte(key)

	p.call(201, nil, "POST", "/simulator/phones", `{"number":"491510000001","name":"Alice"}`)
	p.call(201, nil, "POST", "/simulator/contacts", `{"number":"491510000002","name":"Bob"}`)
	client := companion.New(simulator.HTTPClient(p.base))
	defer client.Close()
	must(t, client.Pair(p.ctx, func(_ context.Context, qr string) error {
		r, err := http.Post(p.base+"/simulator/phones/491510000001/scan", "application/json",
			strings.NewReader(fmt.Sprintf(`{"qr":%q}`, qr)))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK && !bytes.Contains(b, []byte(`{"error":"refresh"}`)) {
			return fmt.Errorf("scan: %d %s %w", r.StatusCode, b, err)
		}
		return nil
	}))

	sent, err := client.SendMessage(p.ctx, types.NewJID("491510000002", types.DefaultUserServer), &waE2E.Message{Conversation: new("hi Bob")})
	must(t, err)
	var inbox []struct{ ID, From, Kind, Text string }
	p.call(200, &inbox, "GET", "/simulator/contacts/491510000002/inbox?wait=20", "")
	if len(inbox) != 1 || inbox[0].ID != sent.ID || inbox[0].From != "491510000001" || inbox[0].Text != "hi Bob" {
		t.Errorf("inbox %+v", inbox)
	}
	p.call(201, nil, "POST", "/simulator/contacts/491510000002/send", `{"to":"491510000001","media":{"kind":"image","base64":"aGVsbG8="}}`)
	got, err := companion.Await(p.ctx, client, func(e *events.Message) bool { return e.Info.Category != "peer" }) // not what the phone tells its companion
	must(t, err)
	file, err := client.Download(p.ctx, got.Message.GetImageMessage())
	if err != nil || string(file) != "hello" {
		t.Errorf("downloaded %q, %v", file, err)
	}

	p.call(200, &overview, "GET", "/simulator", "")
	if overview.Connections != 1 || len(overview.Violations) != 0 {
		t.Errorf("at the end %d connections and violations %v", overview.Connections, overview.Violations)
	}
	ended := make(chan struct{})
	go func() { // a call that waits does not hold the command back
		r, err := http.Get(p.base + "/simulator/contacts/491510000002/inbox?wait=60&after=" + sent.ID)
		if err == nil {
			_ = r.Body.Close()
		}
		close(ended)
	}()
	if took := p.stop(syscall.SIGTERM); took > 2*time.Second {
		t.Errorf("it took %s to end with a client connected, want at most 2 s", took)
	}
	<-ended // however
}

func TestCommandSIGINT(t *testing.T) {
	t.Parallel()
	if took := start(t).stop(os.Interrupt); took > 2*time.Second {
		t.Errorf("it took %s to end", took)
	}
}

func TestCommandRootKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "root.key")
	first := start(t, "-root-key-file", file, "-seed", "7")
	second := start(t, "-root-key-file", file)
	if first.said["root-key"] == "" || first.said["root-key"] != second.said["root-key"] {
		t.Errorf("root keys %q and %q, want the same", first.said["root-key"], second.said["root-key"])
	}
	if first.said["seed"] != "7" {
		t.Errorf("seed %q, want 7", first.said["seed"])
	}
	if other := start(t); other.said["root-key"] == first.said["root-key"] {
		t.Error("without the file the root key is the same")
	}
}

func TestRunMistakes(t *testing.T) {
	t.Parallel()
	short := filepath.Join(t.TempDir(), "short.key")
	must(t, os.WriteFile(short, []byte("abcd"), 0o600))
	for _, args := range [][]string{
		{"-listen", "nowhere:port"},
		{"-seed", "x"},
		{"-log-level", "loud"},
		{"-unknown"},
		{"extra"},
		{"-root-key-file", short},
		{"-root-key-file", filepath.Join(short, "x")},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestRunHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	must(t, run(t.Context(), []string{"-h"}, &out))
	for _, want := range []string{"-listen", "-seed", "-log-level", "-root-key-file", "/simulator/phones"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %s:\n%s", want, out.String())
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
