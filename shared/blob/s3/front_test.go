package s3_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"roost/shared/emulator"
)

// front stands before moto and judges signed URLs as S3 does, which moto does
// not: it lets every one in, for ever. Requests of the SDK pass unjudged.
func front(t testing.TB, cfg aws.Config) string {
	t.Helper()
	moto, err := url.Parse(emulator.Endpoint(t, emulator.S3))
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(moto)
			r.Out.Host = r.In.Host
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			if code, message := judge(r, credentials, cfg.Region); code != "" {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>"+message+"</Message></Error>")
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// judge says why S3 refuses the URL, or nothing: it signs the request itself and
// expects the same query (S3 API, "Authenticating Requests: Using Query Parameters").
func judge(r *http.Request, credentials aws.Credentials, region string) (code, message string) {
	given := r.URL.Query()
	at, err := time.Parse("20060102T150405Z", given.Get("X-Amz-Date"))
	if err != nil {
		return "AccessDenied", "Access Denied"
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.EscapedPath(), http.NoBody)
	if err != nil {
		return "InvalidURI", err.Error()
	}
	query := maps.Clone(given)
	for _, own := range []string{"Algorithm", "Credential", "Date", "SignedHeaders", "Signature", "Security-Token"} {
		query.Del("X-Amz-" + own)
	}
	again.URL.RawQuery = query.Encode()
	for name := range strings.SplitSeq(given.Get("X-Amz-SignedHeaders"), ";") {
		if name != "host" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	signed, _, err := v4.NewSigner().PresignHTTP(r.Context(), credentials, again, "UNSIGNED-PAYLOAD", "s3", region, at,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err != nil {
		return "InternalError", err.Error()
	}
	expected, err := url.Parse(signed)
	if err != nil || !maps.EqualFunc(expected.Query(), given, slices.Equal) {
		return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
	}
	expiry, err := strconv.Atoi(given.Get("X-Amz-Expires"))
	if err != nil || time.Now().After(at.Add(time.Duration(expiry)*time.Second)) {
		return "AccessDenied", "Request has expired"
	}
	return "", ""
}
