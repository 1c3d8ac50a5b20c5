package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestClientsOfOthers lets three clients of Evolution API from PyPI do the main
// job: what they send and how they read the answers nobody here has decided.
// .ci/clients installs them.
func TestClientsOfOthers(t *testing.T) {
	python := os.Getenv("CLIENTS_PYTHON")
	if python == "" {
		t.Skip("LEFT OUT: run .ci/clients, so that clients of Evolution API speak to Roost")
	}
	w := newWorld(t, 5*time.Minute)
	w.start()
	out, err := exec.CommandContext(w.ctx, python, "testdata/clients/journey.py", w.base, testKey, w.wa.URL).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the journey ended: %v", err)
	}
}
