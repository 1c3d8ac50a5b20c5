package host_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"roost/sessionhost/host"
	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/simulator"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(w.ctx)
	running, done := make(chan *host.Host, 1), make(chan error, 1)
	quiet := slog.New(slog.DiscardHandler)
	go func() {
		done <- host.Run(ctx, host.Config{
			Name: "host-1", Table: w.table, Queues: w.queues, Bucket: w.bucket, Wrapper: w.wrapper,
			WhatsApp: whatsapp.Config{HTTP: w.http, Media: w.http, Log: quiet}, Log: quiet,
		}, func(h *host.Host) { running <- h })
	}()
	server := httptest.NewServer(<-running)
	defer server.Close()
	w.link(w.create("counted"), "491510000001")
	for path, want := range map[string]string{
		"/health":  `"status":"ok"`,
		"/ready":   `"status":"ready"`,
		"/metrics": `roost_sessions{state="open"} 1`,
	} {
		response, err := http.Get(server.URL + path)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, want %s", path, response.StatusCode, body, want)
		}
	}
	cancel()
	must(t, <-done)
}

// Nobody answers where WhatsApp should be: the instance says so and waits for
// somebody to try again.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.http = simulator.HTTPClient("http://127.0.0.1:1")
	w.host()
	i := w.create("lonely")
	w.do(i, command.Connect, command.ConnectArgs{}, nil)
	record, _ := w.until(i, "closed", func(i instance.Instance, _ *instance.Offer) bool { return i.State == instance.Closed })
	if record.Reason.Code != instance.ReasonUnreachable || !strings.Contains(record.Reason.Sentence, "connection refused") {
		t.Errorf("reason %+v", record.Reason)
	}
	if record.Wanted {
		t.Error("an instance that nobody has linked is to be connected for ever")
	}
}
