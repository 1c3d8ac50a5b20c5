// Package apitest runs the API for tests: the real handler over the embedded
// table, queues and bucket, and on the far side of the queues a host and an
// archiver that are small and do as they are told.
package apitest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/functions/api/core"
	"roost/functions/api/handler"
	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/blob/folder"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// AdminKey opens everything.
const AdminKey = "admin-key"

// Options of a world.
type Options struct {
	Limits   core.Limits // zero fields: 2 s, or the default where that is a size
	MaxBody  int64
	Networks []netip.Prefix          // beside the public internet, that files may come from
	Mount    map[string]http.Handler // further paths of the same server
	Now      func() time.Time        // clock of tokens and limits; time.Now when nil
	NoHost   bool                    // nobody answers commands: the test brings a host of its own
}

// World is an API and what is around it.
type World struct {
	Server    *httptest.Server
	Handler   http.Handler
	Host      *Host
	Archiver  *Archiver
	Instances *instance.Repository
	Webhooks  *webhook.Repository
	Archives  *archive.Repository
	Events    queue.Queue
	Backlog   *backlog.Repository
	Wakeups   queue.Queue
	Bucket    *folder.Folder

	Transcripts *transcript.Repository
	Sealer      *seal.Sealer // of tokens and passes
	Table       table.Table
	Queues      queue.Opener
}

// New starts a world that ends with the test.
func New(tb testing.TB, o Options) *World {
	tb.Helper()
	dir := tb.TempDir()
	db, err := sqlite.Open(filepath.Join(dir, "roost.db"), sqlite.Options{})
	must(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	tbl, queues := tablesqlite.New(db), queuesqlite.New(db)
	open := func(name string, options queue.Options) queue.Queue {
		q, err := queues.Open(tb.Context(), name, options)
		must(tb, err)
		return q
	}
	w := &World{Instances: instance.NewRepository(tbl), Archives: archive.NewRepository(tbl), Events: open(event.Queue, event.Options)}
	mux := http.NewServeMux()
	w.Server = httptest.NewServer(mux)
	tb.Cleanup(w.Server.Close)
	w.Bucket, err = folder.Open(filepath.Join(dir, "bucket"), folder.Options{
		Secret: seal.NewKey(), BaseURL: w.Server.URL + "/blob",
	})
	must(tb, err)
	sealer, err := seal.New(seal.NewKey())
	must(tb, err)
	w.Sealer = sealer
	w.Webhooks = webhook.NewRepository(tbl, sealer)
	w.Backlog, w.Wakeups = backlog.NewRepository(tbl, w.Bucket, backlog.Options{}), open(backlog.Queue, backlog.QueueOptions)
	w.Transcripts = transcript.NewRepository(tbl, w.Bucket)
	jobs := open(archive.Queue, archive.Options)
	admin := sha256.Sum256([]byte(AdminKey))
	w.Handler, err = handler.New(handler.Deps{
		Core: core.Deps{
			Table: tbl, Instances: w.Instances, Commands: command.NewClient(tbl, w.Bucket, queues), Webhooks: w.Webhooks,
			Events: event.NewPublisher(w.Events, w.Bucket), Archives: w.Archives, ArchiveJobs: jobs, Bucket: w.Bucket,
			Backlog: w.Backlog, Wakeups: w.Wakeups, Sealer: sealer, Networks: o.Networks, Formats: webhook.PostbackFormats(), Limits: shorten(o.Limits),
		},
		AdminKey: admin[:], MaxBody: o.MaxBody, Version: "test", Log: slog.New(slog.DiscardHandler), Now: o.Now,
	})
	must(tb, err)
	mux.Handle("/blob/", w.Bucket)
	for path, h := range o.Mount {
		mux.Handle(path, h)
	}
	mux.Handle("/", w.Handler)
	w.Host = &Host{
		instances: w.Instances, results: command.NewResults(tbl), once: command.NewOnce(tbl), bucket: w.Bucket, commands: open(command.Shared, command.Options),
		Absent: map[string]bool{},
	}
	w.Archiver = &Archiver{archives: w.Archives, bucket: w.Bucket, jobs: jobs}
	if w.Table, w.Queues = tbl, queues; !o.NoHost {
		w.start(tb, w.Host.run)
	}
	w.start(tb, w.Archiver.run)
	return w
}

func (w *World) start(tb testing.TB, run func(context.Context)) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
}

func shorten(l core.Limits) core.Limits {
	for _, field := range []*time.Duration{&l.QR, &l.Code, &l.Online, &l.Command, &l.Archive, &l.Fetch} {
		if *field == 0 {
			*field = 20 * time.Second
		}
	}
	return l
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Answer is what the API said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do asks with a key, "" for none, and a body of JSON, "" for none.
func (w *World) Do(tb testing.TB, method, path, key, body string) Answer {
	tb.Helper()
	var in io.Reader
	header := http.Header{}
	if body != "" {
		in = strings.NewReader(body)
		header.Set("Content-Type", "application/json")
	}
	if key != "" {
		header.Set("apikey", key)
	}
	return w.Send(tb, method, path, header, in)
}

// Send asks with headers and a body of any kind. What Evolution's routes take and
// answer must be as their document says.
func (w *World) Send(tb testing.TB, method, path string, header http.Header, body io.Reader) Answer {
	tb.Helper()
	var sent []byte
	if body != nil {
		var err error
		sent, err = io.ReadAll(body)
		must(tb, err)
		body = bytes.NewReader(sent)
	}
	request, err := http.NewRequestWithContext(tb.Context(), method, w.Server.URL+path, body)
	must(tb, err)
	request.Header = header
	if header.Get("Accept-Encoding") == "" {
		header.Set("Accept-Encoding", "identity")
	}
	response, err := w.Server.Client().Do(request)
	must(tb, err)
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	must(tb, err)
	a := Answer{Status: response.StatusCode, Header: response.Header, Body: string(said)}
	judge(tb, request, sent, a)
	return a
}

// Create makes an instance and returns it.
func (w *World) Create(tb testing.TB, name, token string) instance.Instance {
	tb.Helper()
	body, err := json.Marshal(map[string]string{"instanceName": name, "token": token, "integration": "WHATSAPP-BAILEYS"})
	must(tb, err)
	a := w.Do(tb, http.MethodPost, "/instance/create", AdminKey, string(body))
	if a.Status != http.StatusCreated {
		tb.Fatalf("create %s: %d %s", name, a.Status, a.Body)
	}
	i, err := w.Instances.ByName(tb.Context(), tenant.Default, name)
	must(tb, err)
	return i
}

// OwnJID is the account of instances that Link has linked.
const OwnJID = "4915550001:7@s.whatsapp.net"

// Link brings an instance into the state of one that is linked and ready.
func (w *World) Link(tb testing.TB, i instance.Instance) {
	tb.Helper()
	w.Set(tb, i, instance.Open, func(i *instance.Instance) { i.Ready, i.Wanted, i.JID = true, true, OwnJID })
}

// Set brings an instance into a state, by whichever way.
func (w *World) Set(tb testing.TB, i instance.Instance, state instance.State, more func(*instance.Instance)) {
	tb.Helper()
	_, err := w.Instances.Update(tb.Context(), i.ID, func(i *instance.Instance) error {
		i.State = state
		if more != nil {
			more(i)
		}
		return nil
	})
	must(tb, err)
}
