// Command sessionhost is the process that owns connections, on AWS a task of a
// Fargate service. See package host for what it does, and package cloud for the
// variables that name its table, queues, bucket and key. Beyond those:
//
//	ROOST_HOST_NAME    its name, unique among living hosts; default: the id of
//	                   the ECS task, else the machine's name
//	ROOST_HOST_LISTEN  address of /health, /ready and /metrics; default :8081
//	ROOST_NTP          NTP servers to check the clock by, separated by commas;
//	                   default: Amazon's and the public pool
//	ROOST_SIMULATOR    URL of a simulated WhatsApp to connect to, for tests
//
// With -check it asks the host that runs at ROOST_HOST_LISTEN whether it is
// ready, and ends with 0 or 1: the health check of a container without a shell.
//
// It logs JSON on standard output, once a minute and at any level the line
// "host status", which metrics are made of: see type status. SIGTERM ends it
// when every socket is closed; a second signal ends it at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"roost/sessionhost/clock"
	"roost/sessionhost/host"
	"roost/sessionhost/whatsapp"
	"roost/shared/deployment/cloud"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sessionhost:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	c, err := loadConfig(args, getenv)
	if err != nil {
		return err
	}
	if c.check {
		return check(ctx, c.listen)
	}
	d, err := cloud.OpenSealed(ctx, getenv, out)
	if err != nil {
		return err
	}
	if c.name == "" {
		if c.name, err = nameOfTask(ctx, getenv("ECS_CONTAINER_METADATA_URI_V4")); err != nil {
			return err
		}
	}
	wa := whatsapp.Config{Log: d.Log}
	if c.simulator != "" {
		if wa, err = whatsapp.Elsewhere(ctx, c.simulator, d.Log); err != nil {
			return err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("listen on ROOST_HOST_LISTEN: %w", err)
	}
	port := &host.Port{}
	server := &http.Server{Handler: port, ReadHeaderTimeout: 10 * time.Second}
	watch := newStatus(c.name, port, d.Queues, out)
	d.Log.InfoContext(ctx, "host starts", "host", c.name, "listen", listener.Addr().String())

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var beside sync.WaitGroup
	beside.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("serve the private port: %w", err))
		}
	})
	beside.Go(func() { watch.run(ctx) })
	err = host.Run(ctx, host.Config{
		Name: c.name, Table: d.Table, Queues: watch, Bucket: d.Bucket, Wrapper: d.Wrapper, WhatsApp: wa, Log: d.Log,
		Clock: clock.Config{Servers: c.ntp, Log: d.Log}, Networks: d.Networks,
	}, port.Ready)
	cancel(nil)
	_ = server.Close() // who asks how the host is may hear that it is gone
	beside.Wait()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// config is what the command line and the environment say beyond package cloud.
type config struct {
	name, listen, simulator string
	ntp                     []string
	check                   bool
}

func loadConfig(args []string, getenv func(string) string) (config, error) {
	c := config{name: getenv("ROOST_HOST_NAME"), listen: getenv("ROOST_HOST_LISTEN"), simulator: getenv("ROOST_SIMULATOR")}
	flags := flag.NewFlagSet("sessionhost", flag.ContinueOnError)
	flags.BoolVar(&c.check, "check", false, "ask the host at ROOST_HOST_LISTEN whether it is ready")
	flags.StringVar(&c.simulator, "simulator", c.simulator, "use the simulated WhatsApp at this `URL`; ROOST_SIMULATOR is the same")
	if err := flags.Parse(args); err != nil {
		return config{}, fmt.Errorf("read the command line: %w", err)
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	c.ntp = strings.Fields(strings.ReplaceAll(getenv("ROOST_NTP"), ",", " "))
	if len(c.ntp) == 0 && c.simulator == "" {
		c.ntp = clock.Servers
	}
	if c.listen == "" {
		c.listen = ":8081"
	}
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return config{}, fmt.Errorf("ROOST_HOST_LISTEN %q is no host:port", c.listen)
	}
	return c, nil
}

// check asks a host on this machine whether it is ready.
func check(ctx context.Context, listen string) error {
	where, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("read ROOST_HOST_LISTEN: %w", err)
	}
	if where == "" {
		where = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(where, port)+"/ready", nil)
	if err != nil {
		return fmt.Errorf("ask the host: %w", err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask the host: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the host is not ready: %s", response.Status)
	}
	return nil
}
