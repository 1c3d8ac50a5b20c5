// Package egress makes the clients for URLs that users have chosen: webhooks,
// callbacks, media to fetch. Whoever chooses a URL may name what only this
// machine or its network can reach (the cloud's metadata service, databases,
// the session host's private port), under whatever spelling and behind
// whatever name, so a connection is judged by the address it is made to, at
// the moment it is dialled.
//
// code.dny.dev/ssrf is what judges: of IPv6 it lets global unicast through
// only (so neither NAT64 nor IPv4-mapped nor unique local addresses), and of
// both versions nothing that IANA's registries call special, which it is
// generated from. A list of what is forbidden, kept by hand, is what such
// libraries usually get wrong.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Loopback are the addresses of this machine, to allow where everything runs on
// one.
var Loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// ErrInsecure is a call over http, which is not allowed to this target.
var ErrInsecure = errors.New("only https is called")

// ErrScheme is a URL that is neither https nor http.
var ErrScheme = errors.New("the URL is neither https nor http")

const (
	dialLimit      = 5 * time.Second
	handshakeLimit = 5 * time.Second
	maxHeader      = 64 << 10 // bytes of an answer's header
)

// Policy is what a client may call. The zero value: https to public addresses,
// no redirects, no limit of time.
type Policy struct {
	// Allow are networks that may be called although they are private, over
	// http as well.
	Allow []netip.Prefix
	// HTTP lets http be used to every target. Requests, answers and their
	// headers can then be read on the way.
	HTTP bool
	// Redirects is how many are followed. At 0 the answer that redirects is
	// the answer.
	Redirects int
	// Timeout bounds a call with its answer; 0 for none but the context's.
	Timeout time.Duration
}

// NewClient makes a client that keeps to p. It uses no proxy: the address that
// is dialled must be the target's.
func NewClient(p Policy) *http.Client {
	dialer := p.Dialer()
	return &http.Client{
		Timeout: p.Timeout,
		Transport: guard{&http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: handshakeLimit, ForceAttemptHTTP2: true,
			MaxIdleConns: 200, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxHeader,
		}},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			switch {
			case p.Redirects == 0:
				return http.ErrUseLastResponse
			case len(via) > p.Redirects:
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

// Dialer makes connections, to speak something else than HTTP over them, within
// Allow and the public internet. The rest of p is not looked at.
func (p Policy) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialLimit, ControlContext: p.control()}
}

// control judges the address of a connection that is being made.
func (p Policy) control() func(ctx context.Context, network, address string, _ syscall.RawConn) error {
	guardian := p.guardian()
	return func(ctx context.Context, network, address string, conn syscall.RawConn) error {
		if err := guardian.Safe(network, address, conn); err != nil {
			return err
		}
		if ctx.Value(plain{}) == nil || p.HTTP {
			return nil
		}
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("read the address: %w", err)
		}
		if !slices.ContainsFunc(p.Allow, func(allowed netip.Prefix) bool { return allowed.Contains(target.Addr()) }) {
			return ErrInsecure
		}
		return nil
	}
}

// guardian judges addresses.
func (p Policy) guardian() *ssrf.Guardian {
	var v4, v6 []netip.Prefix
	for _, prefix := range p.Allow {
		if prefix.Addr().Is4() {
			v4 = append(v4, prefix)
		} else {
			v6 = append(v6, prefix)
		}
	}
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
}

// plain marks the context of a call by http. The connections of both schemes
// are dialled alike, and are never used for each other.
type plain struct{}

// guard tells the dialer what a connection is for.
type guard struct{ transport *http.Transport }

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.URL.Scheme {
	case "https":
		return g.transport.RoundTrip(r)
	case "http":
		return g.transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), plain{}, true)))
	default:
		return nil, ErrScheme
	}
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (g guard) CloseIdleConnections() { g.transport.CloseIdleConnections() }
