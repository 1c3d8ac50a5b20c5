package main

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
)

func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	run := func() string {
		err := run(t.Context(), func(name string) string { return env[name] }, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Fatal("it runs")
		}
		return err.Error()
	}
	if err := run(); !strings.Contains(err, "ROOST_ADMIN_KEY") {
		t.Errorf("without a key: %s", err)
	}
	env["ROOST_ADMIN_KEY_SHA256"] = "zz"
	if err := run(); !strings.Contains(err, "no SHA-256") {
		t.Errorf("with an odd key: %s", err)
	}
	sum := sha256.Sum256([]byte("key"))
	env["ROOST_ADMIN_KEY_SHA256"] = hex.EncodeToString(sum[:])
	if err := run(); !strings.Contains(err, "not part of this build") {
		t.Errorf("without adapters: %s", err)
	}
}
