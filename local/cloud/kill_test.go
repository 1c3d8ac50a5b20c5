package cloud_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// TestHostsComeAndGo ends the session host in the middle of a conversation, once
// as a machine that dies and once as ECS stops a task, and starts another. The
// phone stays linked, every message reaches the webhook under one event id, and
// what the API has accepted reaches the contact once.
func TestHostsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := w.startHost("host-1")
	phone := w.link("alice", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	devices := fmt.Sprint(phone.Companions())
	talk := &talk{w: w, phone: phone, contact: bob, accepted: map[string]bool{}}
	for round, end := range []func(){
		func() { host.kill() },
		func() { t.Logf("SIGTERM ends the host after %s", host.stop().Round(time.Millisecond)) },
	} {
		stop := make(chan struct{})
		var talking sync.WaitGroup
		talking.Go(func() { talk.in(stop, round) })
		talking.Go(func() { talk.out(stop, round) })
		w.poll("a conversation", func() bool {
			sent, accepted := talk.so()
			return sent >= 20*(round+1) && accepted >= 3*(round+1)
		})
		end()
		logins := w.Logins()
		began := time.Now()
		host = w.startHost(fmt.Sprintf("host-%d", round+2))
		w.poll("the instance to be online again", func() bool { return w.Logins() > logins && w.state("alice") == "open" })
		t.Logf("online again %s after the next host was started", time.Since(began).Round(time.Millisecond))
		close(stop)
		talking.Wait()
	}
	if now := fmt.Sprint(phone.Companions()); now != devices {
		t.Errorf("the phone was linked to %s and is to %s", devices, now)
	}
	talk.check()
}

// talk is a conversation and what must come of it.
type talk struct {
	w              *world
	phone, contact *simulator.User

	mu       sync.Mutex
	sent     []string        // ids of messages that the contact has written
	accepted map[string]bool // texts that the API has accepted
}

func (k *talk) so() (sent, accepted int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sent), len(k.accepted)
}

func (k *talk) in(stop <-chan struct{}, round int) {
	for n := 0; ; n++ {
		id, err := k.contact.Send(k.phone.PN(), content.Text(fmt.Sprintf("in %d.%d", round, n)))
		if err != nil {
			k.w.t.Errorf("the contact cannot send: %v", err)
			return
		}
		k.mu.Lock()
		k.sent = append(k.sent, id)
		k.mu.Unlock()
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (k *talk) out(stop <-chan struct{}, round int) {
	for n := 0; ; n++ {
		text := fmt.Sprintf("out %d.%d", round, n)
		status, _, err := k.w.try(http.MethodPost, "/message/sendText/alice", map[string]any{"number": k.contact.Number(), "text": text})
		if err == nil && status == http.StatusCreated {
			k.mu.Lock()
			k.accepted[text] = true
			k.mu.Unlock()
		}
		select {
		case <-stop:
			return
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// check holds what was said against what arrived.
func (k *talk) check() {
	k.w.t.Helper()
	ids := func() map[string]map[string]bool { // message -> webhook ids
		out := map[string]map[string]bool{}
		for _, e := range k.w.hook.of("messages.upsert") {
			if out[e.message()] == nil {
				out[e.message()] = map[string]bool{}
			}
			out[e.message()][e.Header.Get("webhook-id")] = true
		}
		return out
	}
	k.w.poll("every message at the webhook", func() bool {
		got := ids()
		for _, id := range k.sent {
			if got[id] == nil {
				return false
			}
		}
		return true
	})
	for id, names := range ids() {
		if len(names) != 1 {
			k.w.t.Errorf("message %s was told under %d ids", id, len(names))
		}
	}
	got := map[string]int{}
	k.w.poll("every accepted message at the contact", func() bool {
		clear(got)
		for _, e := range k.contact.Inbox() {
			got[e.Text]++
		}
		for text := range k.accepted {
			if got[text] == 0 {
				return false
			}
		}
		return true
	})
	for text, times := range got {
		if times > 1 {
			k.w.t.Errorf("%q came %d times", text, times)
		}
	}
	k.w.t.Logf("%d messages in, %d out accepted, %d arrived", len(k.sent), len(k.accepted), len(got))
}
