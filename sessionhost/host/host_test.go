package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow"

	"roost/sessionhost/clock"
	"roost/sessionhost/host"
	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/shared/blob"
	"roost/shared/blob/folder"
	"roost/shared/command"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
	"roost/simulator"
	"roost/simulator/content"
	"roost/simulator/knownraces"
)

// patience bounds a test. It is long because the race detector makes the
// cryptography of linking many times slower, on a machine with other work.
const patience = 4 * time.Minute

func TestMain(m *testing.M) {
	knownraces.Suppress()
	whatsmeow.KeepAliveIntervalMin, whatsmeow.KeepAliveIntervalMax = 100*time.Millisecond, 200*time.Millisecond
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey()
	os.Exit(m.Run())
}

// world is a simulator and a data folder, with hosts that come and go.
type world struct {
	*simulator.Simulator
	t         *testing.T
	ctx       context.Context
	base      string
	http      *http.Client
	dir       string
	db        *sqlite.DB
	table     table.Table
	queues    queue.Opener
	bucket    blob.Bucket
	wrapper   seal.Wrapper
	instances *instance.Repository
	commands  *command.Client
	events    queue.Queue
	rhythm    session.Rhythm
	clock     clock.Config
	over      func(whatsapp.Dial) http.RoundTripper
	log       io.Writer // what hosts log, everything; nil for errors to the test's output
}

// pageRevision is newer than the library's own.
const pageRevision = 2_000_000_000

func newWorld(t *testing.T) *world {
	t.Helper()
	knobs := simulator.DefaultKnobs()
	knobs.Noise = 0.2
	s := simulator.New(simulator.Config{Knobs: &knobs, ClientRevision: pageRevision})
	server := httptest.NewServer(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	w := &world{Simulator: s, t: t, ctx: ctx, base: server.URL, http: s.HTTPClient(server.URL), dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", s.Seed())
		}
		for _, v := range s.Violations() {
			t.Errorf("violation: %s", v)
		}
		cancel()
		s.Close()
		server.Close()
	})
	var err error
	w.db, err = sqlite.Open(filepath.Join(w.dir, "roost.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.table, w.queues = tablesqlite.New(w.db), queuesqlite.New(w.db)
	w.bucket, err = folder.Open(filepath.Join(w.dir, "blobs"), folder.Options{Secret: []byte(strings.Repeat("s", 32)), BaseURL: "http://127.0.0.1/blob"})
	must(t, err)
	w.wrapper, err = seal.FileKey(filepath.Join(w.dir, "master.key"))
	must(t, err)
	w.instances = instance.NewRepository(w.table)
	w.commands = command.NewClient(w.table, w.bucket, w.queues)
	w.events, err = w.queues.Open(ctx, event.Queue, event.Options)
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// host runs a host until stop is called.
func (w *world) host() (stop func()) {
	w.t.Helper()
	return w.hosted("host-1", func(*host.Config) {})
}

// patientLease is longer than a busy machine may keep a host from renewing it.
const patientLease = 30 * time.Second

// hosted runs a host of that name, configured by set, until stop is called.
func (w *world) hosted(name string, set func(*host.Config)) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	out, level := io.Writer(os.Stderr), slog.LevelError
	if os.Getenv("HOST_LOG") != "" {
		level = slog.LevelDebug
	}
	if w.log != nil {
		out, level = w.log, slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	cfg := host.Config{
		Name: name, Table: w.table, Queues: w.queues, Bucket: w.bucket, Wrapper: w.wrapper,
		WhatsApp: whatsapp.Config{HTTP: w.http, Media: w.http, Over: w.over, Log: log}, Log: log,
		Networks: egress.Loopback,
		Rhythm:   w.rhythm, Clock: w.clock, Lease: patientLease,
	}
	if cfg.Rhythm.Steady == 0 { // what is cut off again and again here is on purpose
		cfg.Rhythm.Steady = time.Millisecond
	}
	set(&cfg)
	go func() {
		done <- host.Run(ctx, cfg, func(*host.Host) { close(ready) })
	}()
	<-ready
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		must(w.t, <-done)
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) create(name string) instance.Instance {
	w.t.Helper()
	i, err := w.instances.Create(w.ctx, instance.Instance{
		ID: instance.ID(uuid.NewString()), Tenant: tenant.Default, Name: name, State: instance.Created, TokenHash: instance.HashToken(name),
	})
	must(w.t, err)
	return i
}

func (w *world) do(i instance.Instance, kind command.Kind, args, out any) {
	w.t.Helper()
	must(w.t, w.try(i, kind, args, out))
}

func (w *world) try(i instance.Instance, kind command.Kind, args, out any) error {
	ctx, cancel := context.WithTimeout(w.ctx, 25*time.Second)
	defer cancel()
	current, err := w.instances.Get(ctx, i.ID)
	if err != nil {
		return err
	}
	return w.commands.Do(ctx, current, kind, args, out)
}

// codeOf is the machine code of a fault, "" for none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return ""
}

// until waits for the record and the offer to be as wanted.
func (w *world) until(i instance.Instance, what string, ok func(instance.Instance, *instance.Offer) bool) (instance.Instance, *instance.Offer) {
	w.t.Helper()
	for {
		record, err := w.instances.Get(w.ctx, i.ID)
		must(w.t, err)
		offer, err := w.instances.Offer(w.ctx, i.ID)
		must(w.t, err)
		if ok(record, offer) {
			return record, offer
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("instance never became %s: %+v", what, record)
		}
	}
}

func open(i instance.Instance, _ *instance.Offer) bool { return i.State == instance.Open && i.Ready }

func showing(_ instance.Instance, o *instance.Offer) bool { return o != nil && o.QR != "" }

// link pairs an instance with a phone by QR code.
func (w *world) link(i instance.Instance, number string) *simulator.User {
	w.t.Helper()
	u, err := w.Phone(number, "Phone "+number)
	must(w.t, err)
	w.do(i, command.Connect, command.ConnectArgs{}, nil)
	_, offer := w.until(i, "pairing", showing)
	if _, err := u.Scan(w.ctx, offer.QR); err != simulator.ErrRefresh { //nolint:errorlint // exactly this
		w.t.Fatalf("first scan: %v", err)
	}
	first := offer.QR
	_, offer = w.until(i, "refreshed", func(_ instance.Instance, o *instance.Offer) bool { return o != nil && o.QR != "" && o.QR != first })
	_, err = u.Scan(w.ctx, offer.QR)
	must(w.t, err)
	w.until(i, "open", open)
	return u
}

// next takes the next event of a kind off the queue.
func (w *world) next(kind event.Kind) event.Event {
	w.t.Helper()
	for {
		got, err := w.events.Receive(w.ctx, 1, 20*time.Second, 0)
		must(w.t, err)
		for _, d := range got {
			e, err := event.Read(w.ctx, w.bucket, d.Body)
			must(w.t, err)
			must(w.t, w.events.Delete(w.ctx, d.Receipt))
			if e.Kind == kind {
				return e
			}
		}
	}
}

func (w *world) said(e event.Event) message.Message {
	w.t.Helper()
	var m message.Message
	must(w.t, json.Unmarshal(e.Body, &m))
	return m
}

func TestMainJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.host()
	i := w.create("first")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)

	id, err := bob.Send(alice.PN(), content.Text("hello"))
	must(t, err)
	m := w.said(w.next(event.MessageReceived))
	if m.ID != id || m.Text != "hello" || m.Chat.PN != "491510000002@s.whatsapp.net" || m.Chat.LID == "" || m.PushName != "Bob" || m.Kind != "conversation" {
		t.Errorf("received %+v", m)
	}

	var sent command.Sent
	own := message.NewID()
	w.do(i, command.SendMessage, command.SendArgs{MessageID: own, To: bob.PN().String(), Text: &command.TextArgs{Text: "hi Bob"}}, &sent)
	e, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == own })
	must(t, err)
	if e.Text != "hi Bob" {
		t.Errorf("bob read %+v", e)
	}
	if m := w.said(w.next(event.MessageSent)); m.ID != own || !m.FromMe || !m.ViaAPI || m.Text != "hi Bob" {
		t.Errorf("sent event %+v", m)
	}
	w.next(event.MessageUpdated)

	// The host goes away and comes back: no QR code, nothing lost.
	stop()
	id, err = bob.Send(alice.PN(), content.Text("while you were out"))
	must(t, err)
	w.host()
	w.until(i, "open again", open)
	if m := w.said(w.next(event.MessageReceived)); m.ID != id {
		t.Errorf("after the restart %+v, want %s", m, id)
	}

	w.do(i, command.Logout, nil, nil)
	w.until(i, "logged out", func(i instance.Instance, _ *instance.Offer) bool { return i.State == instance.LoggedOut })
	if left := alice.Companions(); len(left) != 0 {
		t.Errorf("the phone still lists %v", left)
	}
	w.link(i, "491510000001") // and can be linked again
	w.do(i, command.Delete, nil, nil)
	if left := alice.Companions(); len(left) != 0 {
		t.Errorf("the phone still lists %v after the deletion", left)
	}
}

func TestPairingCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("coded")
	u, err := w.Phone("491510000003", "Carol")
	must(t, err)
	w.do(i, command.Connect, command.ConnectArgs{}, nil) // a QR code first
	w.until(i, "pairing", showing)
	coded := func(_ instance.Instance, o *instance.Offer) bool {
		return o != nil && (o.Code != "" || o.CodeError != "")
	}
	w.do(i, command.Connect, command.ConnectArgs{Number: u.Number()}, nil)
	_, offer := w.until(i, "offering a code", coded)
	if offer.Code == "" || offer.QR == "" {
		t.Fatalf("offer %+v: want code and QR together", offer)
	}
	w.do(i, command.Connect, command.ConnectArgs{Number: u.Number()}, nil)
	if _, again := w.until(i, "still offering", coded); again.Code != offer.Code {
		t.Errorf("the code changed from %s to %s", offer.Code, again.Code)
	}
	_, err = u.EnterCode(w.ctx, offer.Code)
	must(t, err)
	w.until(i, "open", open)
}

func TestPairingTimesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("slow")
	_, err := w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
		i.Settings.QRTimeout = 1
		return nil
	})
	must(t, err)
	w.do(i, command.Connect, command.ConnectArgs{}, nil)
	record, _ := w.until(i, "closed", func(i instance.Instance, _ *instance.Offer) bool { return i.State == instance.Closed })
	if record.Reason.Code != instance.ReasonPairingTimeout {
		t.Errorf("reason %+v", record.Reason)
	}
	w.until(i, "without an offer", func(_ instance.Instance, o *instance.Offer) bool { return o == nil })
}

func TestUnknownInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	err := w.commands.Do(ctx, instance.Instance{ID: "nobody"}, command.Connect, command.ConnectArgs{}, nil)
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v, want not found", err)
	}
}
