package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ErrURL is text that names no host.
var ErrURL = errors.New("it is not a URL")

// ErrInside is a host that is not on the public internet, by what its URL says.
var ErrInside = errors.New("its address is not a public one")

// Check refuses a URL that could never be called, without a look at where its
// name leads: that is judged when it is called. So its nil promises nothing, and
// its error tells a user at once. It is one of ErrURL, ErrScheme, ErrInside and
// ErrInsecure, or wraps it.
func (p Policy) Check(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return ErrURL
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return ErrURL
		}
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return ErrScheme
	}
	if u.Scheme == "http" && !p.HTTP && len(p.Allow) == 0 {
		return ErrInsecure
	}
	return p.checkHost(u.Scheme, strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")))
}

func (p Policy) checkHost(scheme, host string) error {
	address, err := netip.ParseAddr(host)
	if err != nil {
		switch last := host[strings.LastIndexByte(host, '.')+1:]; {
		case host == "localhost" || last == "localhost":
			address = netip.MustParseAddr("127.0.0.1")
		case numeric(last): // resolvers differ about 127.1 and 0x7f000001
			return ErrInside
		default:
			return nil // a name
		}
	}
	allowed := slices.ContainsFunc(p.Allow, func(network netip.Prefix) bool { return network.Contains(address) })
	switch {
	case allowed:
		return nil
	case p.guardian().SafeAddr(address.WithZone("")) != nil:
		return ErrInside
	case scheme == "http" && !p.HTTP:
		return ErrInsecure
	}
	return nil
}

// numeric reports whether a last label makes a host a number, as the URL
// standard of browsers has it.
func numeric(label string) bool {
	if label == "" {
		return true
	}
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		_, err := strconv.ParseUint("0"+hex, 16, 64)
		return err == nil
	}
	return strings.Trim(label, "0123456789") == ""
}
