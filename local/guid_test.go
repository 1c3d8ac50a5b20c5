package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// callbacks is a receiver of the guid dialect's callbacks.
type callbacks struct {
	*httptest.Server
	mu   sync.Mutex
	told []callback
}

type callback struct {
	GUID          string
	NotifyType    int
	Event         string
	Seq           int64
	CustomerParam string
	Payload       map[string]any

	header http.Header
	body   []byte
}

func newCallbacks(t *testing.T) *callbacks {
	t.Helper()
	c := &callbacks{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		one := callback{header: r.Header, body: body}
		if err != nil || json.Unmarshal(body, &one) != nil {
			http.Error(rw, "no callback", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		c.told = append(c.told, one)
		c.mu.Unlock()
	}))
	t.Cleanup(c.Close)
	return c
}

// of lists what was told of one kind.
func (c *callbacks) of(event string) (out []callback) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.told {
		if one.Event == event {
			out = append(out, one)
		}
	}
	return out
}

func (c *callbacks) all() []callback {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]callback(nil), c.told...)
}

// client speaks the guid dialect to a running program.
type client struct {
	*world
	token string
}

// newClient speaks for the default tenant, whose secret the operator has had
// renewed.
func newClient(w *world) *client {
	w.t.Helper()
	c := &client{world: w, token: testKey}
	keys := c.ask(0, "POST", "/tenant/resetSecret", map[string]any{"tenant": "default"})
	tokens := c.ask(0, "POST", "/tenant/token", map[string]any{"appKey": keys["appKey"], "appSecret": keys["appSecret"]})
	c.token, _ = tokens["token"].(string)
	return c
}

// create makes a client and returns its guid.
func (c *client) create() string {
	c.t.Helper()
	id, _ := c.ask(0, "POST", "/client/createClient", map[string]any{"deviceName": "srv-42", "customerParam": "tenant=acme&env=prod"})["guid"].(string)
	return id
}

// link has a phone scan the codes of a client, and waits until it is online.
func (c *client) link(id string, phone *simulator.User) {
	c.t.Helper()
	c.scan(id, phone)
	c.status(id, "online")
}

// scan has a phone scan the codes of a client until it takes one.
func (c *client) scan(id string, phone *simulator.User) {
	c.t.Helper()
	about := map[string]any{"guid": id}
	shown := ""
	c.poll("a scan that the phone takes", func() bool { // it asks for a second code, as WhatsApp does
		code, _ := c.ask(0, "POST", "/login/getLoginQrcode", about)["qrcode"].(string)
		if code == shown {
			return false
		}
		shown = code
		_, err := phone.Scan(c.ctx, code)
		if err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
			c.t.Fatal(err)
		}
		return err == nil
	})
}

// status waits for a client's status and returns its state.
func (c *client) status(id, want string) (state map[string]any) {
	c.t.Helper()
	for {
		state = c.ask(0, "POST", "/client/getClientStatus", map[string]any{"guid": id})
		if state["status"] == want {
			return state
		}
		select {
		case <-time.After(50 * time.Millisecond): // 100 requests a second are let through
		case <-c.ctx.Done():
			c.t.Fatalf("waited in vain for status %s: %v", want, state)
		}
	}
}

// inject makes something go wrong at WhatsApp.
func (c *client) inject(f simulator.Fault) {
	c.t.Helper()
	if err := c.Inject(f); err != nil {
		c.t.Fatal(err)
	}
}

