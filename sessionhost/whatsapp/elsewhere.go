package whatsapp

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Elsewhere is how to reach a simulated WhatsApp at base, an http URL of a host
// and a port, instead of the real one. It asks there for the root of its
// certificates, which every client of this process takes from then on: it must
// be called before the first connection.
func Elsewhere(ctx context.Context, base string, log *slog.Logger) (Config, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Config{}, fmt.Errorf("%q is no http URL", base)
	}
	root, err := rootOf(ctx, base)
	if err != nil {
		return Config{}, err
	}
	Trust(root)
	over := func(dial Dial) http.RoundTripper {
		transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
		return elsewhere{scheme: u.Scheme, host: u.Host, base: transport}
	}
	client := &http.Client{Transport: over(nil)}
	return Config{HTTP: client, Media: client, Over: over, Log: log}, nil
}

// rootOf asks a simulator for the key that its certificates come from.
func rootOf(ctx context.Context, base string) ([32]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/simulator", nil)
	if err != nil {
		return [32]byte{}, fmt.Errorf("ask the simulator: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return [32]byte{}, fmt.Errorf("ask the simulator: %w", err)
	}
	defer response.Body.Close()
	var about struct {
		RootPublicKey string `json:"rootPublicKey"`
	}
	if err := json.NewDecoder(response.Body).Decode(&about); err != nil {
		return [32]byte{}, fmt.Errorf("%s is no simulator: %w", base, err)
	}
	key, err := hex.DecodeString(about.RootPublicKey)
	if err != nil || len(key) != 32 {
		return [32]byte{}, fmt.Errorf("%s is no simulator: it has no root key", base)
	}
	return [32]byte(key), nil
}

// elsewhere sends every request to one server and leaves its Host header. It
// returns the transport's own response: a WebSocket needs its body to be
// writable.
type elsewhere struct {
	scheme, host string
	base         http.RoundTripper
}

func (t elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.Host = r.URL.Host
	out.URL.Scheme, out.URL.Host = t.scheme, t.host
	return t.base.RoundTrip(out)
}
