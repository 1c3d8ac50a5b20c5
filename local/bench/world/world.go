package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"roost/local/bench/child"
	"roost/simulator"
)

// Command makes this program a world.
const Command = "bench-world"

// World is the process.
type World struct {
	sim      *simulator.Simulator
	presence *presence
	sends    sends
	pushing  atomic.Pointer[push]
	runs     atomic.Int64
	http     *http.Client
}

// Run serves until ctx ends or alive does. What it prints first is its address.
func Run(ctx context.Context, alive io.Reader, out io.Writer) error {
	ctx, cancel := child.Until(ctx, alive)
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	w := newWorld()
	defer w.sim.Close()
	server := &http.Server{Handler: w.routes(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintf(out, "at http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func newWorld() *World {
	w := &World{presence: newPresence(), sends: sends{due: map[string]chan time.Time{}}}
	w.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024, MaxConnsPerHost: maxUnderWay}}
	knobs := simulator.DefaultKnobs()
	knobs.RefreshAfterScan = false
	knobs.AnswerSeconds = 600
	w.sim = simulator.New(simulator.Config{Knobs: &knobs, Probe: simulator.Probe{
		Written: w.wrote, Arrived: w.sends.arrived, Online: w.presence.came, Offline: w.presence.went,
	}})
	return w
}

// serve is a call: it decodes what is asked and encodes what is answered.
func serve[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	}
}

func (w *World) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook", w.hook)
	mux.HandleFunc("POST /hook/{event}", w.hook)
	mux.HandleFunc("POST /bench/push", serve(w.Push))
	mux.HandleFunc("POST /bench/send", serve(asks(w.Send)))
	mux.HandleFunc("POST /bench/recover", serve(asks(w.Recover)))
	mux.HandleFunc("POST /bench/pair", serve(asks(w.Pair)))
	mux.HandleFunc("POST /bench/mark", serve(func(context.Context, struct{}) (struct{}, error) {
		w.presence.mark()
		return struct{}{}, nil
	}))
	mux.HandleFunc("POST /bench/online", serve(func(ctx context.Context, q onlineQuery) (Back, error) {
		return w.presence.await(ctx, q.Fleet, q.Online, q.Gone)
	}))
	mux.HandleFunc("POST /bench/violations", serve(func(context.Context, struct{}) ([]string, error) {
		var out []string
		for _, v := range w.sim.Violations() {
			out = append(out, fmt.Sprint(v))
		}
		return out, nil
	}))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hook") || strings.HasPrefix(r.URL.Path, "/bench/") {
			mux.ServeHTTP(rw, r)
			return
		}
		w.sim.ServeHTTP(rw, r)
	})
}

// request is a load of requests.
type request struct {
	API  API
	Load Load
}

func asks(do func(context.Context, API, Load) (Asked, error)) func(context.Context, request) (Asked, error) {
	return func(ctx context.Context, r request) (Asked, error) { return do(ctx, r.API, r.Load) }
}

type onlineQuery struct {
	Fleet        Fleet
	Online, Gone int
}