// ask returns the data of an answer, which must have a code.
func (c *client) ask(code int, method, path string, body map[string]any) map[string]any {
	c.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.ctx, method, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	var said struct {
		Code int
		Data map[string]any
		Msg  string
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil || said.Code != code {
		c.t.Fatalf("%s %s: %d %+v, %v", method, path, response.StatusCode, said, err)
	}
	return said.Data
}

// printed is what the program has said after a word at the beginning of a line.
func printed(output, word string) string {
	found := regexp.MustCompile(`(?m)^\s*` + word + ` +([0-9a-f]+)`).FindStringSubmatch(output)
	if found == nil {
		return ""
	}
	return found[1]
}

// TestClients is the life of a guid client on the built program: the keys that
// its first start prints, a QR code, messages both ways, callbacks, a kill,
// stopped and recovered, deleted with its transcript.
func TestClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	w.poll("the greeting", func() bool { return strings.Contains(w.output.String(), "host      http") })
	appKey, appSecret := printed(w.output.String(), "appKey"), printed(w.output.String(), "appSecret")
	c := &client{world: w}
	tokens := c.ask(0, "POST", "/tenant/token", map[string]any{"appKey": appKey, "appSecret": appSecret})
	c.token, _ = tokens["token"].(string)

	told := newCallbacks(t)
	c.ask(0, "POST", "/tenant/setConfig", map[string]any{"notifyUrl": told.URL})
	made := c.ask(0, "POST", "/client/createClient", map[string]any{"deviceName": "srv-42", "deviceType": 1, "customerParam": "tenant=acme&env=prod"})
	id, _ := made["guid"].(string)
	about := map[string]any{"guid": id}
	status := func(want string) {
		t.Helper()
		w.poll("status "+want, func() bool { return c.ask(0, "POST", "/client/getClientStatus", about)["status"] == want })
	}
	status("created")
	c.ask(10001, "POST", "/client/recoverClient", about)

	alice, err := w.Phone("491510000001", "Alice")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.Contact("491510000002", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	qr := map[string]any{}
	w.poll("a scan that the phone takes", func() bool { // it asks for a second code, as WhatsApp does
		next := c.ask(0, "POST", "/login/getLoginQrcode", about)
		if next["qrcode"] == qr["qrcode"] {
			return false
		}
		qr = next
		code, _ := qr["qrcode"].(string)
		_, err := alice.Scan(w.ctx, code)
		if err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
			t.Fatal(err)
		}
		return err == nil
	})
	status("online")
	if got := c.ask(0, "POST", "/login/checkLoginQrcode", map[string]any{"guid": id, "qrcodeKey": qr["qrcodeKey"]}); got["status"] != 1.0 || got["wxId"] != "491510000001" {
		t.Errorf("checkLoginQrcode: %v", got)
	}
	w.poll("the callbacks of a login", func() bool {
		return len(told.of("login.qrcode")) > 0 && len(told.of("login.result")) > 0 && len(told.of("client.online")) > 0
	})

	// The dialect has no sends: another's find the client by its guid.
	if status, said := w.call("POST", "/message/sendText/"+id, map[string]any{"number": "491510000002", "text": "hi Bob"}); status != 201 {
		t.Fatalf("send: %d %v", status, said)
	}
	if _, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "hi Bob" }); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Send(alice.PN(), content.Text("hi Alice")); err != nil {
		t.Fatal(err)
	}
	w.poll("the callback of a message", func() bool {
		for _, one := range told.of("message") {
			all, _ := one.Payload["messages"].([]any)
			m, _ := all[0].(map[string]any)
			if m["content"] == "hi Alice" && m["fromUserId"] == "491510000002" && m["toUserId"] == "491510000001" {
				return true
			}
		}
		return false
	})

	w.kill()
	w.start()
	w.poll("the second greeting", func() bool { return strings.Contains(w.output.String(), "host      http") })
	if again := w.output.String(); strings.Contains(again, "appSecret") || printed(again, "appKey") != appKey {
		t.Error("the second start prints another key, or the secret again")
	}
	status("online")
	c.ask(0, "POST", "/client/stopClient", about)
	status("released")
	c.ask(10006, "POST", "/client/recoverClient", map[string]any{"guid": id, "wxId": "491510000009"})
	if got := c.ask(0, "POST", "/client/recoverClient", map[string]any{"guid": id, "wxId": "491510000001"}); got["reused"] != false || got["status"] != "online" {
		t.Errorf("recovered %v", got)
	}
	if got := c.ask(0, "POST", "/client/recoverClient", about); got["reused"] != true {
		t.Errorf("recovered while online %v", got)
	}

	gone := c.ask(0, "DELETE", "/client/"+id, nil)
	link, _ := gone["signedURL"].(string)
	if lines := fetchTranscript(t, link); !strings.Contains(lines, "hi Bob") || !strings.Contains(lines, "hi Alice") {
		t.Errorf("the transcript of %v lacks messages:\n%s", gone, lines)
	}
	if left := alice.Companions(); len(left) != 0 {
		t.Errorf("the phone still lists %v", left)
	}
	c.ask(10013, "DELETE", "/client/"+id, nil)
	c.ask(10013, "POST", "/client/recoverClient", about)
	w.poll("the last callback", func() bool { return len(told.of("client.deleted")) > 0 })
	if link, _ := told.of("client.deleted")[0].Payload["signedURL"].(string); !strings.Contains(fetchTranscript(t, link), "hi Bob") {
		t.Errorf("the last callback leads to %q", link)
	}
	// What was under way when the program was killed may be told of last.
	w.poll("every number up to the last", func() bool {
		numbers, last := map[int64]bool{}, int64(0)
		for _, one := range told.all() {
			numbers[one.Seq], last = true, max(last, one.Seq)
		}
		return int64(len(numbers)) == last
	})
	for _, one := range told.all() {
		if one.GUID != id || one.CustomerParam != "tenant=acme&env=prod" {
			t.Errorf("callback %+v", one)
		}
	}
	for _, secret := range []string{c.token, appSecret} {
		if strings.Contains(w.output.String(), secret) {
			t.Error("the log shows a secret")
		}
	}
}

// fetchTranscript gets one by its signed URL.
func fetchTranscript(t *testing.T, link string) string {
	t.Helper()
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the transcript: %s", response.Status)
	}
	unpacked, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(lines)
}
