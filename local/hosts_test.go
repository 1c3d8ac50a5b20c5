package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"roost/simulator"
)

// crew is a Roost with several session hosts.
type crew struct {
	*world
	private string
	phones  map[string]*simulator.User
	numbers map[string]string // of the instances' contacts
}

func newCrew(t *testing.T, patience time.Duration, flags ...string) *crew {
	t.Helper()
	w := newWorld(t, patience)
	f := &crew{world: w, private: freePort(t), phones: map[string]*simulator.User{}, numbers: map[string]string{}}
	w.start(append([]string{"-host-listen", "127.0.0.1:" + f.private}, flags...)...)
	return f
}

// linkAll links n instances, several at a time, each with a contact.
func (f *crew) linkAll(n int) map[string]*simulator.User {
	f.t.Helper()
	contacts := map[string]*simulator.User{}
	for i := range n {
		name := fmt.Sprintf("i-%d", i)
		c, err := f.Contact(fmt.Sprintf("4915200%05d", i), "Contact of "+name)
		if err != nil {
			f.t.Fatal(err)
		}
		contacts[name], f.numbers[name] = c, c.Number()
	}
	var linking sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, 8)
	for i := range n {
		linking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			name := fmt.Sprintf("i-%d", i)
			u := f.link(name, fmt.Sprintf("4915100%05d", i))
			mu.Lock()
			defer mu.Unlock()
			f.phones[name] = u
		})
	}
	linking.Wait()
	return contacts
}

// processes are the session hosts that run now.
func (f *crew) processes() []process {
	r, err := http.Get("http://127.0.0.1:" + f.private + "/")
	if err != nil {
		return nil
	}
	defer r.Body.Close()
	var list struct{ Hosts []process }
	if json.NewDecoder(r.Body).Decode(&list) != nil {
		return nil
	}
	return list.Hosts
}

// ready are those that are.
func (f *crew) ready() []process {
	var out []process
	for _, p := range f.processes() {
		if p.Address != "" {
			out = append(out, p)
		}
	}
	return out
}

func (f *crew) signal(p process, s syscall.Signal) {
	f.t.Helper()
	if err := syscall.Kill(p.PID, s); err != nil {
		f.t.Fatalf("signal %s: %v", p.Name, err)
	}
}

// allOpen waits until every instance is open and logged in at WhatsApp.
func (f *crew) allOpen() {
	f.t.Helper()
	f.poll("all instances to be open", func() bool {
		for name := range f.phones {
			if f.state(name) != "open" {
				return false
			}
		}
		return true
	})
}

// TestHostsKilledAnywhere kills session hosts at random instants while 20
// instances talk. HOST_KILL_ROUNDS=1000 is the long version; KILL_SEED replays
// the instants.
func TestHostsKilledAnywhere(t *testing.T) {
	rounds := 50
	if n, err := strconv.Atoi(os.Getenv("HOST_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("KILL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	f := newCrew(t, 3*time.Minute+time.Duration(rounds)*3*time.Second, "-hosts", "2", "-lease", "1500ms")
	contacts := f.linkAll(20)
	talk := &talk{w: f.world, sent: map[string]bool{}, accepted: map[string]string{}, rest: 150 * time.Millisecond}
	for _, c := range contacts {
		talk.numbers = append(talk.numbers, c.Number())
	}
	stop := make(chan struct{})
	var talking sync.WaitGroup
	for name, contact := range contacts {
		talking.Go(func() { talk.in(stop, contact, f.phones[name]) })
		talking.Go(func() { talk.out(stop, 0, name, contact) })
	}
	begin, kills := time.Now(), map[string]int{}
	for round := range rounds {
		if round > 0 && round%50 == 0 {
			t.Logf("%d rounds in %s, %d violations", round, time.Since(begin).Round(time.Second), len(f.Violations()))
		}
		// Most rounds kill one of two hosts at work, the others one that starts.
		atWork := random.IntN(4) > 0
		var all []process
		f.poll("two session hosts", func() bool {
			all = f.processes()
			ready := len(f.ready())
			return len(all) == 2 && (ready == 2 || ready == 1 && !atWork)
		})
		pause(time.Duration(random.IntN(600)) * time.Millisecond)
		all = f.processes()
		if len(all) != 2 {
			continue
		}
		victim := all[random.IntN(2)]
		if ready := f.ready(); len(ready) == 1 && ready[0] == victim {
			victim = all[0]
			if victim == ready[0] {
				victim = all[1]
			}
		}
		kills[strings.Split(victim.Name, "-")[1]]++
		f.signal(victim, syscall.SIGKILL)
		f.poll("the death", func() bool {
			for _, p := range f.processes() {
				if p.PID == victim.PID {
					return false
				}
			}
			return true
		})
	}
	took := time.Since(begin)
	close(stop)
	talking.Wait()
	begin = time.Now()
	f.allOpen()
	t.Logf("%d rounds in %s, all open again after %s more; killed by place: %v", rounds, took, time.Since(begin), kills)
	for name, u := range f.phones {
		if n := len(u.Companions()); n != 1 {
			t.Errorf("%s has %d companions, it was linked once", name, n)
		}
	}
	talk.check(t)
}
