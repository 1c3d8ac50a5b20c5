package evolution_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"

	"roost/functions/api/apitest"
	webhooks "roost/functions/webhook/evolution"
	"roost/sessionhost/host"
	"roost/sessionhost/whatsapp"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/simulator"
	"roost/simulator/knownraces"
)

func TestMain(m *testing.M) {
	knownraces.Suppress()
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey()
	os.Exit(m.Run())
}

// live is the API over a session host that speaks to a simulated WhatsApp.
type live struct {
	*apitest.World
	Sim   *simulator.Simulator
	t     *testing.T
	ctx   context.Context
	alice *simulator.User // whose phone the instance "a" is linked to; its token is "t"

	untold []webhooks.Payload // of the last event, what told has not looked at
}

const livePatience = 90 * time.Second

// newLive links an instance to Alice's phone, after the phone has been made as
// prepare has it.
func newLive(t *testing.T, prepare ...func(*live)) *live {
	t.Helper()
	s := simulator.New(simulator.Config{})
	server := httptest.NewServer(s)
	ctx, cancel := context.WithTimeout(t.Context(), livePatience)
	w := &live{World: apitest.New(t, apitest.Options{NoHost: true, Networks: egress.Loopback}), Sim: s, t: t, ctx: ctx}
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("violation: %s", v)
		}
		cancel()
		s.Close()
		server.Close()
	})
	wrapper, err := seal.FileKey(filepath.Join(t.TempDir(), "master.key"))
	w.must(err)
	client, log := s.HTTPClient(server.URL), slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	ready, done := make(chan struct{}), make(chan error, 1)
	life, stop := context.WithCancel(context.Background())
	go func() {
		done <- host.Run(life, host.Config{
			Name: "host-1", Table: w.Table, Queues: w.Queues, Bucket: w.Bucket, Wrapper: wrapper,
			WhatsApp: whatsapp.Config{HTTP: client, Media: client, Log: log}, Log: log, Networks: egress.Loopback, Lease: time.Minute,
		}, func(*host.Host) { close(ready) })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("host: %v", err)
		}
	})
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatal("the host never began")
	}
	w.alice = w.phone("491510000001", "Alice")
	for _, make := range prepare {
		make(w)
	}
	w.link(w.Create(t, "a", "t"))
	return w
}

func (w *live) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *live) phone(number, name string) *simulator.User {
	w.t.Helper()
	u, err := w.Sim.Phone(number, name)
	w.must(err)
	return u
}

func (w *live) contact(number, name string) *simulator.User {
	w.t.Helper()
	u, err := w.Sim.Contact(number, name)
	w.must(err)
	return u
}

// link scans the instance's codes until Alice's phone takes one.
func (w *live) link(i instance.Instance) {
	w.t.Helper()
	if a := w.Do(w.t, http.MethodGet, "/instance/connect/"+i.Name, "t", ""); a.Status != http.StatusOK {
		w.t.Fatalf("connect: %s", a.Body)
	}
	scanned := ""
	for {
		record, err := w.Instances.Get(w.ctx, i.ID)
		w.must(err)
		if record.State == instance.Open && record.Ready {
			return
		}
		if offer, err := w.Instances.Offer(w.ctx, i.ID); err == nil && offer != nil && offer.QR != "" && offer.QR != scanned {
			scanned = offer.QR
			if _, err := w.alice.Scan(w.ctx, scanned); err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
				w.t.Fatal(err)
			}
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatal("never linked")
		}
	}
}

// next takes events off the queue until one is of that kind.
func (w *live) next(kind event.Kind) {
	w.t.Helper()
	for w.any().Kind != kind {
	}
}

// any takes the next event off the queue and stores it as webhooks do.
func (w *live) any() event.Event {
	w.t.Helper()
	for {
		got, err := w.Events.Receive(w.ctx, 1, 20*time.Second, 0)
		w.must(err)
		for _, d := range got {
			e, err := event.Read(w.ctx, w.Bucket, d.Body)
			w.must(err)
			w.must(w.Events.Delete(w.ctx, d.Receipt))
			w.must(w.Transcripts.Store(w.ctx, e))
			return e
		}
	}
}

// step is one line of a script: a request and what it must answer. In the
// expected body a * stands for anything, and names in braces, there and in paths
// and bodies, for what has been learned.
type step struct {
	name, method, path, body string
	status                   int
	want                     string
	learn                    string                // the name of a field of the answer to keep, as a name in braces
	then                     func() (wrong string) // looks at the other side
}

// run runs a script. Learned values are kept in names.
func (w *live) run(names map[string]string, script []step) {
	w.t.Helper()
	fill := func(text string) string {
		for name, value := range names {
			text = strings.ReplaceAll(text, "{"+name+"}", value)
		}
		return text
	}
	for _, s := range script {
		a := w.Do(w.t, s.method, fill(s.path), "t", fill(s.body))
		if a.Status != s.status {
			w.t.Errorf("%s: status %d, want %d", s.name, a.Status, s.status)
		}
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(fill(s.want)), `\*`, ".*") + "$"
		if !regexp.MustCompile(pattern).MatchString(a.Body) {
			w.t.Errorf("%s:\n got %s\nwant %s", s.name, a.Body, fill(s.want))
		}
		if s.learn != "" {
			var fields map[string]any
			w.must(json.Unmarshal([]byte(a.Body), &fields))
			names[s.learn], _ = fields[s.learn].(string)
		}
		if s.then != nil {
			if wrong := s.then(); wrong != "" {
				w.t.Errorf("%s: %s", s.name, wrong)
			}
		}
	}
}
