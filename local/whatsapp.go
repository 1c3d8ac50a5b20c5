package main

import (
	"context"
	"log/slog"
	"net/http"

	"roost/sessionhost/whatsapp"
	"roost/simulator"
)

// reach says how this process reaches WhatsApp: the real one, a simulated one
// in this process (then it is returned, to be served at base), or one apart.
func reach(ctx context.Context, c config, base string, log *slog.Logger) (whatsapp.Config, *simulator.Simulator, error) {
	switch {
	case c.simulate:
		s := simulator.New(simulator.Config{Logger: log, URL: base})
		whatsapp.Trust(s.RootPublicKey())
		client := s.HTTPClient(base)
		over := func(dial whatsapp.Dial) http.RoundTripper { return simulator.Transport(base, dial) }
		return whatsapp.Config{HTTP: client, Media: client, Over: over, Log: log}, s, nil
	case c.simulatorURL != "":
		out, err := whatsapp.Elsewhere(ctx, c.simulatorURL, log)
		return out, nil, err
	}
	return whatsapp.Config{Log: log}, nil, nil
}
