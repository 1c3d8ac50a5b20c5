package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"roost/simulator"
)

// stopLimit is how long calls that are under way may take at the end.
const stopLimit = time.Second

const usage = `A simulated WhatsApp for tests: clients connect to its WebSocket, and the
phones they are linked to are held over HTTP, below /simulator.

  simulator [-listen HOST:PORT] [-seed N] [-log-level LEVEL] [-root-key-file FILE]

A client must send its connections to the WebSocket URL and trust the root key,
both printed at the start and told by GET /simulator. To link one:

  curl -d '{"number":"491510000001","name":"Alice"}' http://127.0.0.1:8090/simulator/phones
  curl -d '{"qr":"<text of its QR code>","follow":true}' http://127.0.0.1:8090/simulator/phones/491510000001/scan

`

// options are what the command line says.
type options struct {
	listen  string
	rootKey string
	level   slog.Level
	config  simulator.Config
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.rootKey != "" {
		if o.config.RootKey, err = loadRootKey(o.rootKey); err != nil {
			return err
		}
	}
	o.config.Logger = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: o.level}))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	sim := simulator.New(o.config)
	announce(stdout, sim, listener.Addr().String())
	return serve(ctx, sim, listener)
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() {
		fmt.Fprint(stdout, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8090", "`address` to listen on; port 0 takes a free one")
	flags.Uint64Var(&o.config.Seed, "seed", 0, "make random choices repeatable; 0 draws a seed, which is printed")
	flags.TextVar(&o.level, "log-level", slog.LevelWarn, "`level` of the log on standard error: debug, info, warn or error")
	flags.StringVar(&o.rootKey, "root-key-file", "", "`file` with the private root key in hex, made if it is missing, so that\nthe root key stays the same; without it every start has a new one")
	if err := flags.Parse(args); err != nil {
		return options{}, err // its text is for the user as it is
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; see -h", flags.Arg(0))
	}
	return o, nil
}

// announce prints what a client needs, one "name value" on each line.
func announce(stdout io.Writer, sim *simulator.Simulator, address string) {
	key := sim.RootPublicKey()
	fmt.Fprintf(stdout, "websocket ws://%s/ws/chat\n", address)
	fmt.Fprintf(stdout, "media     http://%s\n", address)
	fmt.Fprintf(stdout, "control   http://%s/simulator\n", address)
	fmt.Fprintf(stdout, "root-key  %s\n", hex.EncodeToString(key[:]))
	fmt.Fprintf(stdout, "seed      %d\n", sim.Seed())
}

// serve answers until ctx ends, and then ends every connection.
func serve(ctx context.Context, sim *simulator.Simulator, listener net.Listener) error {
	calls, cancel := context.WithCancel(ctx) // ends calls that wait
	defer cancel()
	server := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return calls },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		sim.Close()
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stopping, stopped := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer stopped()
	sim.Close()
	if err := server.Shutdown(stopping); err != nil {
		_ = server.Close() // what is left is cut; there is nobody to tell
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
