package wire

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestHandshakeProvesTheClient(t *testing.T) {
	t.Parallel()
	static := keys.NewKeyPair()
	payload := &waWa6.ClientPayload{Username: proto.Uint64(491701234567), Device: proto.Uint32(3), Passive: new(true)}
	for _, d := range []Dialer{
		{Static: static, Payload: payload},
		{Static: static, Payload: payload, PreIntro: RoutingIntro([]byte("somewhere"))},
		{Static: static, Payload: payload, PreIntro: RoutingIntro(nil)},
	} {
		var steps []Step
		server, client := connect(t, Options{At: func(s Step) error { steps = append(steps, s); return nil }}, d)
		for _, c := range []*Conn{server, client} {
			if c.StaticKey() != *static.Pub {
				t.Errorf("static key %x, want %x", c.StaticKey(), *static.Pub)
			}
			if diff := cmp.Diff(payload, c.Payload(), protocmp.Transform()); diff != "" {
				t.Errorf("payload differs:\n%s", diff)
			}
		}
		if diff := cmp.Diff([]Step{StepUpgraded, StepClientHello, StepClientFinish}, steps); diff != "" {
			t.Errorf("steps differ:\n%s", diff)
		}
	}
}

func TestDialRefusesServers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	foreign := newAuthority(t, testRoot, now)
	foreign.chain = newAuthority(t, testRoot, now).chain
	unsigned := newAuthority(t, testRoot, now)
	unsigned.chain = []byte{}
	tests := map[string]*Authority{
		"wrong root":                 newAuthority(t, nil, now),
		"expired":                    newAuthority(t, testRoot, now.Add(-validAfter-time.Hour)),
		"not valid yet":              newAuthority(t, testRoot, now.Add(validBefore+time.Hour)),
		"chain of another server":    foreign,
		"no chain":                   unsigned,
		"signature of another chain": tampered(t, now),
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, results := listenWith(t, a, Options{})
			_, err := Dial(t.Context(), url, Dialer{Root: *testRoot.Pub})
			if !errors.Is(err, ErrCertificate) {
				t.Errorf("Dial: %v, want ErrCertificate", err)
			}
			if r := <-results; r.err == nil {
				t.Error("Accept took a client that hung up")
			}
		})
	}
}

func TestNewAuthority(t *testing.T) {
	t.Parallel()
	if a := newAuthority(t, testRoot, time.Now()); a.RootPublicKey() != *testRoot.Pub {
		t.Error("not the root it was given")
	}
	if _, err := NewAuthority(&keys.KeyPair{Pub: testRoot.Pub}, time.Now()); err == nil {
		t.Error("a root without private key was taken")
	}
}

func TestFaultsCutTheHandshake(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	for _, step := range []Step{StepUpgraded, StepClientHello, StepClientFinish} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			url, results := listen(t, Options{At: func(s Step) error {
				if s == step {
					return fault
				}
				return nil
			}})
			client, err := Dial(t.Context(), url, Dialer{Root: *testRoot.Pub})
			// A client is done before the server has seen its last message.
			if step == StepClientFinish {
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Read()
			}
			if err == nil || errors.Is(err, ErrCertificate) || errors.Is(err, ErrMalformed) {
				t.Errorf("client got %v, want a cut", err)
			}
			if r := <-results; !errors.Is(r.err, fault) || r.conn != nil {
				t.Errorf("Accept = %v, %v, want the fault", r.conn, r.err)
			}
		})
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url, results := listen(t, Options{At: func(Step) error { cancel(); return nil }})
	if _, err := Dial(ctx, url, Dialer{Root: *testRoot.Pub}); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v, want context.Canceled", err)
	}
	if r := <-results; r.err == nil {
		t.Error("Accept took a client that hung up")
	}
}

