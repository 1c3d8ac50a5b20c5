package keys_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/sessionhost/keys"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
	"roost/simulator/knownraces"
)

// patience bounds every wait.
const patience = 30 * time.Second

const someInstance instance.ID = "7b0c5a86-5a5b-4a35-9d86-0d8c36c0ffee"

func TestMain(m *testing.M) {
	knownraces.Suppress()
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey() // one for all simulators of the process
	os.Exit(m.Run())
}

// A real client pairs, talks both ways, dies, and talks on as the process that
// finds its keys; and what each of it costs.
func TestFlows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.open(t, 1))
	w.cost(t, "open", 2)

	if err := c.Pair(w.ctx, w.scan); err != nil {
		t.Fatal(err)
	}
	for range 5 { // collections
		if _, err := companion.Await[*events.AppStateSyncComplete](w.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	w.cost(t, "pairing, with the first settings", 50)

	w.hear(t, c, "first")
	w.cost(t, "first inbound of a contact", 3)
	const many = 20
	// Once a week each side gives the other a privacy token, some time after
	// the first message.
	const tokens = 2
	for range many {
		w.hear(t, c, "more")
	}
	w.cost(t, "20 inbound", many)
	w.say(t, c, "first answer")
	w.cost(t, "first outbound to a contact", 3)
	for range many {
		w.say(t, c, "more answers")
	}
	w.cost(t, "20 outbound", many+tokens)
	for range many {
		w.hear(t, c, "question")
		w.say(t, c, "answer")
	}
	w.cost(t, "20 inbound and outbound in turn", 2*many)
	w.hearGroup(t, c, "to all, with a sender key")
	w.cost(t, "first inbound of a group", 4)
	for range many {
		w.hearGroup(t, c, "to all")
	}
	w.cost(t, "20 inbound of a group", many)

	// It dies without a word.
	c.Close()
	w.table.Reset()
	c = w.client(t, w.open(t, 2))
	if err := c.Login(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.cost(t, "login", 3)
	w.hear(t, c, "first after the takeover")
	w.say(t, c, "answered")
	w.cost(t, "takeover, with one message each way", 4)
	w.verify(t)
}

func (w *world) cost(t *testing.T, flow string, most int) {
	t.Helper()
	total := w.table.Total()
	t.Logf("%-36s %3d requests %4d items %7d bytes %v", flow, total.Requests, total.Items, total.Bytes, requests(w.table.Counts()))
	if total.Requests > most {
		t.Errorf("%s cost %d requests, more than %d", flow, total.Requests, most)
	}
	w.table.Reset()
}

func requests(counts map[string]table.Count) map[string]int {
	out := make(map[string]int)
	for name, c := range counts {
		out[name] = c.Requests
	}
	return out
}

// world is an account, somebody it talks to, and the table.
type world struct {
	ctx   context.Context
	sim   *simulator.Simulator
	hc    *http.Client
	table *table.Counting
	inner table.Table
	wrap  seal.Wrapper
	keys  *keys.Keys

	alice, bob *simulator.User
	group      *simulator.Group
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w := &world{ctx: ctx, inner: newTable(t), wrap: newWrapper(t)}
	w.table = table.NewCounting(w.inner)
	w.sim = simulator.New(simulator.Config{})
	server := httptest.NewServer(w.sim)
	w.hc = w.sim.HTTPClient(server.URL)
	t.Cleanup(func() {
		w.sim.Close()
		server.Close()
		w.hc.CloseIdleConnections()
	})
	var err error
	if w.alice, err = w.sim.Phone("491510000001", "Alice"); err != nil {
		t.Fatal(err)
	}
	if w.bob, err = w.sim.Contact("491510000002", "Bob"); err != nil {
		t.Fatal(err)
	}
	w.group = w.sim.Group("all", w.alice, w.bob)
	return w
}

func newTable(t testing.TB) table.Table {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return tablesqlite.New(db)
}

func newWrapper(t testing.TB) seal.Wrapper {
	t.Helper()
	wrapper, err := seal.FileKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return wrapper
}

func (w *world) open(t testing.TB, epoch int64) *keys.Keys {
	t.Helper()
	k, err := keys.Open(w.ctx, w.table, someInstance, epoch, w.wrap, keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.keys = k
	return k
}

func (w *world) client(t testing.TB, k *keys.Keys, opts ...companion.Option) *companion.Client {
	t.Helper()
	device, err := k.Device(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := companion.New(w.hc, append(opts, companion.WithDevice(device), companion.WithEventBuffer())...)
	t.Cleanup(c.Close)
	return c
}

func (w *world) scan(ctx context.Context, qr string) error {
	_, err := w.alice.Scan(ctx, qr)
	return err
}

func text(s string) *waE2E.Message { return &waE2E.Message{Conversation: &s} }

func (w *world) hear(t testing.TB, c *companion.Client, said string) {
	t.Helper()
	w.hearFrom(t, c, w.alice.PN(), said)
}

func (w *world) hearGroup(t testing.TB, c *companion.Client, said string) {
	t.Helper()
	w.hearFrom(t, c, w.group.JID(), said)
}

func (w *world) hearFrom(t testing.TB, c *companion.Client, chat types.JID, said string) {
	t.Helper()
	id, err := w.bob.Send(chat, text(said))
	if err != nil {
		t.Fatal(err)
	}
	_, err = companion.Await(w.ctx, c, func(m *events.Message) bool {
		return m.Info.ID == id && m.Message.GetConversation() == said
	})
	if err != nil {
		t.Fatalf("message %q: %v", said, err)
	}
	// The receipt is the last thing that happens to a message.
	_, err = w.bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id && (r.Type == "" || r.Type == "inactive") })
	if err != nil {
		t.Fatalf("receipt for %q: %v", said, err)
	}
}

func (w *world) say(t testing.TB, c *companion.Client, said string) {
	t.Helper()
	ctx, done := w.keys.BeginSend(w.ctx)
	defer done()
	sent, err := c.SendMessage(ctx, w.bob.PN(), text(said))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == sent.ID && e.Text == said })
	if err != nil {
		t.Fatalf("answer %q: %v", said, err)
	}
}

func (w *world) verify(t testing.TB) {
	t.Helper()
	if err := w.sim.Settle(w.ctx); err != nil {
		t.Error(err)
	}
	for _, v := range w.sim.Violations() {
		t.Error(v)
	}
}
