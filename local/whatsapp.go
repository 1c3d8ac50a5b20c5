package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/simulator"
)

// reach says how this process reaches WhatsApp: the real one, a simulated one
// in this process (then it is returned, to be served at base), or one apart.
func reach(ctx context.Context, c config, base string, log *slog.Logger) (whatsapp.Config, *simulator.Simulator, error) {
	out := whatsapp.Config{Log: log}
	switch {
	case c.simulate:
		s := simulator.New(simulator.Config{Logger: log, URL: base})
		whatsapp.Trust(s.RootPublicKey())
		out.HTTP = s.HTTPClient(base)
		out.Media = out.HTTP
		return out, s, nil
	case c.simulatorURL != "":
		root, err := rootOf(ctx, c.simulatorURL)
		if err != nil {
			return whatsapp.Config{}, nil, err
		}
		whatsapp.Trust(root)
		out.HTTP = simulator.HTTPClient(c.simulatorURL)
		out.Media = out.HTTP
	}
	return out, nil, nil
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
