package simulator_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/knownraces"
)

// patience bounds every wait of these tests. Nothing should come near it.
const patience = time.Minute

func TestMain(m *testing.M) {
	knownraces.Suppress()
	if runFleet() {
		return
	}
	whatsmeow.RequestFromPhoneDelay = time.Second                              // only for clients that ask their phone by themselves
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey() // one for all simulators of the process
	os.Exit(m.Run())
}

// world is a simulator with an HTTP server in front, and what a test needs
// around them. It is noisy by default: clients must cope with what the protocol
// allows. At the end of the test everything must be answered and no violation
// recorded but those that were expected.
type world struct {
	*simulator.Simulator
	t    *testing.T
	ctx  context.Context
	base string
	http *http.Client

	mu       sync.Mutex
	expected []string
	clients  []*companion.Client
}

func newWorld(t *testing.T, change ...func(*simulator.Config)) *world {
	t.Helper()
	knobs := simulator.DefaultKnobs()
	knobs.Noise = 0.3
	cfg := simulator.Config{Knobs: &knobs}
	if os.Getenv("SIMULATOR_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, c := range change {
		c(&cfg)
	}
	s := simulator.New(cfg)
	server := httptest.NewServer(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	w := &world{Simulator: s, t: t, ctx: ctx, base: server.URL, http: s.HTTPClient(server.URL)}
	t.Cleanup(func() {
		w.finish()
		cancel()
		for _, c := range w.clients {
			c.Close()
		}
		s.Close()
		server.Close()
		w.http.CloseIdleConnections()
	})
	return w
}

// finish is the one check that every test ends with.
func (w *world) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !w.t.Failed() {
		if err := w.Settle(ctx); err != nil {
			w.t.Errorf("not everything was answered: %v", err)
		}
	}
	for _, v := range w.Violations() {
		if !slices.Contains(w.expected, v.Kind) {
			w.t.Errorf("violation: %s", v)
		}
	}
	if w.t.Failed() {
		w.t.Logf("seed %d", w.Seed())
	}
}

// expect lets violations of these kinds pass.
func (w *world) expect(kinds ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, kinds...)
}

// client makes a whatsmeow client that ends with the test.
func (w *world) client(opts ...companion.Option) *companion.Client {
	c := companion.New(w.http, opts...)
	w.mu.Lock()
	w.clients = append(w.clients, c)
	w.mu.Unlock()
	return c
}

// phone makes an account.
func (w *world) phone(number, name string) *simulator.User {
	w.t.Helper()
	u, err := w.Phone(number, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// pair makes an account and links a client to it by QR code.
func (w *world) pair(number, name string, opts ...companion.Option) (*companion.Client, *simulator.User) {
	w.t.Helper()
	u := w.phone(number, name)
	return w.link(u, opts...), u
}

// link links one more client to an account by QR code.
func (w *world) link(u *simulator.User, opts ...companion.Option) *companion.Client {
	w.t.Helper()
	return w.linkClient(u, w.client(opts...))
}

// linkClient is link for a client that was made before.
func (w *world) linkClient(u *simulator.User, c *companion.Client) *companion.Client {
	w.t.Helper()
	synced := make(chan struct{}, 2*len(appstate.AllPatchNames))
	handler := c.AddEventHandler(func(evt any) {
		if _, ok := evt.(*events.AppStateSyncComplete); ok {
			select {
			case synced <- struct{}{}:
			default:
			}
		}
	})
	w.scan(u, c)
	for range appstate.AllPatchNames { // whatsmeow races with itself when it is logged out before that
		select {
		case <-synced:
		case <-w.ctx.Done():
			w.t.Fatal("the first sync of the app state never ended")
		}
	}
	c.RemoveEventHandler(handler)
	must(w.t, w.Settle(w.ctx)) // the phone has sent its first sync
	return c
}

// scan links a client and does not wait for what its phone sends it first.
func (w *world) scan(u *simulator.User, c *companion.Client) {
	w.t.Helper()
	err := c.Pair(w.ctx, func(ctx context.Context, qr string) error {
		_, err := u.Scan(ctx, qr)
		if errors.Is(err, simulator.ErrRefresh) {
			return nil // the client shows a new code
		}
		return err
	})
	if err != nil {
		w.t.Fatalf("pair %s: %v", u.Number(), err)
	}
}

// await waits for an event of a client, or fails the test. What the own phone
// tells its companion (keys, history) is an event, too, but not meant here.
func await[T any](w *world, c *companion.Client, match ...func(T) bool) T {
	w.t.Helper()
	match = append(match, func(e T) bool { return !fromPhone(e) })
	e, err := companion.Await(w.ctx, c, match...)
	if err != nil {
		w.t.Fatalf("no %T: %v", e, err)
	}
	return e
}

// fromPhone recognises what the own phone tells its companion of the account.
func fromPhone(evt any) bool {
	m, ok := evt.(*events.Message)
	return ok && m.Info.Category == "peer"
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
