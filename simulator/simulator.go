package simulator

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"roost/simulator/media"
	"roost/simulator/wire"
)

// Config says what kind of WhatsApp to simulate. The zero value is a correct,
// polite one with the defaults of [DefaultKnobs].
type Config struct {
	// Knobs are the behaviours the real service may show either way. Nil means
	// DefaultKnobs; they can be changed while the simulator runs.
	Knobs *Knobs

	// Seed makes every random choice of the simulator repeatable: ids and what
	// Knobs.Noise and Knobs.DropRate decide. 0 takes a random seed; a failing
	// test prints Simulator.Seed.
	Seed uint64

	// ClientRevision is the current WhatsApp Web revision that GET / tells
	// clients, the last part of "2.3000.<revision>". 0 means 1045649999.
	ClientRevision uint32

	// URL is where clients reach the simulator, http://host:port, as GET
	// /simulator tells. Empty means the host that was asked.
	URL string

	// RootKey is the private key, 32 bytes, of the certificate root, for
	// clients in other processes that trust its public half already. Nil means
	// the key that all simulators of this process share.
	RootKey []byte

	// MediaHost is the host name that media URLs carry, without scheme; clients
	// add https:// themselves. Empty means mmg.whatsapp.net.
	MediaHost string

	// MediaBytes bounds what the media store keeps, in bytes. 0 means 1 GiB.
	MediaBytes int64

	// Probe measures. The zero value does not.
	Probe Probe

	// Logger receives what goes on at debug level and what is odd at warn
	// level. Nil discards. Message texts and keys are never logged.
	Logger *slog.Logger
}

// Simulator is the server. It is an http.Handler that serves the WebSocket
// (/ws/chat), the version page (/), media (/mms/, /v/) and the control API
// (/simulator). All methods are safe for concurrent use.
type Simulator struct {
	cfg       Config
	log       *slog.Logger
	authority *wire.Authority
	media     *media.Store
	control   http.Handler
	began     time.Time
	seq       atomic.Uint64
	live      atomic.Int64
	logins    atomic.Int64

	faults     *faults
	violations violations

	mu      sync.RWMutex
	closed  bool
	knobs   Knobs
	users   map[string]*User // by phone number and by LID user part
	byNoise map[[32]byte]*device
	groups  map[string]*Group
	refs    map[string]*stream    // QR ref -> the connection that shows it
	codes   map[string]*codeOffer // phone number -> pairing code on offer
	offered chan struct{}         // closed and replaced when a code is offered
	streams map[*stream]struct{}
	feeds   map[*feed]struct{}
	random  *rand.Rand
	idle    sync.WaitGroup
}

// root is the certificate root of every simulator in this process: a client
// library trusts one root key, which is a process-wide variable of it.
var root = sync.OnceValue(keys.NewKeyPair)

func (c Config) root() *keys.KeyPair {
	if c.RootKey == nil {
		return root()
	}
	return keys.NewKeyPairFromPrivateKey([32]byte(c.RootKey))
}

// New makes a simulator with nobody in it. It panics if Config.RootKey has
// another length than 32 bytes.
func New(cfg Config) *Simulator {
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64() //nolint:gosec // a seed for tests, not a secret
	}
	if cfg.ClientRevision == 0 {
		cfg.ClientRevision = 1045649999
	}
	if cfg.MediaHost == "" {
		cfg.MediaHost = "mmg.whatsapp.net"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	knobs := DefaultKnobs()
	if cfg.Knobs != nil {
		knobs = *cfg.Knobs
	}
	authority, err := wire.NewAuthority(cfg.root(), time.Now())
	if err != nil {
		panic("simulator: sign certificates: " + err.Error()) // only a broken random source can cause it
	}
	s := &Simulator{
		cfg: cfg, log: cfg.Logger, authority: authority, knobs: knobs, began: time.Now(),
		media:   media.NewStore(media.Config{Host: cfg.MediaHost, Auth: mediaAuth, MaxBytes: cfg.MediaBytes}),
		users:   map[string]*User{},
		byNoise: map[[32]byte]*device{},
		groups:  map[string]*Group{},
		refs:    map[string]*stream{},
		codes:   map[string]*codeOffer{},
		offered: make(chan struct{}),
		streams: map[*stream]struct{}{},
		random:  rand.New(rand.NewPCG(cfg.Seed, 0)), //nolint:gosec // repeatable on purpose
	}
	s.faults = newFaults()
	s.control = s.controlRoutes()
	return s
}

