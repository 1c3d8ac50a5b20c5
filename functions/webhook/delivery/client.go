package delivery

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// Loopback are the addresses of this machine, to allow in [NewClient] for local
// runs and tests.
var Loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// limit is how long a receiver may take for its answer.
const limit = 15 * time.Second

// NewClient makes the client for URLs that users have chosen. It connects to
// public addresses only, judged when they are dialled, after names are
// resolved (code.dny.dev/ssrf follows IANA's registries of special addresses),
// and to those in allow. It follows no redirects and uses no proxy.
func NewClient(allow ...netip.Prefix) *http.Client {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	for _, prefix := range allow {
		if prefix.Addr().Is4() {
			options = append(options, ssrf.WithAllowedV4Prefixes(prefix))
		} else {
			options = append(options, ssrf.WithAllowedV6Prefixes(prefix))
		}
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: ssrf.New(options...).Safe}
	return &http.Client{
		Timeout: limit,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConns: 100, MaxIdleConnsPerHost: 10, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
