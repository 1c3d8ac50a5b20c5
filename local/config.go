package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"roost/sessionhost/clock"
	"roost/sessionhost/session"
)

// config is what the command line says. The usage text of each flag is its
// documentation.
type config struct {
	listen       string
	hostListen   string
	data         string
	simulate     bool
	simulatorURL string
	logLevel     slog.Level
	networks     []netip.Prefix
	http         bool
	apiKey       string   // ROOST_API_KEY, "" for the one in the data folder
	ntp          []string // ROOST_NTP
	archiveDays  int
	hosts        int
	lease        time.Duration
	measure      bool
	storage      string              // embedded or aws
	getenv       func(string) string // of what aws needs
	rhythm       session.Rhythm      // zero for the default; tests have less time
}

// The kinds of storage.
const (
	embedded = "embedded"
	onAWS    = "aws"
)

const usage = `Roost on one machine: WhatsApp instances over HTTP.

  go run ./local                     the real WhatsApp
  go run ./local -simulate           a simulated WhatsApp in the same process
  go run ./local -simulator URL      a simulated WhatsApp that runs apart
                                     (go run ./simulator/cmd/simulator)

Flags:
`

func loadConfig(args []string, getenv func(string) string, out io.Writer) (config, error) {
	c := config{apiKey: getenv("ROOST_API_KEY"), ntp: strings.Fields(strings.ReplaceAll(getenv("ROOST_NTP"), ",", " ")), getenv: getenv}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`address` of the API and the console; other machines reach it only if you say so here")
	flags.StringVar(&c.hostListen, "host-listen", "127.0.0.1:0", "private `address` of the session host: /health, /ready, /metrics; port 0 takes a free one")
	flags.StringVar(&c.data, "data", "./.roost", "`folder` for everything that is kept; made if missing, readable by you only")
	flags.BoolVar(&c.simulate, "simulate", false, "run a simulated WhatsApp in this process, with its control API under /simulator; its phones are forgotten at the end")
	flags.StringVar(&c.simulatorURL, "simulator", "", "use the simulated WhatsApp at this base `URL`, for example http://127.0.0.1:8090")
	flags.Func("allow", "private `network` such as 10.0.0.0/8 that webhooks may be in, and files to send; may be given again. This machine is one always", func(text string) error {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%q is no network in CIDR notation", text)
		}
		c.networks = append(c.networks, network.Masked())
		return nil
	})
	flags.BoolVar(&c.http, "allow-http", false, "call webhooks and fetch files over http too, where others can read along; in allowed networks that is so anyway")
	flags.IntVar(&c.archiveDays, "archive-days", 0, "`days` after which archives of deleted instances and exports are removed with their media; 0 keeps them for ever")
	flags.IntVar(&c.hosts, "hosts", 1, "`number` of session hosts; more than one are processes of their own that share the instances and take over from each other, listed with their private ports at -host-listen")
	flags.DurationVar(&c.lease, "lease", 0, "with -hosts, how long one that says nothing is waited for before others take its instances; 0 for the default")
	flags.StringVar(&c.storage, "storage", embedded, "`kind` of storage: embedded, in the data folder; or aws: the table, queues, bucket and key that ROOST_TABLE, ROOST_QUEUE_PREFIX, ROOST_BUCKET and ROOST_KMS_KEY name, which also AWS_ENDPOINT_URL_* may lead to")
	flags.BoolVar(&c.measure, "measure", false, "Go's profiles at /debug/pprof/ of the private port, and at /debug/storage what was asked of the table")
	level := flags.String("log-level", "info", "debug, info, warn or error")
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
		fmt.Fprint(out, "\nEnvironment:\n  ROOST_API_KEY  the admin key, instead of the one that is made at the first start and kept in the data folder\n"+
			"  ROOST_NTP      NTP servers to check the clock by, separated by commas; without it Amazon's and the public pool, with a simulated WhatsApp none\n")
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return config{}, err
		}
		return config{}, fmt.Errorf("%w (see -h)", err)
	}
	if len(c.ntp) == 0 && !c.simulate && c.simulatorURL == "" {
		c.ntp = clock.Servers
	}
	return c, c.check(flags, *level)
}

// check reports everything that is wrong at once.
func (c *config) check(flags *flag.FlagSet, level string) error {
	var wrong []error
	if flags.NArg() > 0 {
		wrong = append(wrong, fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	}
	if err := c.logLevel.UnmarshalText([]byte(level)); err != nil {
		wrong = append(wrong, fmt.Errorf("-log-level %q is none of debug, info, warn, error", level))
	}
	for name, address := range map[string]string{"-listen": c.listen, "-host-listen": c.hostListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %q is no host:port", name, address))
		}
	}
	if c.archiveDays < 0 || c.archiveDays > 36500 {
		wrong = append(wrong, errors.New("-archive-days is not from 0 to 36500"))
	}
	if c.storage != embedded && c.storage != onAWS {
		wrong = append(wrong, fmt.Errorf("-storage %q is neither embedded nor aws", c.storage))
	}
	if c.hosts < 1 || c.hosts > 64 {
		wrong = append(wrong, fmt.Errorf("-hosts %d is not between 1 and 64", c.hosts))
	}
	if c.lease != 0 && (c.lease < 500*time.Millisecond || c.lease > time.Hour) {
		wrong = append(wrong, fmt.Errorf("-lease %s is not between 500ms and 1h", c.lease))
	}
	if c.simulate && c.simulatorURL != "" {
		wrong = append(wrong, errors.New("-simulate and -simulator exclude each other"))
	}
	if u, err := url.Parse(c.simulatorURL); c.simulatorURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		wrong = append(wrong, fmt.Errorf("-simulator %q is no http URL", c.simulatorURL))
	}
	if c.apiKey != "" && len(c.apiKey) < 16 {
		wrong = append(wrong, errors.New("ROOST_API_KEY has less than 16 characters"))
	}
	return errors.Join(wrong...)
}
