package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"roost/sessionhost/session"
	"roost/simulator"
)

// hush keeps an account off WhatsApp until speak: its socket is cut, and no
// login succeeds.
func (c *client) hush(number string) {
	c.t.Helper()
	c.inject(simulator.Fault{Fault: simulator.RefuseLogin, Number: number, Code: 503})
	c.inject(simulator.Fault{Fault: simulator.Cut, Number: number})
}

func (c *client) speak(number string) {
	c.t.Helper()
	c.inject(simulator.Fault{Fault: simulator.Clear, Number: number})
}

// rows gets a list of Evolution's.
func (w *world) rows(path string) (status int, rows []map[string]any, err error) {
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.base+path, nil)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("apikey", testKey)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	return response.StatusCode, rows, json.NewDecoder(response.Body).Decode(&rows)
}

// about lists a client's own callbacks of one kind: their payloads.
func (c *callbacks) about(id, event string) (out []map[string]any) {
	for _, one := range c.of(event) {
		if one.GUID == id {
			out = append(out, one.Payload)
		}
	}
	return out
}

// TestIdleClients has WhatsApp be silent to one client after another: the tenant
// may have two that are idle, so the third sends the first away. What is away
// comes back when it is recovered, and what is not is left alone.
func TestIdleClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.startHere(session.Rhythm{Beat: 600 * time.Millisecond, Release: time.Hour})
	c, told := newClient(w), newCallbacks(t)
	c.ask(0, "POST", "/tenant/setConfig", map[string]any{"maxIdle": 2, "notifyUrl": told.URL})
	var ids, numbers []string
	for _, number := range []string{"491510000011", "491510000012", "491510000013", "491510000014"} {
		phone, err := w.Phone(number, "Phone "+number)
		if err != nil {
			t.Fatal(err)
		}
		id := c.create()
		c.link(id, phone)
		ids, numbers = append(ids, id), append(numbers, number)
	}
	for n := range 2 {
		c.hush(numbers[n])
		state := c.status(ids[n], "idle")
		since, err := time.Parse(time.RFC3339Nano, state["idleSince"].(string))
		if err != nil || state["releaseAt"] != since.Add(10*time.Minute).Format(time.RFC3339Nano) || state["canRecover"] != true {
			t.Errorf("idle: %v, %v", state, err)
		}
	}
	c.hush(numbers[2])
	if state := c.status(ids[0], "released"); state["reason"] != "maxIdle" || state["idleSince"] != nil || state["releaseAt"] != nil || state["canRecover"] != true {
		t.Errorf("released: %v", state)
	}
	for n, want := range map[int]string{1: "idle", 2: "idle", 3: "online"} {
		c.status(ids[n], want)
	}
	w.poll("the callbacks of a release", func() bool { return len(told.about(ids[0], "client.offline")) == 2 })
	gone := told.about(ids[0], "client.offline")
	if gone[0]["scene"] != 2.0 || gone[1]["scene"] != 3.0 || gone[1]["reason"] != "maxIdle" || gone[1]["wxId"] != numbers[0] {
		t.Errorf("told of %v", gone)
	}

	for n, want := range map[int][2]any{1: {"connecting", 11.0}, 3: {"open", 10.0}} { // the same in the other dialects
		_, rows, err := w.rows("/instance/fetchInstances?instanceId=" + ids[n])
		if err != nil || len(rows) != 1 {
			t.Fatalf("%v: %v", rows, err)
		}
		token, _ := rows[0]["token"].(string)
		if _, object := w.call("GET", "/status.aspx?wid="+token, nil); object["status"] != want[1] {
			t.Errorf("in commands %v", object)
		}
		if got := w.state(ids[n]); got != want[0] {
			t.Errorf("in Evolution %s", got)
		}
	}
	ended := c.ask(0, "DELETE", "/client/"+ids[2], nil) // WhatsApp is silent, and it ends all the same
	if link, _ := ended["signedURL"].(string); link == "" || fetchTranscript(t, link) != "" {
		t.Errorf("deleted: %v", ended)
	}
	pending := c.ask(10005, "POST", "/client/recoverClient", map[string]any{"guid": ids[1]}) // WhatsApp does not want it yet
	if s := pending["status"]; s != "idle" && s != "connecting" {
		t.Errorf("not done in time: %v", pending)
	}
	before := len(told.about(ids[0], "client.online"))
	c.speak(numbers[0])
	if got := c.ask(0, "POST", "/client/recoverClient", map[string]any{"guid": ids[0]}); got["reused"] != false || got["status"] != "online" || got["wxId"] != numbers[0] {
		t.Errorf("recovered: %v", got)
	}
	w.poll("the callback of a recovery", func() bool { return len(told.about(ids[0], "client.online")) == before+1 })
	if got := c.ask(0, "POST", "/client/recoverClient", map[string]any{"guid": ids[0]}); got["reused"] != true {
		t.Errorf("recovered again: %v", got)
	}
	w.poll("the callback of a connection that is there", func() bool { return len(told.about(ids[0], "client.online")) == before+2 })
	online := told.about(ids[0], "client.online")
	for n, reused := range []bool{false, true} {
		if got := online[before+n]; got["reused"] != reused || got["wxId"] != numbers[0] || got["name"] != "Phone "+numbers[0] {
			t.Errorf("told of %v", got)
		}
	}
	c.speak(numbers[1])
	c.status(ids[1], "online") // by itself
	if told := told.about(ids[3], "client.offline"); len(told) != 0 {
		t.Errorf("of the one that was left alone: %v", told)
	}
}

// TestReleasedClient has WhatsApp be silent for long: the client is given up,
// and its keys are good when it is recovered.
func TestReleasedClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.startHere(session.Rhythm{Beat: 600 * time.Millisecond, Release: 1500 * time.Millisecond})
	c, told := newClient(w), newCallbacks(t)
	id := c.create()
	c.ask(0, "POST", "/client/setNotifyUrl", map[string]any{"guid": id, "notifyUrl": told.URL, "events": []string{"client.offline"}})
	phone, err := w.Phone("491510000021", "Alice")
	if err != nil {
		t.Fatal(err)
	}
	c.link(id, phone)
	c.hush("491510000021")
	if state := c.status(id, "released"); state["reason"] != "released" || state["wxId"] != "491510000021" || state["canRecover"] != true || state["lastBeat"] == nil {
		t.Errorf("released: %v", state)
	}
	w.poll("the callbacks", func() bool { return len(told.all()) == 2 })
	for n, scene := range []float64{2, 3} {
		if got := told.all()[n]; got.Event != "client.offline" || got.Payload["scene"] != scene {
			t.Errorf("told of %+v", got)
		}
	}
	c.speak("491510000021")
	if got := c.ask(0, "POST", "/client/recoverClient", map[string]any{"guid": id, "wxId": "491510000021"}); got["reused"] != false || got["status"] != "online" {
		t.Errorf("recovered: %v", got)
	}
	if n := len(phone.Companions()); n != 1 {
		t.Errorf("the phone lists %d companions: it was linked anew", n)
	}
}
