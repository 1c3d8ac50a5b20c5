package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/sessionhost/proxy/proxytest"
	"roost/simulator"
)

// refused is what HTTP says of a request beside its body.
func (c *client) refused(method, path, body string) (status int, retry, said string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text := make([]byte, 4096)
	n, _ := response.Body.Read(text)
	return response.StatusCode, response.Header.Get("Retry-After"), string(text[:n])
}

// TestClientErrors meets the rows of the error table on the built program, by
// what WhatsApp does to the client.
func TestClientErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	c, told := newClient(w), newCallbacks(t)
	c.ask(0, "POST", "/tenant/setConfig", map[string]any{"notifyUrl": told.URL})
	const number = "491510000031"
	phone, err := w.Phone(number, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	id := c.create()
	about := map[string]any{"guid": id}
	recover := func(code int) map[string]any {
		t.Helper()
		return c.ask(code, "POST", "/client/recoverClient", about)
	}
	offline := func(scene float64, reason string) {
		t.Helper()
		w.poll("the callback "+reason, func() bool {
			all := told.about(id, "client.offline")
			last := len(all) - 1
			return last >= 0 && all[last]["scene"] == scene && all[last]["reason"] == reason
		})
	}
	recover(10001)
	if status, said := w.call("POST", "/settings/set/"+id, map[string]any{
		"rejectCall": false, "groupsIgnore": false, "alwaysOnline": false, "readMessages": false, "readStatus": false, "syncFullHistory": false, "qrTimeout": 10,
	}); status != http.StatusCreated {
		t.Fatalf("settings: %d %v", status, said)
	}
	qr := c.ask(0, "POST", "/login/getLoginQrcode", about)
	if ttl, _ := qr["ttl"].(float64); ttl < 5 || ttl > 60 {
		t.Errorf("a code: %v", qr)
	}
	check := func(want float64) {
		t.Helper()
		if got := c.ask(0, "POST", "/login/checkLoginQrcode", map[string]any{"guid": id, "qrcodeKey": qr["qrcodeKey"]}); got["status"] != want || got["wxId"] != "" {
			t.Errorf("the code: %v", got)
		}
	}
	check(0)
	if state := c.status(id, "created"); state["reason"] != "pairing_timeout" || state["canRecover"] != false { // nobody scans
		t.Errorf("the codes have run out: %v", state)
	}
	check(2)
	w.poll("the callback of codes that ran out", func() bool { return len(told.about(id, "login.result")) > 0 })
	if got := told.about(id, "login.result")[0]; got["status"] != 2.0 || got["error"] != "pairing_timeout" {
		t.Errorf("told of %v", got)
	}
	if first := told.about(id, "login.qrcode")[0]; first["qrcode"] != qr["qrcode"] || first["qrcodeKey"] != qr["qrcodeKey"] || first["ttl"] != 60.0 {
		t.Errorf("told of %v, answered %v", first, qr)
	}
	if code, _ := c.ask(0, "POST", "/login/getPairCode", map[string]any{"guid": id, "phone": number})["pairCode"].(string); len(code) != 9 || code[4] != '-' {
		t.Errorf("pairing code %q", code)
	}
	c.link(id, phone)
	c.ask(10007, "POST", "/login/getLoginQrcode", about)
	c.ask(10007, "POST", "/login/getPairCode", map[string]any{"guid": id, "phone": number})
	c.ask(10006, "POST", "/client/recoverClient", map[string]any{"guid": id, "wxId": "49"})

	c.inject(simulator.Fault{Fault: simulator.Replace, Number: number})
	if state := c.status(id, "released"); state["reason"] != "replaced" || state["canRecover"] != true {
		t.Errorf("replaced: %v", state)
	}
	offline(4, "replaced")
	if kicked := told.about(id, "client.kicked"); len(kicked) != 1 || len(kicked[0]) != 0 {
		t.Errorf("kicked: %v", kicked)
	}
	logins, opened := w.Logins(), 0
	var together sync.WaitGroup
	answers := make([]map[string]any, 5)
	for n := range answers {
		together.Go(func() { answers[n] = recover(0) }) // no QR code
	}
	together.Wait()
	for _, got := range answers {
		if got["reused"] == false {
			opened++
		}
		if elapsed, _ := got["elapsedMs"].(float64); got["status"] != "online" || got["guid"] != id || got["wxId"] != number || elapsed < 0 || elapsed > 10_000 {
			t.Errorf("after another had the keys: %v", got)
		}
	}
	if opened == 0 || w.Logins() != logins+1 {
		t.Errorf("%d recovers at once gave %d logins", len(answers), w.Logins()-logins)
	}

	c.inject(simulator.Fault{Fault: simulator.Ban, Number: number, Seconds: 3})
	offline(6, "banned")
	until, err := time.Parse(time.RFC3339Nano, recover(10003)["until"].(string))
	if left := time.Until(until); err != nil || left > 4*time.Second {
		t.Errorf("banned until %v: %v", until, err)
	}
	c.speak(number)
	for time.Now().Before(until) {
		select {
		case <-time.After(time.Until(until)):
		case <-w.ctx.Done():
		}
	}
	recover(0)

	c.inject(simulator.Fault{Fault: simulator.Outdated, Number: number})
	offline(7, "outdated")
	recover(10010)
	c.speak(number)
	recover(0)

	c.inject(simulator.Fault{Fault: simulator.Logout, Number: number})
	c.status(id, "loggedout")
	offline(5, "logged_out")
	recover(10002)
	c.link(id, phone) // a code again
	gone := c.ask(0, "DELETE", "/client/"+id, nil)
	if link, _ := gone["signedURL"].(string); gone["objects"] != 3.0 || fetchTranscript(t, link) != "" { // nothing was said
		t.Errorf("deleted: %v", gone)
	}
	recover(10013)

	for _, proxy := range []string{"socks5://127.0.0.1:1", "socks5://user:pass@127.0.0.1:" + w.port} { // nobody, and no proxy
		c.ask(10009, "POST", "/client/createClient", map[string]any{"deviceName": "a", "proxyUrl": proxy})
	}
	for _, inside := range []string{"10.0.0.42", "169.254.169.254", "[fe80::1]"} { // this machine is let through here, and no other that is not public
		c.ask(10009, "POST", "/client/createClient", map[string]any{"deviceName": "a", "proxyUrl": "socks5://" + inside + ":1080"})
	}
	for _, proxy := range []string{"http://127.0.0.1:1", "socks5h://127.0.0.1:1", "socks4://127.0.0.1:1", "socks5://127.0.0.1", "127.0.0.1:1"} {
		c.ask(400, "POST", "/client/createClient", map[string]any{"deviceName": "a", "proxyUrl": proxy})
	}
	other := &client{world: w, token: testKey}
	keys := other.ask(0, "POST", "/tenant/create", map[string]any{"maxClients": 0})
	other.token, _ = other.ask(0, "POST", "/tenant/token", map[string]any{"appKey": keys["appKey"], "appSecret": keys["appSecret"]})["token"].(string)
	other.ask(400, "POST", "/client/createClient", map[string]any{"deviceName": "a"}) // it has no default way out

	for n := 0; ; n++ { // some have been asked for above
		status, retry, said := c.refused("POST", "/client/createClient", `{"deviceName":"a"}`)
		if status == http.StatusTooManyRequests {
			if retry == "" || retry == "0" || !strings.HasPrefix(said, `{"code":429,"data":null,"msg":"`) {
				t.Errorf("Retry-After %q, %s", retry, said)
			}
			break
		}
		if n == 10 {
			t.Fatal("an eleventh client was made within a minute")
		}
	}
	for _, row := range []struct{ token, body, said string }{
		{c.token, `{`, `{"code":400,`},
		{c.token, `{"guid":7}`, `{"code":400,`},
		{"made-up", `{}`, `{"code":401,"data":null,"msg":"token invalid"`},
		{c.token, `{"guid":"` + strings.Repeat("a", 64<<10) + `"}`, `{"code":413,`},
	} {
		asking := &client{world: w, token: row.token}
		if status, _, said := asking.refused("POST", "/client/heartbeat", row.body); !strings.HasPrefix(said, row.said) || status == http.StatusOK {
			t.Errorf("%.20s: %d %s", row.body, status, said)
		}
	}
}

