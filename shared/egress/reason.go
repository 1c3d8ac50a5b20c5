package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"

	"code.dny.dev/ssrf"
)

// Refused reports whether a call failed because its target must not be called.
func Refused(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) || errors.Is(err, ssrf.ErrProhibitedNetwork) ||
		errors.Is(err, ssrf.ErrInvalidHostPort) || errors.Is(err, ErrInsecure) || errors.Is(err, ErrScheme)
}

// Reason says why a call failed, to whoever has chosen its URL: without the
// URL, which may let somebody in, and without what names inside the network
// resolve to.
func Reason(err error) string {
	switch {
	case errors.Is(err, ErrInsecure):
		return ErrInsecure.Error()
	case errors.Is(err, ErrScheme):
		return ErrScheme.Error()
	case Refused(err):
		return "its address is not a public one"
	case errorAs[*net.DNSError](err):
		return "its host is unknown"
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return "it took too long"
	case errorAs[*tls.CertificateVerificationError](err), errorAs[x509.UnknownAuthorityError](err), errorAs[x509.HostnameError](err):
		return "its certificate is not valid"
	default:
		return "its server cannot be reached"
	}
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func errorAs[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// WithoutURL takes the URL out of an error of net/http.
func WithoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
