package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/message"
)

// Sink takes what must not be lost. WhatsApp is told that a message has arrived
// only when the Sink has stored it: both methods return nil once what they got
// is durable, or an error, and then get it again on a later connection.
type Sink interface {
	Message(ctx context.Context, m message.Message) error
	Update(ctx context.Context, u event.Update) error
	// Happened takes what is no message.
	Happened(ctx context.Context, h Happening) error
	// History notes that the phone offers a piece of history, for FetchHistory.
	History(ctx context.Context, id string, note []byte) error
	// Past is what FetchHistory has read of a chat, if Remembers says that
	// anybody wants it.
	Past(ctx context.Context, h event.History) error
	Remembers() bool
	// Contacts are people whose names the account's address book or they
	// themselves have told; at tells this telling from others of the same. fresh
	// says that they were not known before.
	Contacts(ctx context.Context, contacts []event.Contact, at string, fresh bool) error
}

// SendLock keeps sending and receiving apart where they would damage each
// other.
type SendLock interface {
	// BeginSend returns the context to send with and what ends the exclusion.
	BeginSend(ctx context.Context) (context.Context, func())
	// BeginAnswer comes before a message is encrypted again for a receiver who
	// could not read it; the exclusion ends by itself.
	BeginAnswer(ctx context.Context, receiver types.JID) error
}

// Keys is what a client needs of its account's keys beside the device.
type Keys interface {
	SendLock
	Polls
}

// Config is what all connections of a host share.
type Config struct {
	// HTTP makes the WebSocket, Media moves files. Nil means the real WhatsApp
	// over a transport of its own.
	HTTP, Media *http.Client
	// Guard, when it is set, gets every WebSocket's connection, and what it
	// returns is used instead.
	Guard func(io.ReadWriteCloser) io.ReadWriteCloser
	// Over makes what reaches WhatsApp through a tunnel, for an instance with a
	// proxy. Nil means the real WhatsApp when HTTP is nil; with an HTTP of its
	// own and no Over a proxy cannot be used.
	Over func(Dial) http.RoundTripper
	// Version is what all clients of the process share. Nil for one of its own.
	Version *Version
	// Spool is what all clients of the process share. Nil for one of its own.
	Spool *Spool
	Log   *slog.Logger
}

// Client is how WhatsApp is reached by HTTP without a proxy.
func (c Config) Client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return direct()
}

// Client is one account's connection. Its methods may be called concurrently.
type Client struct {
	wa      *whatsmeow.Client
	device  *store.Device
	lock    SendLock
	polls   Polls
	sink    Sink
	signals func(Signal)
	log     *slog.Logger
	book    *book

	// FullHistory makes a linking ask for all that the phone has.
	FullHistory atomic.Bool

	cfg       Config
	version   atomic.Pointer[store.WAVersionContainer] // that was said last
	witness   witness
	login     way // of the WebSocket before the login
	socket    way // of the one after it
	media     way
	pushName  atomic.Pointer[string]          // the device's, which the library writes without a lock
	life      atomic.Pointer[context.Context] // of the connection, not of a request
	stopping  sync.Mutex                      // guards what follows
	stopped   bool                            // no reset may begin
	resetting bool
	resets    sync.WaitGroup
}

// resetPause is how long a connection goes on after something could not be
// stored, before it is reset to get that again.
const resetPause = 500 * time.Millisecond

