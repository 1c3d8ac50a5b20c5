package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"roost/sessionhost/clock"
	"roost/sessionhost/host"
	"roost/shared/egress"
)

// hostCommand makes this program a session host that another one, with -hosts,
// has started.
const hostCommand = "session-host"

// childConfig is what such a host is told.
type childConfig struct {
	name, base string
	lease      time.Duration
	config
}

func (c childConfig) args() []string {
	args := []string{
		hostCommand, "-name", c.name, "-base", c.base, "-data", c.data, "-simulator", c.simulatorURL,
		"-log-level", c.logLevel.String(), "-lease", c.lease.String(), "-storage", c.storage, "-ntp", strings.Join(c.ntp, ","),
	}
	if c.measure {
		args = append(args, "-measure")
	}
	for _, n := range c.networks {
		args = append(args, "-allow", n.String())
	}
	return args
}

func childConfigOf(args []string) (childConfig, error) {
	var c childConfig
	flags := flag.NewFlagSet(hostCommand, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.name, "name", "", "of the host")
	flags.StringVar(&c.base, "base", "", "URL of the API")
	flags.StringVar(&c.data, "data", "", "folder")
	flags.StringVar(&c.simulatorURL, "simulator", "", "URL of a simulated WhatsApp")
	flags.DurationVar(&c.lease, "lease", 0, "length")
	flags.BoolVar(&c.measure, "measure", false, "profiles")
	flags.StringVar(&c.storage, "storage", embedded, "kind")
	flags.Func("allow", "network", func(text string) error {
		network, err := netip.ParsePrefix(text)
		c.networks = append(c.networks, network)
		return err
	})
	level := flags.String("log-level", "info", "")
	ntp := flags.String("ntp", "", "servers")
	if err := flags.Parse(args); err != nil {
		return c, fmt.Errorf("%s is started by -hosts: %w", hostCommand, err)
	}
	c.ntp = strings.FieldsFunc(*ntp, func(r rune) bool { return r == ',' })
	return c, c.logLevel.UnmarshalText([]byte(*level))
}

// runChild is a session host as a process of its own. It ends with ctx, after it
// has handed its sessions over, and at once when alive ends, which its parent
// holds open: then everything has died together. What it prints first is the
// address of its private port, when it is ready.
func runChild(ctx context.Context, args []string, alive io.Reader, out, logs io.Writer) error {
	c, err := childConfigOf(args)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, alive)
		os.Exit(1)
	}()
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: c.logLevel}))
	lock := flock.New(filepath.Join(c.data, hostsLock))
	if ok, err := lock.TryRLockContext(ctx, lockPause); !ok {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	d := &data{lock: lock}
	defer d.close()
	c.getenv = os.Getenv
	if err := d.openStores(ctx, c.config, c.base+"/blob"); err != nil {
		return err
	}
	wa, _, err := reach(ctx, c.config, c.base, log)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the private port: %w", err)
	}
	private := &host.Port{}
	var m measures
	server := &http.Server{Handler: m.serve(private, c.measure), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err = host.Run(ctx, host.Config{
		Name: c.name, Table: count(d.table, &m.host, c.measure), Queues: d.queues, Bucket: d.bucket, Wrapper: d.wrapper, WhatsApp: wa, Log: log,
		Clock: clock.Config{Servers: c.ntp}, Networks: slices.Concat(egress.Loopback, c.networks), Lease: c.lease,
	}, func(h *host.Host) {
		private.Ready(h)
		fmt.Fprintln(out, listener.Addr())
	})
	_ = server.Close()
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
