package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"roost/shared/fault"
)

// maxRedirects bounds how often a file's URL may lead elsewhere.
const maxRedirects = 5

// File is what a URL led to.
type File struct {
	Data     []byte
	Mimetype string // as its server says, "" when it does not
}

// fetcher gets files that users name. They may name what only this machine can
// reach (the cloud's metadata service, its private networks), so every
// connection is judged by the address it is made to, after names and redirects
// are resolved: code.dny.dev/ssrf hangs in the dialer and follows IANA's
// registries of special addresses.
type fetcher struct {
	client *http.Client
	limit  int64
	inside bool // names without a dot may lead to an allowed network
}

func newFetcher(limits Limits, networks []netip.Prefix) fetcher {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	for _, prefix := range networks {
		if prefix.Addr().Is4() {
			options = append(options, ssrf.WithAllowedV4Prefixes(prefix))
		} else {
			options = append(options, ssrf.WithAllowedV6Prefixes(prefix))
		}
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: ssrf.New(options...).Safe}
	transport := &http.Transport{ // without Proxy: the address dialled must be the file's
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
	}
	return fetcher{limit: limits.File, inside: len(networks) > 0, client: &http.Client{
		Transport: transport, Timeout: limits.Fetch,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
				return fmt.Errorf("redirect to %s", r.URL.Scheme)
			}
			return nil
		},
	}}
}

// FileURL reports whether media is a URL that files are fetched from: http or
// https, with a host that has a dot, as Evolution demands.
func (c *Core) FileURL(media string) bool {
	u, err := url.Parse(media)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	return c.media.inside || strings.Contains(strings.Trim(u.Hostname(), "."), ".") || strings.Contains(u.Hostname(), ":")
}

// Fetch gets the file at a URL. Errors: Invalid when it cannot be had, TooLarge.
func (c *Core) Fetch(ctx context.Context, address string) (File, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return File{}, fault.Wrap(fault.Invalid, err, "the media URL cannot be read")
	}
	request.Header.Set("User-Agent", "Roost")
	response, err := c.media.client.Do(request)
	if err != nil {
		return File{}, fault.Wrap(fault.Invalid, err, "the media URL could not be fetched: %s", reason(err))
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return File{}, fault.New(fault.Invalid, "the media URL answered with status code %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, c.media.limit+1))
	if err != nil {
		return File{}, fault.Wrap(fault.Invalid, err, "the media URL could not be fetched: its answer broke off")
	}
	if int64(len(data)) > c.media.limit {
		return File{}, fault.New(fault.TooLarge, "the file at the media URL has more than %d bytes", c.media.limit)
	}
	return File{Data: data, Mimetype: response.Header.Get("Content-Type")}, nil
}

// reason says why without telling what is inside the network.
func reason(err error) string {
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return "its address is not a public one"
	case errors.As(err, &dns):
		return "its host is unknown"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	default:
		return "its server cannot be reached"
	}
}