// Seed is what Config.Seed was, or what was drawn for it.
func (s *Simulator) Seed() uint64 { return s.cfg.Seed }

// RootPublicKey is the root of the certificate chain, which a client must
// trust: whatsmeow.WACertPubKey.
func (s *Simulator) RootPublicKey() [32]byte { return s.authority.RootPublicKey() }

// Connections is how many client connections are open now.
func (s *Simulator) Connections() int { return int(s.live.Load()) }

// Logins is how many logins have succeeded since the start.
func (s *Simulator) Logins() int { return int(s.logins.Load()) }

// HTTPClient is a client that sends every request, whatever host it names, to
// the simulator at base (http://host:port). Give it to a WhatsApp client for
// its sockets and its media.
func (s *Simulator) HTTPClient(base string) *http.Client { return HTTPClient(base) }

// HTTPClient is Simulator.HTTPClient for a simulator in another process.
func HTTPClient(base string) *http.Client {
	return &http.Client{Transport: Transport(base, nil)}
}

// Transport is that of HTTPClient over another dialer, such as a proxy's; nil
// dials directly.
func Transport(base string, dial func(ctx context.Context, network, address string) (net.Conn, error)) http.RoundTripper {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		panic("simulator: base URL " + base + " is not http://host:port")
	}
	transport := &http.Transport{Proxy: nil, DialContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	return &redirect{scheme: u.Scheme, host: u.Host, base: transport}
}

// redirect rewrites where a request goes and leaves its Host header, as the
// real service would see it. It returns the transport's own response: a
// WebSocket client needs its body to be writable.
type redirect struct {
	scheme, host string
	base         http.RoundTripper
}

func (t *redirect) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.Host = r.URL.Host
	out.URL.Scheme, out.URL.Host = t.scheme, t.host
	return t.base.RoundTrip(out)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the sockets.
func (t *redirect) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/ws/chat":
		s.serveSocket(w, r)
	case path == "/" && r.Method == http.MethodGet:
		s.serveVersion(w)
	case strings.HasPrefix(path, "/mms/"), strings.HasPrefix(path, "/v/"):
		s.media.ServeHTTP(w, r)
	case path == "/simulator" || strings.HasPrefix(path, "/simulator/"):
		s.control.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// Close ends every connection and waits for their goroutines. Clients see
// their socket close; nothing is said to them.
func (s *Simulator) Close() {
	s.mu.Lock()
	s.closed = true
	streams := make([]*stream, 0, len(s.streams))
	for st := range s.streams {
		streams = append(streams, st)
	}
	s.mu.Unlock()
	for _, st := range streams {
		st.cut()
	}
	s.endFeeds()
	s.idle.Wait()
}

// Settle waits until every stanza that was sent on a live connection has been
// answered and every outbox is empty, or ctx ends. Tests call it before they
// read [Simulator.Violations].
func (s *Simulator) Settle(ctx context.Context) error {
	for {
		st := s.unsettled()
		if st == nil {
			return nil
		}
		select {
		case <-st.quiet():
		case <-st.conn.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Simulator) unsettled() *stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for st := range s.streams {
		if st.owed() > 0 {
			return st
		}
	}
	return nil
}

func (s *Simulator) stanzaID() string {
	return "srv-" + strings.ToUpper(hex.EncodeToString([]byte{byte(s.cfg.Seed)})) + "-" + itoa(s.seq.Add(1))
}

// messageID is shaped like those that phones make.
func (s *Simulator) messageID() types.MessageID {
	var b [14]byte
	s.mu.Lock()
	for i := range b {
		b[i] = byte(s.random.Uint32())
	}
	s.mu.Unlock()
	return "3EB0" + strings.ToUpper(hex.EncodeToString(b[:]))
}
