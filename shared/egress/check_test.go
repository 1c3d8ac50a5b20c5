package egress_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"roost/shared/egress"
)

// TestHostileURLsAreRefusedAtOnce: what can be seen without a look-up is not
// even taken.
func TestHostileURLsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, target := range append([]string{
		"", " ", "https://", "https:///x", "https://:443/", "https:example.com", "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/",
		"https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://017700000001/", "https://127.0.0.1./",
		"https://localhost./", "https://app.localhost/", "https://[fe80::1%25eth0]/", "https://example.com.0x1/",
	}, hostile...) {
		if err := (egress.Policy{}).Check(target); err == nil {
			t.Errorf("%s is taken", target)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	inside := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		policy egress.Policy
		target string
		want   error
	}{
		{egress.Policy{}, "https://example.com/hook?a=1", nil},
		{egress.Policy{}, "HTTPS://user:pass@EXAMPLE.com:8443", nil},
		{egress.Policy{}, "https://93.184.215.14/", nil},
		{egress.Policy{}, "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", nil},
		{egress.Policy{}, "https://xn--mnchen-3ya.example/", nil},
		{egress.Policy{}, "https://hook/", nil}, // a name of whoever resolves it
		{egress.Policy{}, "https://4.example/", nil},
		{egress.Policy{}, "http://example.com/", egress.ErrInsecure},
		{egress.Policy{HTTP: true}, "http://example.com/", nil},
		{egress.Policy{HTTP: true}, "http://10.0.0.1/", egress.ErrInside},
		{egress.Policy{Allow: inside}, "http://10.1.2.3:9000/", nil},
		{egress.Policy{Allow: inside}, "http://[::1]:9000/", nil},
		{egress.Policy{Allow: inside}, "http://erp.internal/", nil}, // may lead there
		{egress.Policy{Allow: inside}, "http://93.184.215.14/", egress.ErrInsecure},
		{egress.Policy{Allow: inside}, "https://192.168.0.1/", egress.ErrInside},
		{egress.Policy{Allow: egress.Loopback}, "http://localhost:3000", nil},
		{egress.Policy{}, "ftp://example.com/", egress.ErrScheme},
		{egress.Policy{}, "https://", egress.ErrURL},
	} {
		if err := c.policy.Check(c.target); !errors.Is(err, c.want) {
			t.Errorf("%s with %+v: %v, want %v", c.target, c.policy, err, c.want)
		}
	}
}

// FuzzCheck takes nothing but https, whatever the text.
func FuzzCheck(f *testing.F) {
	for _, target := range hostile {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		err := (egress.Policy{}).Check(target)
		if err == nil && !strings.HasPrefix(strings.ToLower(target), "https:") {
			t.Errorf("%q is taken", target)
		}
	})
}
