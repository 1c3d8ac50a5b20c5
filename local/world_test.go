package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"

	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/simulator"
	"roost/simulator/knownraces"
)

// builtIn is the folder that binary has made, "" before.
var builtIn string

// binary builds this program once for all tests that run it as a process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "roost-test-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "roost")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	knownraces.Suppress() // for those that run the program in this process
	whatsapp.Trust(simulator.New(simulator.Config{}).RootPublicKey())
	whatsmeow.KeepAliveIntervalMin, whatsmeow.KeepAliveIntervalMax = 100*time.Millisecond, 200*time.Millisecond
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

const testKey = "test-admin-key-0123456789"

// world is a simulated WhatsApp, a webhook receiver, and a Roost in a process
// of its own that can be killed and started again on the same data.
type world struct {
	*simulator.Simulator
	t    *testing.T
	ctx  context.Context
	wa   *httptest.Server
	hook *hook
	data string
	port string
	base string

	cmd    *exec.Cmd
	here   func() // ends the program where it runs in this process; nil elsewhere
	output *output
}

// output is what a process has printed so far.
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

func newWorld(t *testing.T, patience time.Duration) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the built program")
	}
	s := simulator.New(simulator.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	w := &world{Simulator: s, t: t, ctx: ctx, wa: httptest.NewServer(s), hook: newHook(t), data: t.TempDir(), port: freePort(t)}
	w.base = "http://127.0.0.1:" + w.port
	t.Cleanup(func() {
		w.kill()
		cancel()
		for _, v := range s.Violations() {
			t.Errorf("violation: %s", v)
		}
		if t.Failed() {
			t.Logf("simulator seed %d; last output:\n%s", s.Seed(), tail(w.output))
		}
		s.Close()
		w.wa.Close()
	})
	return w
}

func tail(b *output) string {
	if b == nil {
		return ""
	}
	s := b.String()
	return s[max(0, len(s)-4000):]
}

// given are the ports that tests of this process have been given.
var given sync.Map

// freePort is one below the range from which the system gives out ports, which a
// process of another test may be given before this one takes it.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		_ = l.Close()
		if _, taken := given.LoadOrStore(port, true); !taken {
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// start runs the program and waits until it serves.
func (w *world) start(flags ...string) {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	args := append([]string{"-listen", "127.0.0.1:" + w.port, "-data", w.data, "-simulator", w.wa.URL}, flags...)
	w.cmd = exec.Command(path, args...)
	w.output = &output{}
	w.cmd.Stdout, w.cmd.Stderr = w.output, w.output
	w.cmd.Env = append(os.Environ(), "ROOST_API_KEY="+testKey)
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.serves()
}

// startHere runs the program in this process, with another rhythm of its
// heartbeats than a user can give it, and waits until it serves.
func (w *world) startHere(rhythm session.Rhythm) {
	w.t.Helper()
	w.output = &output{}
	getenv := func(name string) string { return map[string]string{"ROOST_API_KEY": testKey}[name] }
	c, err := loadConfig([]string{"-listen", "127.0.0.1:" + w.port, "-data", w.data, "-simulator", w.wa.URL}, getenv, w.output)
	if err != nil {
		w.t.Fatal(err)
	}
	c.rhythm = rhythm
	client := w.HTTPClient(w.wa.URL)
	way := func(_ context.Context, _ config, _ string, log *slog.Logger) (whatsapp.Config, *simulator.Simulator, error) { //nolint:unparam // as reach
		return whatsapp.Config{HTTP: client, Media: client, Log: log}, nil, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, c, way, w.output) }()
	w.here = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the program ended: %v", err)
		}
	}
	w.serves()
}

func (w *world) serves() {
	w.t.Helper()
	w.poll("the API to serve", func() bool {
		r, err := http.Get(w.base + "/health")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// kill ends the program as a power cut does.
func (w *world) kill() {
	if w.here != nil {
		w.here()
		w.here = nil
	}
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
	w.cmd = nil
}

// poll waits for something that another process does.
func (w *world) poll(what string, ok func() bool) {
	w.t.Helper()
	for !ok() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// call makes a request to the API and decodes the answer.
func (w *world) call(method, path string, body any) (int, map[string]any) {
	w.t.Helper()
	status, answer, err := w.try(method, path, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

func (w *world) try(method, path string, body any) (int, map[string]any, error) {
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(w.ctx, method, w.base+path, reader)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("apikey", testKey)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var answer map[string]any
	err = json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer, err
}

func (w *world) state(name string) string {
	_, answer, err := w.try(http.MethodGet, "/instance/connectionState/"+name, nil)
	if err != nil {
		return ""
	}
	i, _ := answer["instance"].(map[string]any)
	s, _ := i["state"].(string)
	return s
}

// link creates an instance with a webhook and links it to a phone.
func (w *world) link(name, number string) *simulator.User {
	w.t.Helper()
	u, err := w.Phone(number, "Phone of "+name)
	if err != nil {
		w.t.Fatal(err)
	}
	status, answer := w.call(http.MethodPost, "/instance/create", map[string]any{
		"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": true,
		"webhook": map[string]any{"url": w.hook.URL, "events": []string{}},
	})
	if status != http.StatusCreated {
		w.t.Fatalf("create: %d %v", status, answer)
	}
	scanned, asked := "", time.Now()
	for len(u.Companions()) == 0 {
		code := w.qr(name)
		switch {
		case code != "" && code != scanned:
			scanned, asked = code, time.Now()
			if _, err := u.Scan(w.ctx, code); err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
				w.t.Fatalf("scan: %v", err)
			}
		case code == "" && time.Since(asked) > 2*time.Second: // its pairing has ended with its host
			asked = time.Now()
			_, _, _ = w.try(http.MethodGet, "/instance/connect/"+name, nil)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatal("never linked")
		}
	}
	asked = time.Now()
	w.poll(name+" to be open", func() bool {
		state := w.state(name)
		if state == "close" && time.Since(asked) > 2*time.Second { // its host has ended between the phone's consent and the record
			asked = time.Now()
			_, _, _ = w.try(http.MethodGet, "/instance/connect/"+name, nil)
		}
		return state == "open"
	})
	return u
}

// qr is the text of the QR code that an instance shows, "" for none.
func (w *world) qr(name string) string {
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.base+"/instance/qr/"+name+"?format=txt", nil)
	if err != nil {
		return ""
	}
	r.Header.Set("apikey", testKey)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// hook is a webhook receiver that remembers what it was told.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	told []told
}

type told struct {
	ID    string // webhook-id
	Event string
	Data  map[string]any
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var payload struct {
			Event string          `json:"event"`
			Data  json.RawMessage `json:"data"`
		}
		if err := json.NewDecoder(r.Body).Decode(&payload); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		one := told{ID: r.Header.Get("webhook-id"), Event: payload.Event}
		_ = json.Unmarshal(payload.Data, &one.Data) // null for some
		h.mu.Lock()
		h.told = append(h.told, one)
		h.mu.Unlock()
	}))
	t.Cleanup(h.Close)
	return h
}

// of lists what was told of one kind, in order.
func (h *hook) of(event string) []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []told
	for _, e := range h.told {
		if e.Event == event {
			out = append(out, e)
		}
	}
	return out
}

// message is the id of the message that a webhook is about.
func (e told) message() string {
	key, _ := e.Data["key"].(map[string]any)
	id, _ := key["id"].(string)
	return id
}
