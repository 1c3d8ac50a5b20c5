package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"roost/local/bench/world"
)

// config is what the command line says. The usage text of each flag is its
// documentation.
type config struct {
	instances int
	rates     []float64
	duration  time.Duration
	hosts     int
	storage   string
	linked    int
	large     int
	rest      time.Duration
	preKeys   int
	limit     time.Duration
	out       string
	profile   string
	only      map[string]bool
}

// The bounds of flags.
const (
	maxInstances = 20_000
	maxDuration  = 10 * time.Minute
)

const usage = `Measures Roost against the floor: bare clients of the same library, in the same run.

  go run ./local bench              all figures, within ten minutes; writes BENCHMARKS.md,
                                    docs/benchmarks.json and docs/benchmarks.svg
  go run ./local bench -only push   some of them; writes nothing without -out

Flags:
`

func loadConfig(args []string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&c.instances, "instances", 600, "`number` of instances that messages are spread over")
	rates := flags.String("rate", "100,500,1000", "`messages` a second of the pushes, several with commas")
	flags.DurationVar(&c.duration, "duration", 8*time.Second, "how `long` each rate is kept up")
	flags.IntVar(&c.hosts, "hosts", 1, "`number` of session hosts, but for the failover, which has two")
	flags.StringVar(&c.storage, "storage", "embedded", "`kind` of storage: embedded, or aws as the environment names it")
	flags.IntVar(&c.linked, "linked", 1000, "`number` of linked instances for memory, idleness, start and failover")
	flags.IntVar(&c.large, "large", 10_000, "`number` of linked instances for memory and start of a large host; 0 leaves it out")
	flags.DurationVar(&c.rest, "rest", 25*time.Second, "how `long` idleness is looked at")
	flags.IntVar(&c.preKeys, "prekeys", 24, "`number` of unused one-time prekeys of each instance, 5 to 812")
	flags.DurationVar(&c.limit, "limit", 8*time.Minute+30*time.Second, "how `long` the whole may take, without building the program: what is left then is left out")
	flags.StringVar(&c.out, "out", "", "`folder` for BENCHMARKS.md and the files beside it; . unless -only is given")
	flags.StringVar(&c.profile, "profile", "", "`folder` for CPU and heap profiles of Roost, one of each for every measurement")
	only := flags.String("only", "", "`measurements` with commas: "+strings.Join(names(), ", "))
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return c, err
		}
		return c, fmt.Errorf("%w (see bench -h)", err)
	}
	return c, c.check(flags, *rates, *only)
}

// check reports everything that is wrong at once.
func (c *config) check(flags *flag.FlagSet, rates, only string) error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if flags.NArg() > 0 {
		say("unexpected argument %q", flags.Arg(0))
	}
	for text := range strings.SplitSeq(rates, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || rate < 1 || rate > world.MaxRate {
			say("-rate: %q is not from 1 to %d", text, world.MaxRate)
		}
		c.rates = append(c.rates, rate)
	}
	for name, n := range map[string]int{"-instances": c.instances, "-linked": c.linked} {
		if n < 1 || n > maxInstances {
			say("%s %d is not from 1 to %d", name, n, maxInstances)
		}
	}
	if c.large != 0 && (c.large < c.linked || c.large > maxInstances) {
		say("-large %d is not from -linked to %d", c.large, maxInstances)
	}
	if c.instances > c.linked {
		say("-instances %d are more than -linked %d", c.instances, c.linked)
	}
	for name, d := range map[string]time.Duration{"-duration": c.duration, "-rest": c.rest} {
		if d < 100*time.Millisecond || d > maxDuration {
			say("%s %s is not from 100ms to %s", name, d, maxDuration)
		}
	}
	if c.limit < time.Second || c.limit > 24*time.Hour {
		say("-limit %s is not from 1s to 24h", c.limit)
	}
	if c.hosts < 1 || c.hosts > 16 {
		say("-hosts %d is not from 1 to 16", c.hosts)
	}
	if c.preKeys < 5 || c.preKeys > 812 {
		say("-prekeys %d is not from 5 to 812", c.preKeys)
	}
	if c.storage != "embedded" && c.storage != "aws" {
		say("-storage %q is neither embedded nor aws", c.storage)
	}
	if c.out == "" && only == "" {
		c.out = "."
	}
	known := names()
	c.only = map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			say("-only: there is no measurement %q", name)
		}
		c.only[name] = true
	}
	return errors.Join(wrong...)
}

func (c *config) wants(name string) bool { return len(c.only) == 0 || c.only[name] }