// TestClientProxy has a client whose login goes through its proxy, and one of
// which everything does.
func TestClientProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	c := newClient(w)
	if _, err := w.Contact("491510000063", "Bob"); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		number string
		only   int
	}{{"491510000061", 1}, {"491510000062", 0}} {
		proxy := proxytest.Start(t, "socks5", "user", "pass of the proxy")
		made := c.ask(0, "POST", "/client/createClient", map[string]any{
			"deviceName": "srv-42", "deviceType": 1, "proxyUrl": fmt.Sprintf("socks5://user:pass%%20of%%20the%%20proxy@127.0.0.1:%d", proxy.Port()), "onlyProxyLogin": row.only,
		})
		id, _ := made["guid"].(string)
		phone, err := w.Phone(row.number, "Phone")
		if err != nil {
			t.Fatal(err)
		}
		tested := len(proxy.Dialled())
		c.link(id, phone)
		login := len(proxy.Dialled()) - tested
		if status, said := w.call("POST", "/message/sendMedia/"+id, map[string]any{
			"number": "491510000063", "mediatype": "document", "mimetype": "text/plain", "fileName": "a.txt", "media": base64.StdEncoding.EncodeToString([]byte("hello")),
		}); status != http.StatusCreated {
			t.Fatalf("send: %d %v", status, said)
		}
		all := len(proxy.Dialled()) - tested // beside the login's socket that after it, and the file's
		if row.only == 1 && (login != 1 || all != 1) || row.only == 0 && (login < 2 || all <= login) {
			t.Errorf("onlyProxyLogin %d: %d connections until it was online, %d in all", row.only, login, all)
		}
		proxy.Stop()
		c.ask(0, "POST", "/client/stopClient", map[string]any{"guid": id})
		without := map[int]int{1: 0, 0: 10009}[row.only]
		c.ask(without, "POST", "/client/recoverClient", map[string]any{"guid": id})
	}
	if strings.Contains(w.output.String(), "pass of the proxy") {
		t.Error("the log shows the proxy's password")
	}
}
