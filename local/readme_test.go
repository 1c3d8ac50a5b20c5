package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/functions/api/aspx"
	"roost/functions/api/guid"
	"roost/functions/api/openapi"
)

// TestReadme runs what the README tells people to paste, against the program
// as they would start it. Only the ports are others.
func TestReadme(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs the built program")
	}
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the README's lines need %s, which is not here", tool)
		}
	}
	receiver := newHook(t)
	port := freePort(t)
	lines := strings.NewReplacer(
		"127.0.0.1:8080", "127.0.0.1:"+port,
		"http://127.0.0.1:9000/", receiver.URL+"/",
	).Replace(readmeBlock(t, "shell"))
	dir := t.TempDir() // its .roost is the default data folder of a program that runs here
	startIn(t, dir, "-simulate", "-listen", "127.0.0.1:"+port)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-o", "pipefail", "-c", lines)
	shell.Dir = dir
	var stdout, stderr bytes.Buffer
	shell.Stdout, shell.Stderr = &stdout, &stderr
	if err := shell.Run(); err != nil {
		t.Fatalf("the README's lines fail: %v\n%s\n%s", err, &stdout, &stderr)
	}
	if stderr.Len() > 0 {
		t.Errorf("the README's lines complain: %s", &stderr)
	}
	said := stdout.String()
	rest := said
	for _, milestone := range []string{
		`"number":"491510000001"`,
		`"number":"491510000002"`,
		`"instanceName":"alice".*"code":"[^"]+".*"base64":"\.\.\."`,
		`\{"jid":"491510000001:\d+@s\.whatsapp\.net"\}`,
		`"instanceName":"alice","state":"open"`,
		`"remoteJid":"491510000002@s\.whatsapp\.net".*"status":"PENDING".*"conversation":"Hello Bob"`,
		`"from":"491510000001".*"text":"Hello Bob"`,
		`\{"id":"[0-9A-F]+"\}`,
		`"by":"491510000001:\d+@s\.whatsapp\.net"`,
	} {
		at := regexp.MustCompile(milestone).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%s is not among what follows in the output:\n%s", milestone, said)
		}
		rest = rest[at[1]:]
	}
	// The transcript orders by WhatsApp's seconds, so each may come first.
	for _, line := range []string{`"kind":"message".*"fromMe":true.*"text":"Hello Bob"`, `"kind":"message".*"pushName":"Bob".*"text":"Hello Alice"`} {
		if !regexp.MustCompile(line).MatchString(rest) {
			t.Errorf("the transcript has no %s:\n%s", line, rest)
		}
	}
	await(t, "the webhook to be told", func() bool { return len(receiver.of("messages.upsert")) > 0 })
	for _, told := range receiver.of("messages.upsert") {
		if content, _ := told.Data["message"].(map[string]any); content["conversation"] != "Hello Alice" {
			t.Errorf("the webhook was told %v", told.Data)
		}
	}
}

// TestReadmeReceiver builds the program that the README gives to hear webhooks
// with.
func TestReadmeReceiver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "receiver.go")
	if err := os.WriteFile(file, []byte(readmeBlock(t, "go")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "receiver"), file).CombinedOutput(); err != nil {
		t.Errorf("the README's receiver does not build: %v\n%s", err, out)
	}
}

// TestReadmeNamesRoutes looks for every route of the two smaller dialects in the
// tables of the README.
func TestReadmeNamesRoutes(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "**.aspx commands.**")
	commands, rest, _ := strings.Cut(rest, "**guid clients.**")
	clients, _, _ := strings.Cut(rest, "**Limits**")
	for _, dialect := range []struct {
		raw   []byte
		table string
	}{{aspx.Document, commands}, {guid.Document, clients}} {
		document, err := openapi.Read(dialect.raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range document.Operations() {
			name := strings.TrimSuffix(o.Path[strings.LastIndex(o.Path, "/")+1:], ".aspx")
			if !strings.Contains(dialect.table, name+"`") {
				t.Errorf("%s %s is not in the README", o.Method, o.Path)
			}
		}
	}
}

// readmeBlock is the code under the mark <!-- test: name -->.
func readmeBlock(t *testing.T, name string) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- test: " + name + " -->\n```[a-z]+\n(.*?\n)```\n").FindSubmatch(readme)
	if block == nil {
		t.Fatalf("the README has no block marked %q", name)
	}
	return string(block[1])
}

// startIn runs the program in dir, waits until it serves the API at the
// address after -listen, and ends it with the test.
func startIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(path, args...)
	program.Dir = dir
	var printed output
	program.Stdout, program.Stderr = &printed, &printed
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait()
		if t.Failed() {
			t.Logf("last output:\n%s", tail(&printed))
		}
	})
	await(t, "the API to serve", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+args[len(args)-1]+"/health", nil)
		if err != nil {
			return false
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// await looks until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	limit, look := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
