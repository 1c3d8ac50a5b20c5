package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// TestKilledAnywhere kills the program at random instants of a conversation
// and starts it again. Every instance must be online without a QR code within
// two seconds, every message must reach the webhook under one event id, and
// no contact may get a message twice. KILL_ROUNDS and KILL_SEED change it.
func TestKilledAnywhere(t *testing.T) {
	rounds := 12
	if n, err := strconv.Atoi(os.Getenv("KILL_ROUNDS")); err == nil {
		rounds = n
	}
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("KILL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, 60*time.Second+time.Duration(rounds)*6*time.Second)
	w.start()
	names := []string{"one", "two", "three"}
	phones := map[string]*simulator.User{}
	contacts := map[string]*simulator.User{}
	for i, name := range names {
		phones[name] = w.link(name, fmt.Sprintf("49151000000%d", i))
		c, err := w.Contact(fmt.Sprintf("49152000000%d", i), "Contact of "+name)
		if err != nil {
			t.Fatal(err)
		}
		contacts[name] = c
	}
	talk := &talk{w: w, sent: map[string]bool{}, accepted: map[string]string{}}
	for _, c := range contacts {
		talk.numbers = append(talk.numbers, c.Number())
	}
	var slowest time.Duration
	for round := range rounds {
		stop := make(chan struct{})
		var talking sync.WaitGroup
		for _, name := range names {
			talking.Go(func() { talk.in(stop, contacts[name], phones[name]) })
			talking.Go(func() { talk.out(stop, round, name, contacts[name]) })
		}
		pause(time.Duration(random.IntN(500)) * time.Millisecond)
		w.kill()
		close(stop)
		talking.Wait()
		begin := time.Now()
		w.start()
		w.poll("all instances to be open again", func() bool {
			for _, name := range names {
				if len(phones[name].Companions()) != 1 || w.state(name) != "open" {
					return false
				}
			}
			return true
		})
		slowest = max(slowest, time.Since(begin))
	}
	t.Logf("%d rounds: slowest return to online %s", rounds, slowest)
	if slowest > 2*time.Second {
		t.Errorf("it took up to %s until all instances were online again", slowest)
	}
	talk.check(t)
}

// pause lets the conversation go on: the instant of the kill is what is random.
func pause(d time.Duration) { <-time.After(d) }

// talk is a conversation and what must come of it.
type talk struct {
	w        *world
	rest     time.Duration // between messages, 0 for a few milliseconds
	mu       sync.Mutex
	sent     map[string]bool   // ids of messages that contacts have written
	numbers  []string          // of contacts
	accepted map[string]string // text -> contact, of messages that the API has accepted
}

// in writes to an instance's phone until stop.
func (k *talk) in(stop <-chan struct{}, from, to *simulator.User) {
	for n := 0; ; n++ {
		id, err := from.Send(to.PN(), content.Text(fmt.Sprintf("in %d", n)))
		if err != nil {
			k.w.t.Errorf("contact cannot send: %v", err)
			return
		}
		k.mu.Lock()
		k.sent[id] = true
		k.mu.Unlock()
		select {
		case <-stop:
			return
		case <-time.After(max(k.rest, 7*time.Millisecond)):
		}
	}
}

// out sends through the API until stop.
func (k *talk) out(stop <-chan struct{}, round int, name string, to *simulator.User) {
	for n := 0; ; n++ {
		what := fmt.Sprintf("%s %d.%d", name, round, n)
		status, _, err := k.w.try(http.MethodPost, "/message/sendText/"+name, map[string]any{"number": to.Number(), "text": what})
		if err == nil && status == http.StatusCreated {
			k.mu.Lock()
			k.accepted[what] = to.Number()
			k.mu.Unlock()
		}
		select {
		case <-stop:
			return
		case <-time.After(max(k.rest, 11*time.Millisecond)):
		}
	}
}

// check holds what was said against what arrived.
func (k *talk) check(t *testing.T) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := func() map[string]map[string]int {
		out := map[string]map[string]int{}
		for _, e := range k.w.hook.of("messages.upsert") {
			if out[e.message()] == nil {
				out[e.message()] = map[string]int{}
			}
			out[e.message()][e.ID]++
		}
		return out
	}
	k.w.poll("every message at the webhook", func() bool {
		got := ids()
		for id := range k.sent {
			if got[id] == nil {
				return false
			}
		}
		return true
	})
	again := 0
	for id, events := range ids() {
		if !k.sent[id] {
			t.Errorf("the webhook was told of %s, which nobody has written", id)
		}
		if len(events) != 1 {
			t.Errorf("message %s has %d event ids", id, len(events))
		}
		for _, times := range events {
			again += times - 1
		}
	}
	got := map[string]int{}
	for _, number := range k.numbers {
		for _, e := range k.w.Lookup(number).Inbox() {
			got[e.Text]++
		}
	}
	for text, times := range got {
		if times > 1 {
			t.Errorf("%q came %d times", text, times)
		}
	}
	for text := range k.accepted {
		if got[text] == 0 {
			t.Errorf("%q was accepted and never came", text)
		}
	}
	t.Logf("%d messages in, %d out accepted, %d arrived; %d webhook deliveries repeated under the same id", len(k.sent), len(k.accepted), len(got), again)
}
