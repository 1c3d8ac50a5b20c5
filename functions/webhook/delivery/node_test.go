package delivery_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"roost/shared/webhook"
)

// TestVerifiesInJavaScript lets the library that Standard Webhooks publishes
// for another language judge the calls. .ci/webhooks installs it; with
// WEBHOOK_NODE=1 it may not be missing.
func TestVerifiesInJavaScript(t *testing.T) {
	t.Parallel()
	give := t.Skipf
	if os.Getenv("WEBHOOK_NODE") == "1" {
		give = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		give("LEFT OUT: node is missing, so no second language has verified the signatures")
	}
	if _, err := os.Stat("testdata/node/node_modules/standardwebhooks"); err != nil {
		give("LEFT OUT: run .ci/webhooks, so that a second language verifies the signatures: %v", err)
	}
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	e := text(t, maria, "A")
	e.Body = bytes.ReplaceAll(e.Body, []byte(`"conversation":"A"`), []byte(`"conversation":"Ünïcödé 👋"`))
	h.publish(e)
	h.consume()
	rotated, err := h.webhooks.Rotate(t.Context(), "i1", "a", h.now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	h.publish(text(t, maria, "B"))
	h.consume()
	calls := r.heard()
	if len(calls) != 2 || !bytes.Contains(calls[0].Body, []byte("👋")) {
		t.Fatalf("%d calls", len(calls))
	}
	var in bytes.Buffer
	ask := func(with string, c call, body string) {
		headers := map[string]string{}
		for name := range c.Header {
			headers[strings.ToLower(name)] = c.Header.Get(name)
		}
		if err := json.NewEncoder(&in).Encode(map[string]any{"secret": with, "headers": headers, "body": body}); err != nil {
			t.Fatal(err)
		}
	}
	ask(secret, calls[0], string(calls[0].Body))
	ask(secret, calls[1], string(calls[1].Body))
	ask(rotated.Secret, calls[1], string(calls[1].Body))
	ask(rotated.Secret, calls[0], string(calls[0].Body)) // signed before it was made
	ask(secret, calls[0], string(calls[0].Body)+" ")
	cmd := exec.CommandContext(t.Context(), node, "verify.js")
	cmd.Dir, cmd.Stdin = "testdata/node", &in
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	said := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(said) != 5 || said[0] != "ok" || said[1] != "ok" || said[2] != "ok" || !strings.Contains(said[3], "No matching signature") || !strings.Contains(said[4], "No matching signature") {
		t.Errorf("%q", said)
	}
}
