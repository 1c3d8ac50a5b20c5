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
	"roost/simulator/content"
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

// BenchmarkDecryptToEvent is the way of one message after the other from the
// socket to the sink, with keys on the embedded table: what it takes includes
// the simulated server's part, but for the sender's encryption.
func BenchmarkDecryptToEvent(b *testing.B) {
	knobs := simulator.DefaultKnobs()
	sim := simulator.New(simulator.Config{Knobs: &knobs})
	server := httptest.NewServer(sim)
	db := sqlitetest.Open(b, sqlite.Options{})
	b.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	whatsapp.Trust(sim.RootPublicKey())
	wrapper, err := seal.FileKey(filepath.Join(b.TempDir(), "master.key"))
	if err != nil {
		b.Fatal(err)
	}
	k, err := keys.Open(b.Context(), tablesqlite.New(db), "bench", 1, wrapper, keys.Options{})
	if err != nil {
		b.Fatal(err)
	}
	device, err := k.Device(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	phone, err := sim.Phone("491510000001", "Alice")
	if err != nil {
		b.Fatal(err)
	}
	err = companion.Enrol(b.Context(), device, "Alice", 24, func(_ context.Context, e linking.Enrolment) (linking.Enrolled, error) { return phone.Enrol(e) })
	if err != nil {
		b.Fatal(err)
	}
	contact, err := sim.Contact("491510000002", "Bob")
	if err != nil {
		b.Fatal(err)
	}
	sink := make(taken, 1)
	log := slog.New(slog.DiscardHandler)
	hc := sim.HTTPClient(server.URL)
	c := whatsapp.New(whatsapp.Config{HTTP: hc, Media: hc, Log: log}, device, k, sink, func(whatsapp.Signal) {})
	if err := c.Connect(b.Context()); err != nil || !c.AwaitLogin(time.Minute) {
		b.Fatalf("no login: %v", err)
	}
	defer c.Disconnect()
	prepared := make([]*simulator.Prepared, b.N)
	for i := range prepared {
		if prepared[i], err = contact.Prepare(phone.LID(), content.Text("a text of ordinary length, as people write it")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, p := range prepared {
		if id := p.Deliver(); (<-sink).ID != id {
			b.Fatal("another message came")
		}
	}
}
