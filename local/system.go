package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"roost/functions/api/handler"
	"roost/functions/archive/export"
	"roost/functions/sweep/repair"
	"roost/functions/webhook/delivery"
	"roost/sessionhost/clock"
	"roost/sessionhost/host"
	"roost/sessionhost/whatsapp"
	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/deployment"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/simulator"
)

// version is this build's.
const version = "0.1.0"

const (
	// readyLimit bounds how long the API waits for session hosts at the start.
	readyLimit = 15 * time.Second
	// aloneLease is that of a host that has the folder for itself: nobody waits
	// for it to run out, since the lock tells when it is dead.
	aloneLease = time.Minute
)

// stopLimit bounds how long requests under way may take at the end.
const stopLimit = 2 * time.Second

// run is the whole program: it returns when ctx ends and everything has been
// closed, or when something cannot be started.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	c, err := loadConfig(args, getenv, out)
	if err != nil {
		return err
	}
	return serve(ctx, c, reach, out)
}

// serve is run as c says, reaching WhatsApp by way.
func serve(ctx context.Context, c config, way func(context.Context, config, string, *slog.Logger) (whatsapp.Config, *simulator.Simulator, error), out io.Writer) error {
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: c.logLevel}))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.listen, err)
	}
	defer listener.Close()
	private, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.hostListen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.hostListen, err)
	}
	defer private.Close()
	base := baseURL(listener.Addr())
	d, err := openData(ctx, c, base+"/blob")
	if err != nil {
		return err
	}
	defer d.close()
	wa, simulated, err := way(ctx, c, base, log)
	if err != nil {
		return err
	}
	if simulated != nil {
		defer simulated.Close()
	}
	s, err := newSystem(ctx, c, d, base, log)
	if err != nil {
		return err
	}
	return s.run(ctx, wa, simulated, listener, private, out)
}

// baseURL is where a client on this machine reaches a listener.
func baseURL(address net.Addr) string {
	where, port, _ := net.SplitHostPort(address.String())
	if ip, err := netip.ParseAddr(where); err == nil && ip.IsUnspecified() {
		where = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(where, port)
}

// system is Roost on embedded storage, ready to run.
type system struct {
	cfg     config
	data    *data
	base    string
	log     *slog.Logger
	account account
	api     http.Handler
	pumps   []*pump
	sweep   *repair.Handler
	alarm   *backlog.Alarm
	backlog *backlog.Repository
	measure measures
}

func newSystem(ctx context.Context, c config, d *data, base string, log *slog.Logger) (*system, error) {
	s := &system{cfg: c, data: d, base: base, log: log}
	here := deployment.Deployment{
		Table: count(d.table, &s.measure.functions, c.measure), Queues: d.queues, Bucket: d.bucket, Wrapper: d.wrapper, ServerURL: base, Log: log,
		Networks: slices.Concat(egress.Loopback, c.networks), HTTP: c.http, KeepArchives: time.Duration(c.archiveDays) * 24 * time.Hour,
	}
	wakeups, err := here.Wakeups(ctx)
	if err != nil {
		return nil, err
	}
	alarm := backlog.NewAlarm(wakeups, log)
	here.Scheduled = alarm.Set
	account, err := defaultAccount(ctx, d.table)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(d.apiKey))
	api, err := handler.Open(ctx, here, key[:], version)
	if err != nil {
		return nil, err
	}
	hooks, err := delivery.Open(ctx, here)
	if err != nil {
		return nil, err
	}
	archiver, err := export.Open(ctx, here)
	if err != nil {
		return nil, err
	}
	sweep, err := repair.Open(ctx, here)
	if err != nil {
		return nil, err
	}
	events, err := here.Events(ctx)
	if err != nil {
		return nil, err
	}
	jobs, err := here.ArchiveJobs(ctx)
	if err != nil {
		return nil, err
	}
	s.account, s.api, s.sweep, s.alarm, s.backlog = account, api, sweep, alarm, here.Backlog()
	s.pumps = []*pump{
		{name: event.Queue, queue: events, invoke: hooks.Handle, hide: delivery.Visibility, again: true, log: log},
		{name: backlog.Queue, queue: wakeups, invoke: hooks.Handle, limit: 1, hide: delivery.Visibility, again: true, log: log},
		{name: archive.Queue, queue: jobs, invoke: archiver.Handle, backoff: delivery.Backoff, log: log},
	}
	return s, nil
}

