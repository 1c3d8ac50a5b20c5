package main

import (
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// newTold is a client whose tenant is told of everything, and the phone of Alice.
func newTold(t *testing.T, number string) (*client, *callbacks, *simulator.User) {
	t.Helper()
	w := newWorld(t, time.Minute)
	w.start()
	c, told := newClient(w), newCallbacks(t)
	c.ask(0, "POST", "/tenant/setConfig", map[string]any{"notifyUrl": told.URL})
	phone, err := w.Phone(number, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	return c, told, phone
}

// TestUnlinkedWhileStarting has WhatsApp refuse the first login of a client that
// was just linked: the phone has unlinked it again.
func TestUnlinkedWhileStarting(t *testing.T) {
	t.Parallel()
	const number = "491510000071"
	c, told, phone := newTold(t, number)
	id := c.create()
	c.inject(simulator.Fault{Fault: simulator.RefuseLogin, Number: number, Code: 401, Times: 1})
	c.scan(id, phone)
	if state := c.status(id, "loggedout"); state["canRecover"] != false || state["reason"] != "logged_out" {
		t.Errorf("unlinked: %v", state)
	}
	if online := told.about(id, "client.online"); len(online) > 0 {
		t.Errorf("it was never online, and told of it: %v", online)
	}
	c.ask(10002, "POST", "/client/recoverClient", map[string]any{"guid": id})
	c.link(id, phone) // a code again
}

// TestUnknownStreamError ends the stream for a reason that nobody knows: the
// connection comes back by itself, and what is said meanwhile arrives.
func TestUnknownStreamError(t *testing.T) {
	t.Parallel()
	const number = "491510000072"
	c, told, phone := newTold(t, number)
	bob, err := c.Contact("491510000073", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	id := c.create()
	c.link(id, phone)
	logins := c.Logins()
	c.inject(simulator.Fault{Fault: simulator.StreamError, Number: number, Code: 599})
	if _, err := bob.Send(phone.PN(), content.Text("meanwhile")); err != nil {
		t.Fatal(err)
	}
	c.poll("the next login", func() bool { return c.Logins() > logins })
	c.status(id, "online")
	c.poll("what was said meanwhile", func() bool { return len(told.about(id, "message")) > 0 })
	for _, offline := range told.about(id, "client.offline") { // the network's scene is 1
		if offline["scene"] != 1.0 {
			t.Errorf("told of %v", offline)
		}
	}
}
