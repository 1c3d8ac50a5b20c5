package core

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"roost/shared/egress"
	"roost/shared/fault"
	"roost/shared/instance"
)

// maxRedirects bounds how often a file's URL may lead elsewhere.
const maxRedirects = 5

// File is what a URL led to.
type File struct {
	Data     []byte
	Mimetype string // as its server says, "" when it does not
}

// fetcher gets files that users name, from where package egress lets it.
type fetcher struct {
	client *http.Client
	limit  int64
	inside bool // some private network may be called
}

func newFetcher(limits Limits, networks []netip.Prefix, http bool) fetcher {
	client := egress.NewClient(egress.Policy{Allow: networks, HTTP: http, Redirects: maxRedirects, Timeout: limits.Fetch})
	return fetcher{client: client, limit: limits.File, inside: len(networks) > 0}
}

// FileURL reports whether media is a URL that files are fetched from: http or
// https, with a host that has a dot, as Evolution demands. The name of an upload
// is one too.
func (c *Core) FileURL(media string) bool {
	if IsUpload(media) {
		return true
	}
	u, err := url.Parse(media)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	return c.media.inside || strings.Contains(strings.Trim(u.Hostname(), "."), ".") || strings.Contains(u.Hostname(), ":")
}

// Fetch gets the file at a URL, or the upload of an instance. Errors: Invalid
// when it cannot be had, TooLarge.
func (c *Core) Fetch(ctx context.Context, i instance.Instance, address string) (File, error) {
	if IsUpload(address) {
		info, err := c.uploaded(ctx, i, address)
		if err != nil {
			return File{}, err
		}
		data, err := c.readFile(ctx, info.Key)
		return File{Data: data, Mimetype: info.ContentType}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return File{}, fault.Wrap(fault.Invalid, err, "the media URL cannot be read")
	}
	request.Header.Set("User-Agent", "Roost")
	response, err := c.media.client.Do(request)
	if err != nil {
		return File{}, fault.Wrap(fault.Invalid, err, "the media URL could not be fetched: %s", egress.Reason(err))
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