func TestAcceptRefusesWhatIsNoWebsocket(t *testing.T) {
	t.Parallel()
	url, results := listen(t, Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+url[len("ws"):], http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if r := <-results; r.err == nil || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d, Accept: %v", resp.StatusCode, r.err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// hostileFirsts are what a client that is none may send first.
func hostileFirsts() map[string][]byte {
	header := func(frames ...byte) []byte { return append(append([]byte{}, socket.WAConnHeader...), frames...) }
	hello := func(ephemeral []byte) []byte {
		m, err := proto.Marshal(&waWa6.HandshakeMessage{ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: ephemeral}})
		if err != nil {
			panic(err)
		}
		return header(append(appendLength(nil, len(m)), m...)...)
	}
	return map[string][]byte{
		"no header":           {0, 0, 2, 8, 1},
		"old dictionary":      {'W', 'A', 6, 2, 0, 0, 0},
		"http":                []byte("GET / HTTP/1.1\r\n\r\n"),
		"routing twice":       append(RoutingIntro([]byte("a")), RoutingIntro([]byte("b"))...),
		"endless routing":     {'E', 'D', 0, 1, 0xff, 0xff, 0xff},
		"wrong routing":       {'E', 'D', 0, 2, 0, 0, 0, 'W', 'A', 6, 3},
		"huge frame":          header(0xff, 0xff, 0xff),
		"empty frame":         header(0, 0, 0),
		"no protobuf":         header(0, 0, 3, 0xff, 0xff, 0xff),
		"short ephemeral key": hello([]byte("short")),
		"low order point":     hello(make([]byte, 32)),
	}
}

func TestAcceptRefusesHostileClients(t *testing.T) {
	t.Parallel()
	for name, first := range hostileFirsts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, results := dialRaw(t)
			if err := ws.Write(t.Context(), websocket.MessageBinary, first); err != nil {
				t.Fatal(err)
			}
			if r := <-results; !errors.Is(r.err, ErrMalformed) {
				t.Errorf("Accept = %v, %v, want ErrMalformed", r.conn, r.err)
			}
		})
	}
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		ws, results := dialRaw(t)
		if err := ws.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if r := <-results; !errors.Is(r.err, ErrMalformed) {
			t.Errorf("Accept: %v, want ErrMalformed", r.err)
		}
	})
}

// dialRaw opens a websocket to a new server and no more.
func dialRaw(t testing.TB) (*websocket.Conn, <-chan accepted) {
	t.Helper()
	url, results := listen(t, Options{})
	ws, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws, results
}

func TestHostileFinish(t *testing.T) {
	t.Parallel()
	ws, results := dialRaw(t)
	pair := keys.NewKeyPair()
	hello, err := proto.Marshal(&waWa6.HandshakeMessage{ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: pair.Pub[:]}})
	if err != nil {
		t.Fatal(err)
	}
	finish, err := proto.Marshal(&waWa6.HandshakeMessage{ClientFinish: &waWa6.HandshakeMessage_ClientFinish{
		Static: make([]byte, keySize+tagSize), Payload: make([]byte, tagSize),
	}})
	if err != nil {
		t.Fatal(err)
	}
	first := append(append(append([]byte{}, socket.WAConnHeader...), appendLength(nil, len(hello))...), hello...)
	if err := ws.Write(t.Context(), websocket.MessageBinary, first); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ws.Write(t.Context(), websocket.MessageBinary, append(appendLength(nil, len(finish)), finish...)); err != nil {
		t.Fatal(err)
	}
	if r := <-results; !errors.Is(r.err, ErrMalformed) {
		t.Errorf("Accept: %v, want ErrMalformed", r.err)
	}
}

// tampered returns an authority whose leaf has another's signature.
func tampered(t testing.TB, now time.Time) *Authority {
	t.Helper()
	a := newAuthority(t, testRoot, now)
	chain, other := chainOf(t, a), chainOf(t, newAuthority(t, testRoot, now))
	chain.Leaf.Signature = other.GetLeaf().GetSignature()
	var err error
	if a.chain, err = proto.Marshal(chain); err != nil {
		t.Fatal(err)
	}
	return a
}

func chainOf(t testing.TB, a *Authority) *waCert.CertChain {
	t.Helper()
	chain := new(waCert.CertChain)
	if err := proto.Unmarshal(a.chain, chain); err != nil {
		t.Fatal(err)
	}
	return chain
}

func FuzzHandshake(f *testing.F) {
	for _, first := range hostileFirsts() {
		f.Add(first, []byte{0, 0, 3, 1, 2, 3})
	}
	a := newAuthority(f, testRoot, time.Now())
	panics := make(chan any, 1)
	results := make(chan accepted, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil { // net/http would only log it
				panics <- p
			}
		}()
		c, err := Accept(w, r, a, Options{})
		results <- accepted{c, err}
	}))
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ws, _, err := websocket.Dial(t.Context(), s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range [][]byte{first, second} {
			// The server may have hung up; that is its good right.
			_ = ws.Write(t.Context(), websocket.MessageBinary, message)
		}
		// Not CloseNow, which could overtake the messages.
		go func() { _ = ws.Close(websocket.StatusNormalClosure, "") }()
		select {
		case p := <-panics:
			t.Fatalf("panic: %v", p)
		case r := <-results:
			if r.err == nil {
				t.Fatalf("%q, %q passed for a client", first, second)
			}
		}
		_ = ws.CloseNow()
	})
}
