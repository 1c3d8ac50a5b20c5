package baileys_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"

	"roost/simulator"
	"roost/simulator/knownraces"
)

// patience bounds one file of tests. None comes near it.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	knownraces.Suppress()
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey() // one for all simulators of the process
	os.Exit(m.Run())
}

func TestBaileys(t *testing.T) {
	t.Parallel()
	needNode(t)
	files, err := filepath.Glob("test/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in test/: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".test.js")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runFile(t, file)
		})
	}
}

// needNode skips the test where Baileys cannot run, unless it must.
func needNode(t *testing.T) {
	t.Helper()
	give := t.Skipf
	if os.Getenv("BAILEYS") == "1" {
		give = t.Fatalf
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			give("Baileys needs %s, which is not installed", tool)
		}
	}
	if _, err := os.Stat("node_modules/@whiskeysockets/baileys/package.json"); err != nil {
		give("Baileys is not installed: run npm ci in simulator/baileys, or .ci/baileys")
	}
}

// runFile runs one file of tests against a simulator of its own, which must
// have nothing to object to in the end.
func runFile(t *testing.T, file string) {
	t.Helper()
	knobs := simulator.DefaultKnobs()
	knobs.RefreshAfterScan = false // Baileys 7.0.0-rc14 does not know companion_reg_refresh
	knobs.Noise = 0.3              // clients cope with what the protocol allows
	cfg := simulator.Config{Knobs: &knobs}
	if os.Getenv("SIMULATOR_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	sim := simulator.New(cfg)
	server := httptest.NewServer(sim)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(func() {
		cancel()
		sim.Close()
		server.Close()
	})
	npm := node(ctx, server.URL, file)
	if file == "test/whatsmeow.test.js" {
		npm.Env = append(npm.Env, startPartners(ctx, t, sim, sim.HTTPClient(server.URL))...)
	}
	var output bytes.Buffer
	npm.Stdout, npm.Stderr = &output, &output
	if err := npm.Run(); err != nil {
		t.Errorf("%s: %v\n%s", file, err, &output)
	}
	if err := sim.Settle(ctx); err != nil {
		t.Errorf("not everything was answered: %v", err)
	}
	for _, v := range sim.Violations() {
		t.Errorf("violation: %s", v)
	}
	if t.Failed() {
		t.Logf("seed %d", sim.Seed())
	}
}

// node is the command npm test of package.json, for one file.
func node(ctx context.Context, url, file string) *exec.Cmd {
	c := exec.CommandContext(ctx, "node", "--import", "./lib/strict.js", "--test", "--test-force-exit", "--test-reporter=spec", file)
	c.Env = append(os.Environ(), "SIMULATOR_URL="+url)
	c.WaitDelay = time.Second // the test file is a child of node's test runner
	return c
}
