package handler

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"roost/functions/api/ratelimit"
)

// How often the API may be called. Dialects have limits of their own beside
// these.
var (
	keyRate     = ratelimit.Rate{Every: time.Second / 100, Burst: 500}  // with one instance's key
	tenantRate  = ratelimit.Rate{Every: time.Second / 400, Burst: 2000} // with a token of a tenant, for all its instances
	addressRate = ratelimit.Rate{Every: time.Second / 400, Burst: 2000} // from one address
	wrongRate   = ratelimit.Rate{Every: 2 * time.Second, Burst: 60}     // from one address, with keys that open nothing
)

// refusal answers a request that comes too soon, in a dialect's words.
type refusal func(w http.ResponseWriter, r *http.Request, wait time.Duration)

// limiter keeps callers from asking too often, and from guessing keys. This
// machine's own addresses are not limited: a proxy may stand there, before
// everybody.
type limiter struct {
	buckets *ratelimit.Buckets
	admin   []byte // SHA-256
}

// limit serves a request with a dialect whose keys may ask so often, but for the
// admin's, or refuses it in its words.
func (l limiter) limit(w http.ResponseWriter, r *http.Request, dialect http.Handler, rate ratelimit.Rate, refuse refusal) {
	address, known := addressOf(r)
	if known {
		wait := max(l.buckets.Spend("address "+address, addressRate), l.buckets.Wait("wrong "+address, wrongRate))
		if wait > 0 {
			refuse(w, r, wait)
			return
		}
	}
	if key := keyOf(r); key != "" && !l.isAdmin(key) {
		sum := sha256.Sum256([]byte(key))
		if wait := l.buckets.Spend("key "+string(sum[:]), rate); wait > 0 {
			refuse(w, r, wait)
			return
		}
	}
	if !known {
		dialect.ServeHTTP(w, r)
		return
	}
	seen := &statusWriter{ResponseWriter: w}
	dialect.ServeHTTP(seen, r)
	if seen.status == http.StatusUnauthorized {
		l.buckets.Spend("wrong "+address, wrongRate)
	}
}

func (l limiter) isAdmin(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return len(l.admin) > 0 && subtle.ConstantTimeCompare(sum[:], l.admin) == 1
}

// keyOf is what a request brings as its key, "" for nothing. That of a .aspx
// command that stands in the URL is its dialect's to count.
func keyOf(r *http.Request) string {
	if key := r.Header.Get("apikey"); key != "" {
		return key
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// addressOf is who calls, as the gateway or the socket says: headers can be made
// up. A network of IPv6 counts as one: who has an address has all of it.
func addressOf(r *http.Request) (string, bool) {
	host := r.RemoteAddr
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsLoopback() {
		return "", false
	}
	if ip = ip.Unmap(); ip.Is6() {
		network, err := ip.WithZone("").Prefix(64)
		return network.String(), err == nil
	}
	return ip.String(), true
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	if status == http.StatusRequestEntityTooLarge { // http.MaxBytesReader sees to it only where it knows the writer
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives what http.ResponseController looks for.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
