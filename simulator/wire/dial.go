package wire

import (
	"context"
	"crypto/ecdh"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/util/keys"
)

// Dialer is how a client connects. Only Root is mandatory.
type Dialer struct {
	// HTTPClient makes the websocket; nil means http.DefaultClient. If its
	// transport is not an http.Transport, Drop and the time bounds of Write and
	// Close hold only as far as websocket closes what it was given.
	HTTPClient *http.Client

	// Header is sent with the upgrade. Without an Origin that of WhatsApp Web
	// is added.
	Header http.Header

	// Root is the public key the server's certificate chain must start from.
	Root [32]byte

	// Static is the client's Noise key, its credential. nil means a fresh one.
	Static *keys.KeyPair

	// Payload says who the client is. nil means an empty one. It must not be
	// changed later.
	Payload *waWa6.ClientPayload

	// PreIntro is sent as it is before the header, see [RoutingIntro].
	PreIntro []byte

	// Compress offers permessage-deflate with context takeover.
	Compress bool
}

// Dial connects to a server and does the client's side of the handshake. ctx
// bounds both, not the connection's life. An untrustworthy server gives an error
// that wraps ErrCertificate, one that breaks the protocol ErrMalformed.
func Dial(ctx context.Context, url string, d Dialer) (*Conn, error) {
	pair := d.Static
	if pair == nil {
		pair = keys.NewKeyPair()
	}
	static, err := ecdh.X25519().NewPrivateKey(pair.Priv[:])
	if err != nil {
		return nil, fmt.Errorf("read static key: %w", err)
	}
	payload := d.Payload
	if payload == nil {
		payload = new(waWa6.ClientPayload)
	}
	c, err := d.open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c.intro = slices.Concat(d.PreIntro, socket.WAConnHeader)

	stop := context.AfterFunc(ctx, c.Drop)
	err = c.initiate(static, d.Root, payload)
	if !stop() {
		err = context.Cause(ctx) // what initiate says of it is only that the connection is closed
	}
	if err != nil {
		c.Drop()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return c, nil
}

func (d Dialer) open(ctx context.Context, url string) (*Conn, error) {
	header := d.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Origin") == "" {
		header.Set("Origin", socket.Origin)
	}
	mode := websocket.CompressionDisabled
	if d.Compress {
		mode = websocket.CompressionContextTakeover
	}
	var tcp net.Conn
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { tcp = info.Conn },
	})
	ws, _, err := websocket.Dial(traced, url, &websocket.DialOptions{
		HTTPClient:      d.HTTPClient,
		HTTPHeader:      header,
		CompressionMode: mode,
	})
	if err != nil {
		return nil, err
	}
	return newConn(ws, tcp), nil
}