// New makes a client for a device, linked or not. Signals are called from
// several goroutines and must not block.
func New(cfg Config, device *store.Device, keys Keys, sink Sink, signals func(Signal)) *Client {
	if cfg.Version == nil {
		cfg.Version = &Version{}
	}
	if cfg.Spool == nil {
		cfg.Spool = NewSpool("")
	}
	c := &Client{cfg: cfg, device: device, lock: keys, polls: keys, sink: sink, signals: signals, log: cfg.Log, book: &book{ContactStore: device.Contacts}}
	device.Contacts = c.book
	if _, is := c.book.ContactStore.(audience); !is {
		c.book.ContactStore = audience{c.book.ContactStore}
	}
	name := device.PushName
	c.pushName.Store(&name)
	wa := whatsmeow.NewClient(device, logger{cfg.Log})
	wa.EnableAutoReconnect = false // the session does, with jitter and reasons
	wa.GetClientPayload = c.payload
	wa.ManualHistorySyncDownload = true
	wa.EnableDecryptedEventBuffer = true
	wa.SynchronousAck = true
	wa.AutoTrustIdentity = true
	wa.EmitAppStateEventsOnFullSync = true // labels and the address book are told from there
	wa.SetMaxParallelRetryReceiptHandling(1)
	wa.UseRetryMessageStore = true // the host that sent a message may be another one
	wa.PreRetryCallback = c.again
	c.Route(nil)
	through := func(w *way) *http.Client {
		return guarded(c.witness.watch(withoutCompression(&http.Client{Transport: w})), cfg.Guard)
	}
	wa.SetPreLoginHTTPClient(through(&c.login))
	wa.SetWebsocketHTTPClient(through(&c.socket))
	wa.SetMediaHTTPClient(c.witness.weigh(&http.Client{Transport: &c.media}))
	wa.AddEventHandlerWithSuccessStatus(c.handle)
	c.wa = wa
	return c
}

// Connect opens the connection. life is the session's: it must outlive the
// call. A nil error means that WhatsApp was reached; signals tell how it goes
// on.
func (c *Client) Connect(life context.Context) error {
	c.life.Store(&life)
	err := c.wa.ConnectContext(life)
	if err == nil || errors.Is(err, whatsmeow.ErrAlreadyConnected) {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "WhatsApp cannot be reached: %s", cause(err))
}

// cause is the innermost error, which names what failed without the way there.
func cause(err error) string {
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// Disconnect closes the connection and keeps the keys. It is silent: no signal
// follows.
func (c *Client) Disconnect() {
	c.stop(true)
	c.wa.Disconnect()
	c.forgetLogin()
	c.resets.Wait()
	c.stop(false)
}

// forgetLogin makes the library forget that it was logged in. It would say so
// until a stream error tells it otherwise, also of the next connection before
// WhatsApp has let that in, or has refused to. This error does nothing else.
func (c *Client) forgetLogin() {
	over := &waBinary.Node{Tag: "stream:error", Attrs: waBinary.Attrs{"code": "503"}}
	c.wa.DangerousInternals().HandleStreamError(c.context(), over) //nolint:staticcheck // nothing else forgets it
}

func (c *Client) stop(stopped bool) {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	c.stopped = stopped
}

// Connected reports whether there is a socket.
func (c *Client) Connected() bool { return c.wa.IsConnected() }

// LastSign is when WhatsApp has last said anything on the client's sockets,
// zero for never. The library pings it every 20 to 30 s, so that a live
// connection gives a sign that often.
func (c *Client) LastSign() time.Time { return c.witness.last() }

// TakeTraffic returns what has gone over the client's connections since it was
// asked last.
func (c *Client) TakeTraffic() Traffic { return c.witness.take() }

// Ping asks WhatsApp for a sign of life and waits for it until ctx ends.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.wa.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // the library's own keepalive answers to nobody
		Namespace: "w:p", Type: "get", To: types.ServerJID,
	})
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

// AwaitLogin waits until the client is logged in, for limit at most. That is
// some round trips before Online, which follows when keys and presence are
// settled. It reports false also when the connection ends.
func (c *Client) AwaitLogin(limit time.Duration) bool { return c.wa.WaitForConnection(limit) }

// Online reports whether the client is logged in.
func (c *Client) Online() bool { return c.wa.IsLoggedIn() }

// Linked reports whether a phone has agreed to this device.
func (c *Client) Linked() bool { return c.device.ID != nil }

// JID and LID are the account's, with device; empty before it is linked.
func (c *Client) JID() string { return c.device.GetJID().String() }

// Account is the account without device.
func (c *Client) Account() types.JID { return c.device.GetJID().ToNonAD() }

// LID is the account's hidden identity, with device.
func (c *Client) LID() string { return c.device.GetLID().String() }

