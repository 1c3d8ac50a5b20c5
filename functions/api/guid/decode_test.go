package guid

import (
	"testing"

	"roost/shared/fault"
)

func FuzzProxy(f *testing.F) {
	for _, s := range []string{"socks5://user:pass@10.0.0.42:1080", "socks5://[::1]:1", "http://a:1", "socks5://", "socks5://a:70000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := proxyOf(text)
		if err != nil && fault.KindOf(err) != fault.Invalid || err == nil && (p.Host == "" || p.Port < 1 || p.Port > 65535 || p.Protocol != "socks5") {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	})
}

func TestProxyOf(t *testing.T) {
	t.Parallel()
	p, err := proxyOf("socks5://user:p%40ss@10.0.0.42:1080")
	if err != nil || p.Username != "user" || p.Password != "p@ss" || p.Host != "10.0.0.42" || p.Port != 1080 {
		t.Errorf("%+v: %v", p, err)
	}
}
