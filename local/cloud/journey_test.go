package cloud_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
	"roost/simulator/content"
)

// TestMainJob is what Roost is for, once through: an instance is created,
// linked by QR code, sends and receives, tells its webhook, and leaves its
// transcript when it is deleted.
func TestMainJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := w.startHost("host-1")
	if err := host.checked(); err != nil {
		t.Errorf("-check of a ready host: %v", err)
	}
	phone := w.link("alice", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)

	// Out: a text, and a picture fetched from a URL.
	status, answer := w.call(http.MethodPost, "/message/sendText/alice", map[string]any{"number": bob.Number(), "text": "Hello Bob"})
	if status != http.StatusCreated {
		t.Fatalf("sendText: %d %v", status, answer)
	}
	picture := bytes.Repeat([]byte("not quite a picture "), 20_000) // 400 kB: through the bucket
	status, answer = w.call(http.MethodPost, "/message/sendMedia/alice", map[string]any{
		"number": bob.Number(), "mediatype": "document", "fileName": "list.txt", "caption": "for you", "media": files(t, "list.txt", "text/plain", picture),
	})
	if status != http.StatusCreated {
		t.Fatalf("sendMedia: %d %v", status, answer)
	}
	text, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "Hello Bob" })
	must(t, err)
	if !strings.HasPrefix(text.From, phone.Number()) {
		t.Errorf("Bob has a message of %s", text.From)
	}
	file, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Caption == "for you" })
	must(t, err)
	if file.Size != uint64(len(picture)) || file.FileName != "list.txt" {
		t.Errorf("Bob has a file %q of %d bytes, want %d", file.FileName, file.Size, len(picture))
	}

	// In: a text, told to the webhook with a signature.
	id, err := bob.Send(phone.PN(), content.Text("Hello Alice"))
	must(t, err)
	var call told
	w.poll("the webhook to be told of the message", func() bool {
		all := w.hook.of("messages.upsert")
		at := slices.IndexFunc(all, func(e told) bool { return e.message() == id })
		if at >= 0 {
			call = all[at]
		}
		return at >= 0
	})
	w.verify("alice", call)
	if said, _ := call.Data["message"].(map[string]any); said["conversation"] != "Hello Alice" {
		t.Errorf("the webhook was told %v", call.Data)
	}
	if !bytes.Contains(call.Body, []byte(`"instance":"alice"`)) {
		t.Errorf("the webhook was told %s", call.Body)
	}
	w.sweepNow()

	// The end.
	status, answer = w.call(http.MethodDelete, "/instance/delete/alice", nil)
	if status != http.StatusOK {
		t.Fatalf("delete: %d %v", status, answer)
	}
	archived := w.archiveOf(answer)
	w.poll("the archive to be done", func() bool {
		status, answer = w.call(http.MethodGet, "/instance/archive/"+archived["instanceId"].(string), nil)
		archived = w.archiveOf(answer)
		return archived["state"] == "done"
	})
	transcript := w.fetch(archived)
	for _, want := range []string{"Hello Bob", "Hello Alice", "list.txt"} {
		if !strings.Contains(transcript, want) {
			t.Errorf("the transcript lacks %s:\n%s", want, transcript)
		}
	}
	if n := strings.Count(transcript, `"kind":"message"`); n != 3 {
		t.Errorf("the transcript has %d messages, want 3:\n%s", n, transcript)
	}
	w.poll("the webhook to be told of the end", func() bool { return len(w.hook.of("remove.instance")) > 0 })
	if len(phone.Companions()) != 0 {
		t.Error("the phone is still linked")
	}
	w.poll("the instance to be gone", func() bool {
		status, _ := w.call(http.MethodGet, "/instance/connectionState/alice", nil)
		return status == http.StatusNotFound
	})
	for _, f := range []*function{w.api, w.webhook, w.archive, w.sweep} {
		if peak := f.peakMemory(); peak > memory {
			t.Errorf("%s has had %d MiB, above the %d MiB of the smallest function", f.name, peak>>20, memory>>20)
		}
	}
	for _, who := range functions {
		t.Logf("%s has asked AWS for %v", who, w.meters[who].read().Operations)
	}
	runs, ms := w.api.billed()
	t.Logf("the API function has run %d times and %d ms", runs, ms)
	t.Logf("SIGTERM ends the host after %s", host.stop().Round(time.Millisecond))
	if lines := host.logged("host status"); len(lines) == 0 || lines[0]["host"] != "host-1" || lines[0]["sessions"] == nil || lines[0]["command_age_seconds"] == nil {
		t.Errorf("the host has told of itself: %v", lines)
	}
}

func (w *world) archiveOf(answer map[string]any) map[string]any {
	w.t.Helper()
	archived, ok := answer["archive"].(map[string]any)
	if !ok {
		w.t.Fatalf("%v has no archive", answer)
	}
	return archived
}

// fetch gets a transcript by its signed URL and compares its checksum.
func (w *world) fetch(archived map[string]any) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, archived["signedURL"].(string), nil)
	must(w.t, err)
	response, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer response.Body.Close()
	packed, err := io.ReadAll(response.Body)
	must(w.t, err)
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("the signed URL answers %s: %s", response.Status, packed)
	}
	sum := sha256.Sum256(packed)
	if hex.EncodeToString(sum[:]) != archived["sha256"] || float64(len(packed)) != archived["bytes"] {
		w.t.Errorf("%d bytes with checksum %x, want %v and %v", len(packed), sum, archived["bytes"], archived["sha256"])
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	must(w.t, err)
	lines, err := io.ReadAll(unpacked)
	must(w.t, err)
	return string(lines)
}

// verify checks the signature of a webhook's call as its receiver does.
func (w *world) verify(name string, call told) {
	w.t.Helper()
	sealer, err := w.of.Sealer(w.ctx)
	must(w.t, err)
	i, err := instance.NewRepository(w.of.Table).ByName(w.ctx, tenant.Default, name)
	must(w.t, err)
	s, err := webhook.NewRepository(w.of.Table, sealer).Get(w.ctx, i.ID, webhook.Main)
	must(w.t, err)
	verifier, err := standardwebhooks.NewWebhook(s.Secret)
	must(w.t, err)
	if err := verifier.Verify(call.Body, call.Header); err != nil {
		w.t.Errorf("the signature of a webhook's call: %v", err)
	}
	if verifier.Verify(append(slices.Clone(call.Body), ' '), call.Header) == nil {
		w.t.Error("the signature does not cover the body")
	}
}
