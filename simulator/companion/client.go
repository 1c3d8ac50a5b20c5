package companion

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"

	_ "roost/simulator/silence"
)

// closeTimeout bounds how long Close waits for event handlers; whatsmeow gives
// its own queue as long.
const closeTimeout = 5 * time.Second

// Client is a whatsmeow client that remembers its events. Nothing of whatsmeow
// is changed; Client.Client is the real one. It is safe for concurrent use.
type Client struct {
	*whatsmeow.Client
	// Store holds the client's rows; nil if it was made WithDevice of another
	// kind of store. It hides whatsmeow's field of that name: the device is
	// Client.Client.Store.
	Store *Store

	handler func(evt any) bool
	events  recorder
	link    link
	end     context.CancelFunc // ends BackgroundEventCtx
	running running
}

// Option is a setting of New.
type Option func(*config)

type config struct {
	store         *Store
	device        *store.Device
	log           waLog.Logger
	eventBuffer   bool
	synchronous   bool
	stayDown      bool
	handler       func(evt any) bool
	recordedLimit int
}

// WithStore uses the device in st: to log in again if one is paired, or to pair
// a new one into it.
func WithStore(st *Store) Option { return func(c *config) { c.store = st } }

// WithDevice uses a device with stores of its own, of any kind.
func WithDevice(d *store.Device) Option { return func(c *config) { c.device = d } }

// WithEventBuffer sets EnableDecryptedEventBuffer: a message whose handler
// failed, or whose process died, comes again after the next login.
func WithEventBuffer() Option { return func(c *config) { c.eventBuffer = true } }

// WithSynchronousAck sets SynchronousAck: receipts and notifications are
// acknowledged after the handler, and only if it succeeded.
func WithSynchronousAck() Option { return func(c *config) { c.synchronous = true } }

// WithLogger sets the client's logger; the default says nothing.
func WithLogger(log waLog.Logger) Option { return func(c *config) { c.log = log } }

// WithoutAutoReconnect keeps the client down after the server closed.
func WithoutAutoReconnect() Option { return func(c *config) { c.stayDown = true } }

// WithHandler lets handle decide whether an event was handled. Events are
// recorded when it returns, or panics. It is called concurrently, and it must
// not wait for another event of this client.
func WithHandler(handle func(evt any) bool) Option { return func(c *config) { c.handler = handle } }

// WithRecordedLimit keeps only the latest n events, or none if n is 0. Await
// then still gets events that come while it waits. The default is to keep all.
func WithRecordedLimit(n int) Option { return func(c *config) { c.recordedLimit = n } }

// New returns a client that makes all its connections, and moves its media,
// with httpClient, which many clients may share. It is not connected yet.
func New(httpClient *http.Client, opts ...Option) *Client {
	cfg := config{log: waLog.Noop, recordedLimit: unlimited}
	for _, opt := range opts {
		opt(&cfg)
	}
	st, device := cfg.store, cfg.device
	if device != nil {
		st, _ = device.Container.(*Store)
	} else {
		if st == nil {
			st = new(Store)
		}
		if device = st.Device(); device == nil {
			device = NewDevice(st)
		}
	}
	device.Log = cfg.log

	c := &Client{Client: whatsmeow.NewClient(device, cfg.log), Store: st, handler: cfg.handler}
	c.events.limit = cfg.recordedLimit
	c.link.paired = device.ID != nil
	c.SetWebsocketHTTPClient(httpClient)
	c.SetPreLoginHTTPClient(httpClient)
	c.SetMediaHTTPClient(httpClient)
	c.EnableAutoReconnect = !cfg.stayDown
	c.EnableDecryptedEventBuffer = cfg.eventBuffer
	c.SynchronousAck = cfg.synchronous
	c.BackgroundEventCtx, c.end = context.WithCancel(c.BackgroundEventCtx)
	c.AddEventHandlerWithSuccessStatus(c.handle)
	return c
}

// Close disconnects for good, without an event, and waits until no event handler
// runs any more, but at most 5 s for one that hangs. whatsmeow does not tell
// when its last goroutines are gone; with the client's context ended they touch
// neither the store nor the server again. Close may be called more than once,
// but not by an event handler.
func (c *Client) Close() {
	c.Disconnect()
	c.end()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-c.running.idle():
	case <-timer.C:
	}
}

func (c *Client) handle(evt any) bool {
	c.running.enter()
	defer c.running.leave()
	defer func() { // also if the handler panics
		// whatsmeow tells of an end in a goroutine, maybe during the next life.
		_, down := evt.(*events.Disconnected)
		c.link.observe(evt, down && c.IsConnected(), c.events.record)
	}()
	return c.handler == nil || c.handler(evt)
}

// running counts handlers that have not returned.
type running struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed at zero, if anybody asked
}

func (r *running) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n--
	if r.n == 0 && r.none != nil {
		close(r.none)
		r.none = nil
	}
}

func (r *running) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if r.none == nil {
		r.none = make(chan struct{})
	}
	return r.none
}
