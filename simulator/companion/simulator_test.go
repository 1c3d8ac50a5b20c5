package companion_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/goleak"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/knownraces"
)

// patience bounds every wait.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	knownraces.Suppress()
	whatsmeow.WACertPubKey = simulator.New(simulator.Config{}).RootPublicKey() // one for all simulators of the process
	os.Exit(m.Run())
}

func serve(t testing.TB) (*simulator.Simulator, *http.Client) {
	t.Helper()
	sim := simulator.New(simulator.Config{})
	server := httptest.NewServer(sim)
	hc := sim.HTTPClient(server.URL)
	t.Cleanup(func() {
		sim.Close()
		server.Close()
		hc.CloseIdleConnections()
	})
	return sim, hc
}

func phone(t testing.TB, sim *simulator.Simulator, number string) *simulator.User {
	t.Helper()
	u, err := sim.Phone(number, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func scanWith(u *simulator.User) func(context.Context, string) error {
	return func(ctx context.Context, qr string) error {
		_, err := u.Scan(ctx, qr)
		return err
	}
}

func text(s string) *waE2E.Message { return &waE2E.Message{Conversation: new(s)} }

func awaitText(t *testing.T, ctx context.Context, c *companion.Client, want string) {
	t.Helper()
	if _, err := companion.Await(ctx, c, func(m *events.Message) bool { return m.Message.GetConversation() == want }); err != nil {
		t.Fatalf("message %q: %v", want, err)
	}
}

// A client pairs through a rotated secret, talks, dies, and talks on as the
// process that found its store.
func TestPairTalkAndCrash(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), // so not parallel
		// What whatsmeow itself leaves behind: a loop that ends after an idle
		// minute, and whoever holds a frame that came as it disconnected.
		goleak.IgnoreTopFunction("go.mau.fi/whatsmeow.(*Client).handleHistorySyncNotificationLoop"),
		goleak.IgnoreTopFunction("go.mau.fi/whatsmeow/socket.(*FrameSocket).frameComplete"))
	t.Run("", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		sim, hc := serve(t)
		alice, bob := phone(t, sim, "491510000001"), phone(t, sim, "491510000002")
		c := companion.New(hc, companion.WithEventBuffer())
		defer c.Close()
		scans := 0
		err := c.Pair(ctx, func(ctx context.Context, qr string) error {
			scans++
			return scanWith(alice)(ctx, qr)
		})
		if err != nil {
			t.Fatal(err)
		}
		if scans != 2 || c.Store.JID().User != alice.Number() {
			t.Errorf("%d scans paired %v", scans, c.Store.JID())
		}
		if _, err := companion.Await[*events.PairSuccess](ctx, c); err != nil {
			t.Error(err)
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := companion.Await[*events.Connected](over, c); err == nil {
			t.Error("the login was left to be awaited")
		}
		// whatsmeow's iqs race with each other when a disconnect ends two at once
		// (exsync.Event.GetChan), so the first sync must be over.
		for _, name := range appstate.AllPatchNames {
			_, err := companion.Await(ctx, c, func(e *events.AppStateSyncComplete) bool { return e.Name == name })
			if err != nil {
				t.Fatalf("sync of %s: %v", name, err)
			}
		}
		if _, err := bob.Send(alice.PN(), text("before")); err != nil {
			t.Fatal(err)
		}
		awaitText(t, ctx, c, "before")
		after := c.Store.Clone()
		c.Close()

		again := companion.New(hc, companion.WithEventBuffer(), companion.WithStore(after))
		defer again.Close()
		if err := again.Login(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Send(alice.PN(), text("after")); err != nil {
			t.Fatal(err)
		}
		awaitText(t, ctx, again, "after")
		if _, err := again.SendMessage(ctx, bob.PN(), text("answer")); err != nil {
			t.Error(err)
		}
		if err := again.Pair(ctx, scanWith(bob)); err == nil {
			t.Error("a paired client was paired again")
		}
	})
}

func TestQRIsTheSameUntilTheSecretIsRotated(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sim, hc := serve(t)
	alice := phone(t, sim, "491510000001")
	c := companion.New(hc)
	defer c.Close()
	first, err := c.QR(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := c.QR(ctx); same != first || err != nil {
		t.Errorf("second code %q, %v; want %q", same, err, first)
	}
	if _, err := alice.Scan(ctx, first); !errors.Is(err, simulator.ErrRefresh) {
		t.Fatalf("first scan: %v, want a refresh", err)
	}
	if _, err := companion.Await[*events.RotateADVSecret](ctx, c); err != nil {
		t.Fatal(err)
	}
	second, err := c.QR(ctx)
	if second == first || err != nil {
		t.Fatalf("code %q, %v; want another than the first", second, err)
	}
	if _, err := alice.Scan(ctx, second); err != nil {
		t.Fatal(err)
	}
	if err := c.Login(ctx); err != nil {
		t.Error(err)
	}
}

func TestPairTellsWhyNot(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sim, hc := serve(t)
	alice := phone(t, sim, "491510000001")
	refused := errors.New("no camera")
	c := companion.New(hc)
	defer c.Close()
	if err := c.Pair(ctx, func(context.Context, string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a scan that failed: %v", err)
	}

	c.PrePairCallback = func(types.JID, string, string) bool { return false }
	var end *companion.EndError
	if err := c.Pair(ctx, scanWith(alice)); !errors.As(err, &end) || !errors.Is(err, whatsmeow.ErrPairRejectedLocally) {
		t.Errorf("a pairing the client refused: %v", err)
	}
	soon, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := companion.New(hc).QR(soon); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestLoginTellsWhyNot(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sim, hc := serve(t)
	c := companion.New(hc)
	defer c.Close()
	if err := c.Pair(ctx, scanWith(phone(t, sim, "491510000001"))); err != nil {
		t.Fatal(err)
	}
	_, elsewhere := serve(t)
	stranger := companion.New(elsewhere, companion.WithStore(c.Store.Clone()))
	defer stranger.Close()
	var end *companion.EndError
	if err := stranger.Login(ctx); !errors.As(err, &end) || !strings.Contains(err.Error(), "LoggedOut") {
		t.Errorf("login where nobody knows the device: %v", err)
	}
}
