// Package proxy dials through the proxy of an instance: socks5, http or https.
// Every connection is a tunnel to the address that was asked for, whose name the
// proxy resolves; nothing is ever dialled beside it. A proxy that fails makes the
// dial fail, so that no traffic shows another address than its owner wants.
package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"roost/shared/egress"
)

// Why a dial has failed. The address of the proxy and its credentials are in no
// error.
var (
	ErrUnreachable = errors.New("the proxy cannot be reached")
	ErrCredentials = errors.New("the proxy refuses the credentials")
	ErrTarget      = errors.New("the proxy does not reach WhatsApp")
	ErrForbidden   = errors.New("the proxy's address is not a public one")
	ErrUnknown     = errors.New("the proxy cannot be used")
)

// Config names a proxy.
type Config struct {
	Protocol           string // socks5, http or https
	Host               string // name or address
	Port               int
	Username, Password string // both empty for none
	// Networks are those beside the public internet in which a proxy may be.
	Networks []netip.Prefix
}

// dialLimit bounds the way to the proxy and the talk with it, together.
const dialLimit = 8 * time.Second

// Dialer dials through one proxy. It is safe for concurrent use.
type Dialer struct {
	cfg   Config
	guard *net.Dialer
}

// New makes a dialer. It does not connect.
func New(cfg Config) (*Dialer, error) {
	switch cfg.Protocol {
	case "socks5", "http", "https":
	default:
		return nil, fmt.Errorf("%q is none of socks5, http, https: %w", cfg.Protocol, ErrUnknown)
	}
	if cfg.Host == "" || cfg.Port < 1 || cfg.Port > 65535 {
		return nil, fmt.Errorf("the proxy has no host or port: %w", ErrUnknown)
	}
	guard := egress.Policy{Allow: cfg.Networks}.Dialer()
	guard.Timeout, guard.KeepAlive = 0, 30*time.Second // each dial brings its own limit
	return &Dialer{cfg: cfg, guard: guard}, nil
}

// DialContext opens a tunnel to address. Errors are those of this package.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if d.cfg.Protocol == "socks5" {
		return d.socks(ctx, network, address)
	}
	return d.tunnel(ctx, address)
}

// reach dials the proxy itself.
func (d *Dialer) reach(ctx context.Context) (net.Conn, error) {
	conn, err := d.guard.DialContext(ctx, "tcp", net.JoinHostPort(d.cfg.Host, strconv.Itoa(d.cfg.Port)))
	switch {
	case err == nil:
		return conn, nil
	case egress.Refused(err):
		return nil, ErrForbidden
	default:
		return nil, ErrUnreachable
	}
}

// onto gives the library that speaks SOCKS the way to the proxy.
type onto struct{ *Dialer }

func (o onto) Dial(string, string) (net.Conn, error) {
	return nil, ErrUnreachable // the library takes DialContext
}

func (o onto) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return o.reach(ctx) }

// socks opens a tunnel by RFC 1928, with the credentials of RFC 1929.
func (d *Dialer) socks(ctx context.Context, network, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if d.cfg.Username != "" || d.cfg.Password != "" {
		auth = &proxy.Auth{User: d.cfg.Username, Password: d.cfg.Password}
	}
	dialer, err := proxy.SOCKS5("tcp", d.cfg.Host, auth, onto{d})
	if err != nil {
		return nil, ErrUnknown
	}
	through, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, ErrUnknown
	}
	conn, err := through.DialContext(ctx, network, address)
	if err == nil {
		return conn, nil
	}
	for _, known := range []error{ErrUnreachable, ErrForbidden} {
		if errors.Is(err, known) {
			return nil, known
		}
	}
	// The library has no error values for what a proxy answers.
	text := err.Error()
	switch {
	case strings.Contains(text, "authentication"), strings.Contains(text, "invalid username/password"):
		return nil, ErrCredentials
	case strings.Contains(text, "unknown error"):
		return nil, fmt.Errorf("%w: %s", ErrTarget, text[strings.LastIndex(text, "unknown error")+len("unknown error "):])
	default:
		return nil, ErrUnreachable // it broke off, or is no such proxy
	}
}

// tunnel opens one by CONNECT (RFC 9110, 9.3.6).
func (d *Dialer) tunnel(ctx context.Context, address string) (net.Conn, error) {
	conn, err := d.reach(ctx)
	if err != nil {
		return nil, err
	}
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end) // a socket that takes none fails at its first use
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	tunnel, err := d.connect(ctx, conn, address)
	if !stop() && err == nil { // closed already
		err = ErrUnreachable
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return tunnel, conn.SetDeadline(time.Time{})
}

func (d *Dialer) connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if d.cfg.Protocol == "https" {
		secured := tls.Client(conn, &tls.Config{ServerName: d.cfg.Host, MinVersion: tls.VersionTLS12})
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, ErrUnreachable
		}
		conn = secured
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if d.cfg.Username != "" || d.cfg.Password != "" {
		credentials := base64.StdEncoding.EncodeToString([]byte(d.cfg.Username + ":" + d.cfg.Password))
		request.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := request.Write(conn); err != nil {
		return nil, ErrUnreachable
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request) //nolint:bodyclose // its body is the tunnel
	if err != nil {
		return nil, ErrUnreachable
	}
	switch {
	case response.StatusCode == http.StatusProxyAuthRequired:
		return nil, ErrCredentials
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, fmt.Errorf("%w: it answers %d", ErrTarget, response.StatusCode)
	case reader.Buffered() > 0: // the other end has spoken already
		return early{conn, reader}, nil
	default:
		return conn, nil
	}
}

// early is a tunnel whose first bytes have come with the proxy's answer.
type early struct {
	net.Conn
	reader *bufio.Reader
}

func (c early) Read(p []byte) (int, error) { return c.reader.Read(p) }

// Broken is a dialer that only fails, for a proxy that cannot be used.
func Broken(err error) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}
