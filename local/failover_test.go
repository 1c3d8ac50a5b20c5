package main

import (
	"bufio"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/simulator"
)

// failoverInstances is how many the tests of a failover have. FAILOVER_INSTANCES=200
// makes them strict about time: a few on a busy machine say nothing.
func failoverInstances(t *testing.T) (count int, strict bool) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("FAILOVER_INSTANCES")); err == nil {
		return n, true
	}
	return 16, false
}

// open counts the instances that a session host says are open.
func (f *crew) open(p process) int {
	r, err := http.Get("http://" + p.Address + "/metrics")
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), `roost_sessions{state="open"} `); ok {
			n, _ := strconv.Atoi(rest)
			return n
		}
	}
	return 0
}

// busiest is the host with the most open instances, once all are open somewhere.
func (f *crew) busiest() (process, int) {
	f.t.Helper()
	var best process
	most := 0
	f.poll("all instances to be open at some host", func() bool {
		sum := 0
		best, most = process{}, 0
		for _, p := range f.ready() {
			n := f.open(p)
			sum += n
			if n > most {
				best, most = p, n
			}
		}
		return sum == len(f.phones)
	})
	return best, most
}

// outage watches at WhatsApp's side who is offline from now on. The function it
// returns waits until at least so many accounts have been away and all are back
// again, and says how long that took and how long the longest was away.
func (f *crew) outage() func(least int) (all, longest time.Duration) {
	begin := time.Now()
	type result struct {
		at   time.Time
		away map[string]time.Duration
		off  int
	}
	results, stop := make(chan result), make(chan struct{})
	go func() {
		since, away, last := map[string]time.Time{}, map[string]time.Duration{}, begin
		for {
			for name, u := range f.phones {
				now := time.Now()
				left, is := since[name]
				switch online := u.Online() > 0; {
				case !online && !is:
					since[name] = now
				case online && is:
					delete(since, name)
					away[name], last = max(away[name], now.Sub(left)), now
				}
			}
			select {
			case results <- result{last, maps.Clone(away), len(since)}:
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func(least int) (all, longest time.Duration) {
		f.t.Helper()
		defer close(stop)
		for {
			select {
			case r := <-results:
				if r.off > 0 || len(r.away) < least {
					continue
				}
				for _, d := range r.away {
					longest = max(longest, d)
				}
				return r.at.Sub(begin), longest
			case <-f.ctx.Done():
				f.t.Fatalf("waited in vain for %d accounts to be back", least)
			}
		}
	}
}

// TestFailover measures, at WhatsApp's side, how long accounts are offline when
// their host is killed, and when it is told to end.
func TestFailover(t *testing.T) {
	count, strict := failoverInstances(t)
	f := newCrew(t, 5*time.Minute, "-hosts", "2", "-log-level", "warn")
	f.linkAll(count)
	victim, held := f.busiest()
	back := f.outage()
	f.signal(victim, syscall.SIGKILL)
	all, _ := back(held)
	t.Logf("unplanned: %d of %d instances, the last online again %s after SIGKILL", held, count, all.Round(time.Millisecond))
	if strict && all > 10*time.Second {
		t.Errorf("the last was online after %s, at most 10 s", all)
	}
	f.poll("two session hosts", func() bool { return len(f.ready()) == 2 })
	victim, held = f.busiest()
	back = f.outage()
	f.signal(victim, syscall.SIGTERM)
	all, longest := back(held)
	t.Logf("planned: %d sessions handed over in %s, the longest away for %s", held, all.Round(time.Millisecond), longest.Round(time.Millisecond))
	if strict && longest > time.Second {
		t.Errorf("a session was away for %s, at most 1 s", longest)
	}
	if strict && all > time.Duration(held)*10*time.Millisecond+time.Second {
		t.Errorf("%d sessions took %s, at most 10 s per 1,000", held, all)
	}
	f.busiest()
}

// TestPausedHost stops a host for longer than its lease. When it wakes up it has
// lost everything, writes nothing and has closed its sockets; what was said
// meanwhile arrives once.
func TestPausedHost(t *testing.T) {
	f := newCrew(t, 3*time.Minute, "-hosts", "2", "-lease", "3s")
	contacts := f.linkAll(4)
	talk := &talk{w: f.world, sent: map[string]bool{}, accepted: map[string]string{}, rest: 100 * time.Millisecond}
	for _, c := range contacts {
		talk.numbers = append(talk.numbers, c.Number())
	}
	victim, held := f.busiest()
	f.pauseIdle(victim)
	stop := make(chan struct{})
	for name, c := range contacts {
		go talk.in(stop, c, f.phones[name])
	}
	var other process
	f.poll("the other host to have everything", func() bool {
		for _, p := range f.ready() {
			if p.PID != victim.PID && f.open(p) == len(f.phones) {
				other = p
				return true
			}
		}
		return false
	})
	logins := f.Logins()
	f.signal(victim, syscall.SIGCONT)
	f.poll("the host that was paused to begin again", func() bool {
		return f.open(victim) == 0 && strings.Contains(f.output.String(), "host begins again")
	})
	if n := f.open(other); n != len(f.phones) {
		t.Errorf("%d instances are open at the host that took over, want %d", n, len(f.phones))
	}
	if more := f.Logins() - logins; more > 0 {
		t.Errorf("%d logins after the pause: somebody answered a replaced stream with a connection", more)
	}
	t.Logf("%d instances were taken from a paused host", held)
	// WhatsApp has closed the sockets of the one that slept, as it must.
	for _, v := range f.Violations() {
		if v.Kind != simulator.TwoSockets {
			t.Errorf("violation: %s", v)
		}
	}
	f.Forgive()
	close(stop)
	talk.check(t)
}

// pauseIdle stops a host at a moment when it does not hold the database's lock,
// which the embedded storage cannot take from it.
func (f *crew) pauseIdle(p process) {
	f.t.Helper()
	for {
		f.signal(p, syscall.SIGSTOP)
		name := "probe-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		client := http.Client{Timeout: 5 * time.Second}
		r, err := http.NewRequestWithContext(f.ctx, http.MethodPost, f.base+"/instance/create", strings.NewReader(`{"instanceName":"`+name+`","integration":"WHATSAPP-BAILEYS"}`))
		if err != nil {
			f.t.Fatal(err)
		}
		r.Header.Set("apikey", testKey)
		r.Header.Set("Content-Type", "application/json")
		response, err := client.Do(r)
		if err == nil {
			response.Body.Close()
			return
		}
		f.signal(p, syscall.SIGCONT)
	}
}
