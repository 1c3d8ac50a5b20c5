package evolution_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/shared/event"
	"roost/shared/message"
	"roost/simulator"
	"roost/simulator/content"
)

// set has just one of the six settings on, none for "", and what else is said.
func (w *live) set(on, more string) {
	w.t.Helper()
	var fields []string
	for _, name := range []string{"rejectCall", "groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory"} {
		value := "false"
		if name == on {
			value = "true"
		}
		fields = append(fields, `"`+name+`":`+value)
	}
	w.run(nil, []step{{name: "set " + on, method: "POST", path: "/settings/set/a", body: `{` + strings.Join(fields, ",") + more + `}`, status: 201, want: `{*}`}})
}

// heard are the texts that events tell of until one of them is last.
func (w *live) heard(last string) []string {
	w.t.Helper()
	var texts []string
	for {
		e := w.any()
		if e.Kind != event.MessageReceived {
			continue
		}
		var m message.Message
		w.must(json.Unmarshal(e.Body, &m))
		if m.Text == last {
			return texts
		}
		texts = append(texts, m.Text)
	}
}

// await waits for a state of the simulated world.
func (w *live) await(what string, ok func() bool) {
	w.t.Helper()
	for !ok() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestSettingsHaveEffects is what section 2.3 of the contract says of settings:
// what each does while it is on, and not before or after. (syncFullHistory acts
// when a phone is linked: see the host's TestHistory.)
func TestSettingsHaveEffects(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	choir := w.Sim.Group("Choir", bob, w.alice)
	say := func(to, text string) string {
		t.Helper()
		id, err := bob.Say(simulator.Saying{To: to, Text: text})
		w.must(err)
		return id
	}
	const alice, status = "491510000001", "status@broadcast"
	readOf := func(id string) func(simulator.Receipt) bool {
		return func(r simulator.Receipt) bool { return r.ID == id && strings.HasPrefix(r.Type, "read") }
	}

	w.set("alwaysOnline", "")
	w.await("the account to be online", w.alice.Available)
	w.set("", "")
	w.await("the account to be away", func() bool { return !w.alice.Available() })

	say(choir.JID().String(), "to all")
	say(status, "at the sea")
	early := say(alice, "one")
	if got := w.heard("one"); !slices.Equal(got, []string{"to all"}) { // readStatus is off
		t.Errorf("before any setting %q is told", got)
	}
	w.set("groupsIgnore", "")
	say(choir.JID().String(), "to nobody")
	say(alice, "two")
	if got := w.heard("two"); len(got) != 0 {
		t.Errorf("with groupsIgnore %q is told", got)
	}
	w.set("readStatus", "")
	seen := say(status, "in the hills")
	say(alice, "three")
	if got := w.heard("three"); !slices.Equal(got, []string{"in the hills"}) {
		t.Errorf("with readStatus %q is told", got)
	}
	_, err := bob.AwaitReceipt(w.ctx, readOf(seen))
	w.must(err)

	w.set("readMessages", "")
	late := say(alice, "four")
	_, err = bob.AwaitReceipt(w.ctx, readOf(late))
	w.must(err)
	if slices.ContainsFunc(bob.Receipts(), readOf(early)) {
		t.Error("a message from before readMessages is read")
	}

	rings, err := bob.Call(w.alice.PN(), false)
	w.must(err)
	w.next(event.CallChanged)
	w.set("rejectCall", `,"msgCall":"Write to me, please."`)
	rejected, err := bob.Call(w.alice.PN(), false)
	w.must(err)
	_, err = bob.AwaitCall(w.ctx, func(c simulator.Call) bool { return c.ID == rejected && c.State == simulator.CallRejected })
	w.must(err)
	_, err = bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "Write to me, please." })
	w.must(err)
	for _, c := range bob.Calls() {
		if c.ID == rings && c.State != simulator.CallRinging {
			t.Errorf("a call from before rejectCall is %s", c.State)
		}
	}
}
