package whatsapp_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"roost/sessionhost/keys"
	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	tablesqlite "roost/shared/table/sqlite"
	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/linking"
)

// taken is a sink that tells of each message.
type taken chan message.Message

func (t taken) Message(_ context.Context, m message.Message) error {
	t <- m
	return nil
}

func (taken) Update(context.Context, event.Update) error                    { return nil }
func (taken) History(context.Context, string, []byte) error                 { return nil }
func (taken) Past(context.Context, event.History) error                     { return nil }
func (taken) Remembers() bool                                               { return false }
func (taken) Contacts(context.Context, []event.Contact, string, bool) error { return nil }
func (taken) Happened(context.Context, whatsapp.Happening) error            { return nil }

// world is a client that a phone has agreed to, and the server it speaks to.
type world struct {
	*simulator.Simulator
	phone  *simulator.User
	client *whatsapp.Client
	sink   taken
}

func newWorld(t testing.TB) *world {
	t.Helper()
	knobs := simulator.DefaultKnobs()
	w := &world{Simulator: simulator.New(simulator.Config{Knobs: &knobs}), sink: make(taken, 1)}
	server := httptest.NewServer(w)
	db := sqlitetest.Open(t, sqlite.Options{})
	t.Cleanup(func() {
		w.Close()
		server.Close()
	})
	whatsapp.Trust(w.RootPublicKey())
	wrapper, err := seal.FileKey(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Open(t.Context(), tablesqlite.New(db), "instance", 1, wrapper, keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	device, err := k.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.phone, err = w.Phone("491510000001", "Alice"); err != nil {
		t.Fatal(err)
	}
	err = companion.Enrol(t.Context(), device, "Alice", 24, func(_ context.Context, e linking.Enrolment) (linking.Enrolled, error) { return w.phone.Enrol(e) })
	if err != nil {
		t.Fatal(err)
	}
	hc := w.HTTPClient(server.URL)
	w.client = whatsapp.New(whatsapp.Config{HTTP: hc, Media: hc, Log: slog.New(slog.DiscardHandler)}, device, k, w.sink, func(whatsapp.Signal) {})
	return w
}

// A client that was logged in is not logged in on its next connection before
// WhatsApp says so, and never when WhatsApp refuses it.
func TestLoginIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	connect := func() {
		t.Helper()
		if err := w.client.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	connect()
	if !w.client.AwaitLogin(time.Minute) {
		t.Fatal("no login")
	}
	w.client.Disconnect()
	if w.client.Online() {
		t.Error("logged in without a connection")
	}
	if err := w.Inject(simulator.Fault{Fault: simulator.Ban, Number: w.phone.PN().User, Seconds: 3600}); err != nil {
		t.Fatal(err)
	}
	logins := w.Logins()
	connect()
	if w.client.AwaitLogin(time.Minute) || w.client.Online() || w.Logins() != logins {
		t.Error("logged in though WhatsApp refuses it")
	}
	w.client.Disconnect()
}
