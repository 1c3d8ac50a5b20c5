package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/simulator/content"
)

// serve runs a Roost in this process and returns what API and functions ask of
// the table.
func (w *world) serve() (functions, host *tabletest.Journal) {
	w.t.Helper()
	c, err := loadConfig([]string{"-data", filepath.Join(w.data, "here"), "-simulator", w.wa.URL}, func(name string) string {
		if name == "ROOST_API_KEY" {
			return testKey
		}
		return ""
	}, os.Stderr)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	log := slog.New(slog.DiscardHandler)
	listen := func() net.Listener {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		return l
	}
	public, private := listen(), listen()
	w.base = baseURL(public.Addr())
	d, err := openData(ctx, c, w.base+"/blob")
	if err != nil {
		w.t.Fatal(err)
	}
	wa, _, err := reach(ctx, c, w.base, log)
	if err != nil {
		w.t.Fatal(err)
	}
	functions, host = &tabletest.Journal{Inner: d.table}, &tabletest.Journal{Inner: d.table}
	d.table = functions
	s, err := newSystem(ctx, c, d, w.base, log)
	if err != nil {
		w.t.Fatal(err)
	}
	d.table = host
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, wa, nil, public, private, new(output)) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
		if err := d.close(); err != nil {
			w.t.Error(err)
		}
	})
	w.poll("the API to serve", func() bool {
		r, err := http.Get(w.base + "/health")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return functions, host
}

// TestRequests holds what a message costs in requests of the table: one that comes
// in and is told a webhook, and one that goes out over the API with its receipt.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Minute)
	functions, host := w.serve()
	phone := w.link("alice", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	awaitTold := func(event, id string) {
		t.Helper()
		w.poll(event, func() bool {
			return slices.ContainsFunc(w.hook.of(event), func(e told) bool { return e.message() == id || e.Data["keyId"] == id })
		})
	}
	in := func() {
		id, err := bob.Send(phone.PN(), content.Text("in"))
		if err != nil {
			t.Fatal(err)
		}
		awaitTold("messages.upsert", id)
	}
	out := func() (instance string) {
		status, answer := w.call(http.MethodPost, "/message/sendText/alice", map[string]any{"number": bob.Number(), "text": "out"})
		key, _ := answer["key"].(map[string]any)
		id, _ := key["id"].(string)
		if status != http.StatusCreated || id == "" {
			t.Fatalf("sendText: %d %v", status, answer)
		}
		awaitTold("send.message", id)
		awaitTold("messages.update", id)
		instance, _ = answer["instanceId"].(string)
		return instance
	}
	in()
	id := out()
	in()
	out()
	// Notes are written after the webhook has heard, and last of all.
	settled := func() {
		t.Helper()
		w.poll("the last note", func() bool {
			w.hook.mu.Lock()
			heard := len(w.hook.told)
			w.hook.mu.Unlock()
			notes := 0
			for _, err := range table.All(w.ctx, host.Inner, table.Query{Partition: "deliveries#" + id}) {
				if err != nil {
					t.Fatal(err)
				}
				notes++
			}
			return notes == heard
		})
	}
	settled()
	for _, flow := range []struct {
		name                 string
		do                   func()
		api, functions, host int // requests at most
	}{{"message in", in, 0, 3, 1}, {"message out", func() { out() }, 2, 7, 3}} {
		functions.Reset()
		host.Reset()
		flow.do()
		settled()
		api, behind := 0, 0
		looked := map[tabletest.Key]bool{}
		for _, r := range functions.Requests() {
			t.Logf("%s, functions: %5d bytes, %s", flow.name, r.Bytes, r)
			switch kind, _, _ := strings.Cut(r.Keys[0].Partition, "#"); kind {
			case "command":
				if !looked[r.Keys[0]] { // an answer that is late is looked for again
					looked[r.Keys[0]] = true
					api++
				}
			case "tenant", "instance", "number":
				api++
			default:
				behind++
			}
		}
		for _, r := range host.Requests() {
			t.Logf("%s, session host: %5d bytes, %s", flow.name, r.Bytes, r)
		}
		if own := len(host.Requests()); api > flow.api || behind > flow.functions || own > flow.host {
			t.Errorf("%s: %d requests of the API, %d of the functions behind it, %d of the session host", flow.name, api, behind, own)
		}
	}
}