// Logout tells WhatsApp to unlink the device. The caller disconnects and drops
// the keys. (The library's own Logout swaps the device's stores while its
// handlers read them.)
func (c *Client) Logout(ctx context.Context) error {
	if !c.Linked() {
		return nil
	}
	_, err := c.wa.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // the library exports no other way to say just this
		Namespace: "md", Type: "set", To: types.ServerJID,
		Content: []waBinary.Node{{
			Tag:   "remove-companion-device",
			Attrs: waBinary.Attrs{"jid": c.device.GetJID(), "reason": "user_initiated"},
		}},
	})
	if err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

// PairCode asks WhatsApp for a code that the owner of number (digits) can type
// on the phone. The connection must be showing QR codes. Errors tell whether
// another try makes sense: only Unavailable does.
func (c *Client) PairCode(ctx context.Context, number string) (string, error) {
	code, err := c.wa.PairPhone(ctx, number, true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	switch {
	case err == nil:
		return code, nil
	case errors.Is(err, whatsmeow.ErrPhoneNumberTooShort), errors.Is(err, whatsmeow.ErrPhoneNumberIsNotInternational):
		return "", fault.Wrap(fault.Invalid, err, "%s is not a phone number in international form", number)
	case errors.Is(err, whatsmeow.ErrIQBadRequest), errors.Is(err, whatsmeow.ErrIQNotFound), errors.Is(err, whatsmeow.ErrIQNotAcceptable):
		return "", fault.Wrap(fault.Invalid, err, "WhatsApp refuses a pairing code for %s", number)
	case errors.Is(err, whatsmeow.ErrIQRateOverLimit):
		return "", fault.Wrap(fault.RateLimited, err, "WhatsApp gives no more pairing codes for %s for now", number)
	default:
		return "", fault.Wrap(fault.Unavailable, err, "WhatsApp gave no pairing code: %s", cause(err))
	}
}

// AnswerPasskey gives WhatsApp an authenticator's answer.
func (c *Client) AnswerPasskey(ctx context.Context, response *types.WebAuthnResponse) error {
	err := c.wa.SendPasskeyResponse(ctx, response)
	if errors.Is(err, whatsmeow.ErrIQNotAuthorized) || errors.Is(err, whatsmeow.ErrIQBadRequest) || errors.Is(err, whatsmeow.ErrIQForbidden) {
		return fault.Wrap(fault.Invalid, err, "WhatsApp does not accept this passkey response")
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "WhatsApp did not take the passkey response: %s", cause(err))
	}
	return nil
}

// ConfirmPasskey says that the owner has compared the codes.
func (c *Client) ConfirmPasskey(ctx context.Context) error {
	if err := c.wa.SendPasskeyConfirmation(ctx); err != nil {
		return fault.Wrap(fault.Conflict, err, "there is no passkey to confirm")
	}
	return nil
}

// reset drops the connection after something could not be stored: WhatsApp
// sends it again on the next one.
func (c *Client) reset() {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	if c.stopped || c.resetting {
		return
	}
	c.resetting = true
	life := c.context()
	c.resets.Go(func() {
		timer := time.NewTimer(resetPause)
		defer timer.Stop()
		select {
		case <-timer.C:
			c.wa.ResetConnection()
		case <-life.Done():
		}
		c.stopping.Lock()
		defer c.stopping.Unlock()
		c.resetting = false
	})
}

func (c *Client) context() context.Context {
	if life := c.life.Load(); life != nil {
		return *life
	}
	return context.Background() //nolint:forbidigo // before the first connection there is nothing to wait for
}

// PushName is what the account calls itself, "" until the phone has said it.
func (c *Client) PushName() string { return *c.pushName.Load() }

// Reset drops the connection so that WhatsApp sends again what was not
// acknowledged. Offline follows.
func (c *Client) Reset() { c.reset() }

// Greet tells WhatsApp whether somebody is there. It needs a push name, which
// the phone sends a moment after pairing; without one nothing is said.
func (c *Client) Greet(ctx context.Context, online bool) {
	if c.PushName() == "" {
		return
	}
	presence := types.PresenceUnavailable
	if online {
		presence = types.PresenceAvailable
	}
	if err := c.wa.SendPresence(ctx, presence); err != nil && !errors.Is(err, whatsmeow.ErrNoPushName) {
		c.log.DebugContext(ctx, "presence not sent", "err", err)
	}
}