// run serves until ctx ends. The order of the end: no new requests, sockets to
// WhatsApp closed, events under way delivered or given back.
func (s *system) run(ctx context.Context, wa whatsapp.Config, simulated *simulator.Simulator, listener, hostListener net.Listener, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	defer running.Wait()
	for _, p := range s.pumps {
		running.Go(func() { p.run(ctx) })
	}
	running.Go(func() { s.sweepEveryMinute(ctx) })
	if s.data.blobs != nil {
		running.Go(func() { s.tidyEveryDay(ctx) })
	}
	running.Go(func() { s.alarm.Run(ctx, s.backlog) })
	server := &http.Server{Handler: s.routes(simulated), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	private, ready := s.startHosts(ctx, cancel, &running, wa, simulated, out)
	health := &http.Server{Handler: s.measure.serve(private, s.cfg.measure), ReadHeaderTimeout: 10 * time.Second}
	serve := func(server *http.Server, on net.Listener) {
		running.Go(func() {
			if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve %s: %w", on.Addr(), err))
			}
		})
	}
	serve(health, hostListener)
	if simulated != nil { // the host needs it to connect
		serve(server, listener)
	}
	if err := ready(ctx); err != nil && ctx.Err() == nil { // the API says what is: it waits until the hosts have taken what they found
		s.log.WarnContext(ctx, "serving without session hosts", "err", err)
	}
	if simulated == nil {
		serve(server, listener)
	}
	s.greet(out, hostListener.Addr())
	<-ctx.Done()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer done()
	for _, server := range []*http.Server{server, health} {
		if server.Shutdown(stop) != nil {
			_ = server.Close()
		}
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// startHosts runs the session hosts until ctx ends, and returns what serves the
// private port and what waits until they are ready.
func (s *system) startHosts(ctx context.Context, fail context.CancelCauseFunc, running *sync.WaitGroup, wa whatsapp.Config, simulated *simulator.Simulator, out io.Writer) (http.Handler, func(context.Context) error) {
	if s.cfg.hosts > 1 {
		child := childConfig{base: s.base, lease: s.cfg.lease, config: s.cfg}
		if simulated != nil {
			child.simulatorURL = s.base
		}
		all := newHosts(s.cfg.hosts, child, out, s.log)
		running.Go(func() { all.run(ctx) })
		return all, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, readyLimit)
			defer cancel()
			return all.ready(ctx)
		}
	}
	private, taken := &host.Port{}, make(chan struct{})
	name, length := "host-1", aloneLease
	if s.cfg.storage == onAWS { // others may be there, and no lock tells when one has died
		name, length = "host-"+strings.ToLower(rand.Text()[:6]), s.cfg.lease
	}
	hostTable := count(s.data.table, &s.measure.host, s.cfg.measure)
	running.Go(func() {
		err := host.Run(ctx, host.Config{
			Name: name, Table: hostTable, Queues: s.data.queues, Bucket: s.data.bucket, Wrapper: s.data.wrapper, WhatsApp: wa, Log: s.log,
			Clock: clock.Config{Servers: s.cfg.ntp}, Networks: slices.Concat(egress.Loopback, s.cfg.networks), Lease: length,
			Rhythm: s.cfg.rhythm,
		}, func(h *host.Host) {
			private.Ready(h)
			close(taken)
		})
		if err != nil {
			fail(fmt.Errorf("session host: %w", err))
		}
	})
	return private, func(ctx context.Context) error {
		select {
		case <-taken:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// routes is everything on the public port.
func (s *system) routes(simulated *simulator.Simulator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case s.data.blobs != nil && strings.HasPrefix(path, "/blob/"):
			s.data.blobs.ServeHTTP(w, r)
		case simulated != nil && ours(path):
			simulated.ServeHTTP(w, r)
		default:
			s.api.ServeHTTP(w, r)
		}
	})
}

// ours are the paths of a simulated WhatsApp.
func ours(path string) bool {
	for _, prefix := range []string{"/ws/chat", "/mms/", "/v/", "/newsletter/", "/simulator"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// sweepEveryMinute is the schedule of the sweep function.
func (s *system) sweepEveryMinute(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if _, err := s.sweep.Handle(ctx); err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "sweep failed", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tidyEveryDay removes from the folder what nobody else does, first of all now.
func (s *system) tidyEveryDay(ctx context.Context) {
	ticker := time.NewTicker(24 * time.Hour)
	defer ticker.Stop()
	for {
		expired, err := s.data.blobs.Expire(ctx, deployment.Lifetimes)
		left, leftErr := s.data.blobs.Sweep(ctx)
		if err = errors.Join(err, leftErr); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "folder cannot be tidied", "err", err)
		}
		if expired+left > 0 {
			s.log.InfoContext(ctx, "folder tidied", "expired", expired, "left_behind", left)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *system) greet(out io.Writer, private net.Addr) {
	fmt.Fprintf(out, "Roost %s\n", version)
	fmt.Fprintf(out, "  API       %s\n", s.base)
	fmt.Fprintf(out, "  admin key %s\n", s.data.apiKey)
	s.account.greet(out)
	fmt.Fprintf(out, "  console   %s/console#key=%s\n", s.base, s.data.apiKey)
	fmt.Fprintf(out, "  host      http://%s/health\n", private)
	switch {
	case s.cfg.simulate:
		fmt.Fprintf(out, "  WhatsApp  simulated, control API at %s/simulator\n", s.base)
	case s.cfg.simulatorURL != "":
		fmt.Fprintf(out, "  WhatsApp  simulated at %s\n", s.cfg.simulatorURL)
	}
}
